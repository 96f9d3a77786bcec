"""What a household is asked, it is asked once: not while the last such question is open, nor sooner than the policy's `again` says.

Lines of the policy of one name ask for the same thing, whatever event they stand under.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from broker.domain.routing import Routing
from broker.domain.tasks import TERMINAL
from broker.domain.wanted import TaskWanted
from broker.storage import tasks
from broker.storage.codec import Codec
from broker.storage.store import Raced
from broker.storage.task_values import Stored
from schemas.codes import TaskStatus

_ANSWERED = frozenset({TaskStatus.COMPLETED, TaskStatus.REJECTED})


def still_to_ask(
    session: Session, codec: Codec, decided: Routing, now: datetime, *, received_at: datetime | None = None
) -> Routing:
    """The decision without what has been asked. `received_at`: of a message that is routed once more; what was answered since stands for it."""
    wanted = [task for task in decided.tasks if task.once is not None]
    if not wanted:
        return decided
    before = {task.row.dedupe_key: task for task in tasks.by_keys(session, codec, _keys(wanted))}
    left = [task for task in decided.tasks if not _is_asked(task, before.get(task.dedupe_key), received_at or now, now)]
    return replace(decided, tasks=tuple(left))


def give_back(session: Session, codec: Codec, wanted: Sequence[TaskWanted]) -> None:
    """Free the keys of the earlier questions whose place these take."""
    for task in tasks.by_keys(session, codec, _keys([task for task in wanted if task.once is not None])):
        if not tasks.keep(session, task, {"dedupe_key": f"{task.row.dedupe_key}:{task.row.id}"}):
            raise Raced


def _keys(wanted: Sequence[TaskWanted]) -> list[str]:
    return [task.dedupe_key for task in wanted if task.dedupe_key]


def _is_asked(task: TaskWanted, last: Stored | None, received_at: datetime, now: datetime) -> bool:
    if last is None or task.once is None:
        return False
    if last.row.status not in _ANSWERED:
        return last.row.status not in TERMINAL
    again = task.once.again
    return last.row.changed_at > received_at or (again is not None and last.row.authored_at + again > now)
