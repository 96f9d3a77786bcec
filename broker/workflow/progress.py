"""Whether what was agreed gets on: an acknowledgement whose actions stand still lapses and climbs again (F14); `escalate` sees to that."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlmodel import Session

from broker.domain.answers import Move
from broker.domain.tasks import TERMINAL, BusinessStatus
from broker.storage import tasks
from broker.storage.task_values import EVERYTHING, Stored
from broker.storage.tasks import Change, Value
from broker.workflow import escalate
from broker.workflow.context import Context
from schemas.codes import TaskCode, TaskStatus

MOVES: Final = frozenset({Move.NOTE, Move.EXTEND, Move.REASSIGN, Move.COMPLETE, Move.DECLINE})
"""What shows that somebody is at it. A look is none."""


def lapses_at(ctx: Context, task: Stored, actions_due: Collection[datetime], now: datetime) -> datetime | None:
    """When the acknowledgement of a task lapses, if what was agreed with these dates stands still."""
    calendar = ctx.directory.teams[task.row.owner_team_id].calendar
    return escalate.clocks_of(ctx, task).lapses_at(actions_due, now, calendar)


def made(session: Session, ctx: Context, whole_id: str, now: datetime) -> None:
    """One of the agreed actions of an acknowledgement has got on, so that it stands again."""
    whole = tasks.get(session, ctx.codec, whole_id, EVERYTHING)
    if whole is None or whole.row.status is not TaskStatus.ACCEPTED:
        return
    actions = tasks.parts_of(session, ctx.codec, whole_id, TaskCode.AGREED_ACTION)
    left = [one.row.due_at for one in actions if one.row.status not in TERMINAL and one.row.due_at is not None]
    by = lapses_at(ctx, whole, left, now)
    columns: dict[str, Value] = {
        "business_status": BusinessStatus.ACTIONS_OPEN,
        "progress_by": by,
        "climbs_at": by,
        "level": 0,
    }
    what = Change(move="progress", content=whole.content, columns=columns, detail={})
    tasks.change(session, ctx.codec, whole, what, now)
