"""A team begins to cover an area: it is told of what still stands about families there for whom its service was looked for in vain."""

from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session, col, select

from broker.domain.tasks import TERMINAL
from broker.storage import deliveries, tasks
from broker.storage.tables import Notification, Task
from broker.storage.tasks import Change
from broker.workflow import outcomes, route
from broker.workflow.context import Context
from schemas.codes import Function, TaskCode, TaskStatus

AT_ONCE = 25
"""Messages in one step, which is one transaction."""


def looked_for(session: Session, area_id: str, functions: Collection[Function], *, after: str = "") -> list[str]:
    """Messages for which a service of this area was looked for in vain, in the order of their ids."""
    found: set[str] = set()
    for function in functions:
        missing = select(Task.notification_id).where(
            col(Task.code) == TaskCode.UNDELIVERABLE,
            col(Task.status).not_in(TERMINAL),
            col(Task.dedupe_key).contains(_missing(area_id, function), autoescape=True),
            col(Task.notification_id) > after,
        )
        found |= {id_ for id_ in session.exec(missing) if id_ is not None}
    return sorted(found)[:AT_ONCE]


def cover(session: Session, ctx: Context, notification_ids: Collection[str], area_id: str, now: datetime) -> None:
    """Route these once more, and end the question who provides the service there where its team is told by now.

    What does not stand any more stays with who was asked.
    """
    for row in session.exec(select(Notification).where(col(Notification.id).in_(notification_ids))).all():
        route.once_more(session, ctx, row, now)
        told = deliveries.told(session, [row.id])
        for task in tasks.about(session, ctx.codec, row.id, [TaskCode.UNDELIVERABLE]):
            if task.row.status in TERMINAL or not _answered(ctx, task.row.dedupe_key or "", area_id, told):
                continue
            columns = {"status": TaskStatus.CANCELLED, "business_status": None}
            what = Change(move="reached-somebody", content=task.content, columns=columns, detail={})
            version = tasks.change(session, ctx.codec, task, what, now)
            outcomes.tell(session, ctx, task, task.row.owner_team_id, version, now)


def _answered(ctx: Context, key: str, area_id: str, told: Collection[str]) -> bool:
    for function in Function:
        if f"{_missing(area_id, function)}:" in f"{key}:":
            provider = ctx.directory.provider(area_id, function)
            return provider is not None and provider.id in told
    return False


def _missing(area_id: str, function: Function) -> str:
    """What `domain.asks` calls a service that an area lacks."""
    return f":no-team:{area_id}:{function.value}"
