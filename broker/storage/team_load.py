"""How much the teams of an agency have to do, in numbers alone; whom it is about is not read."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col

from broker.domain.tasks import TERMINAL
from broker.storage.codec import Codec
from broker.storage.tables import Task
from broker.storage.task_values import HELD_BY
from broker.storage.tasks import reading, stored
from schemas.codes import TaskCode

MOST_HELD: Final = 2000
"""Agreed actions that are looked through: who holds one is sealed with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Of one team: its open tasks, how many are past their date, and since when the oldest waits."""

    team: str
    open: int
    overdue: int
    oldest: datetime


def of_teams(session: Session, team_ids: Collection[str], codes: Collection[TaskCode], now: datetime) -> list[Load]:
    """By team, those that have anything open of these kinds; whoever has most overdue first."""
    late = sa.func.sum(sa.case((col(Task.due_at) < now, 1), else_=0))
    query = sa.select(col(Task.owner_team_id), sa.func.count(), late, sa.func.min(col(Task.authored_at))).where(
        col(Task.owner_team_id).in_(team_ids), col(Task.status).not_in(TERMINAL), col(Task.code).in_(codes)
    )
    rows = session.execute(query.group_by(col(Task.owner_team_id))).all()
    loads = [Load(team=team, open=number, overdue=int(over), oldest=oldest) for team, number, over, oldest in rows]
    return sorted(loads, key=lambda one: (-one.overdue, -one.open, one.team))


def held(session: Session, codec: Codec, team_ids: Collection[str]) -> Counter[tuple[str, str]]:
    """How many agreed actions are open by team and who of it holds them, as `name, role`; '' where nobody does."""
    query = reading().where(
        col(Task.owner_team_id).in_(team_ids),
        col(Task.status).not_in(TERMINAL),
        col(Task.code) == TaskCode.AGREED_ACTION,
    )
    rows = session.execute(query.order_by(col(Task.due_at), col(Task.id)).limit(MOST_HELD))
    found = (stored(codec, row) for row in rows)
    return Counter((task.row.owner_team_id, str(task.content.get("options", {}).get(HELD_BY) or "")) for task in found)
