"""What the end of a pregnancy stops: everything that was expected of it, at once and without a word why (sharing principle 14)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlmodel import Session

from broker.domain import tasks as rules
from broker.storage import tasks
from broker.storage.tables import Notification
from broker.storage.tasks import Change
from broker.workflow.context import Context
from schemas.codes import TaskCode, TaskStatus

STOPPED: Final = (
    TaskCode.ACKNOWLEDGE,
    TaskCode.AGREED_ACTION,
    TaskCode.SUPPLY_INFORMATION,
    TaskCode.EXPECTED_EVENT,
    TaskCode.RELEASE,
    TaskCode.UNDELIVERABLE,
    TaskCode.DATA_QUALITY,
)
"""Who somebody is, where they live and who works with them stay questions about the living."""


def stop(session: Session, ctx: Context, ended: Iterable[Notification], now: datetime) -> None:
    """Cancel the open tasks of these notifications. Whoever has one is told of the end by a message of its own."""
    for row in ended:
        for task in tasks.about(session, ctx.codec, row.id, STOPPED):
            if task.row.status not in rules.TERMINAL:
                columns = {"status": TaskStatus.CANCELLED, "business_status": None}
                what = Change(move="no-longer-current", content=task.content, columns=columns, detail={})
                tasks.change(session, ctx.codec, task, what, now)
