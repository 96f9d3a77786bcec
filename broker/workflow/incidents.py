"""That nobody could be told is itself a task, once, of somebody who can have it mended (invariant 3)."""

from datetime import datetime
from typing import Final

from sqlmodel import Session

from broker.domain import ladder
from broker.domain.wanted import TaskWanted
from broker.domain.world import Team
from broker.storage.task_values import Stored
from broker.workflow import raising
from broker.workflow.context import Context
from schemas.codes import Priority, TaskCode

_KEY: Final = "unreachable"


def nobody_to_tell(
    session: Session, ctx: Context, task: Stored, owner: Team, words: str, key: str, now: datetime
) -> None:
    """One incident for a task of `owner` and a `key` of who was looked for; that of another incident would go on for ever."""
    if (task.row.dedupe_key or "").startswith(f"{_KEY}:"):
        return
    hears = ladder.who_hears(owner, task.requester, ctx.directory)
    wanted = TaskWanted(
        code=TaskCode.UNDELIVERABLE,
        owner=hears.id,
        description=f"{words} Find who can see that it is answered, and have the directory mended.",
        dedupe_key=f"{_KEY}:{task.row.id}:{key}",
        notification_id=task.row.notification_id,
        part_of=task.row.id,
        priority=task.row.priority,
        due_at=ctx.policy.own_asks.reach.of(Priority(task.row.priority)).after(now, hears.calendar),
        cites="invariant 3",
        options={"team": owner.id},
    )
    raising.raise_tasks(session, ctx, [wanted], now)
