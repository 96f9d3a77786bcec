"""Tasks that climb because nobody answered: which the clock must look at, and the rungs they have climbed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import uuid4

from sqlmodel import Session, col, func, insert, select, update

from broker.storage.codec import Codec
from broker.storage.tables import Escalation, Task
from broker.storage.task_values import Stored
from broker.storage.tasks import reading, stored


def next_at(session: Session) -> datetime | None:
    """When the clock must next look at a task; None when none has a date to keep."""
    return session.scalar(select(func.min(Task.climbs_at)).where(col(Task.climbs_at).is_not(None)))


def due(session: Session, codec: Codec, now: datetime, limit: int) -> list[Stored]:
    """Tasks whose time has come, longest waiting first."""
    query = reading().where(col(Task.climbs_at) <= now).order_by(col(Task.climbs_at), col(Task.id)).limit(limit)
    return [stored(codec, *found) for found in session.execute(query)]


def look_again(session: Session, task: Stored, at: datetime | None) -> None:
    """When to look at a task next that climbs no rung now. This is no move, and changes no version."""
    unmoved = (col(Task.id) == task.row.id, col(Task.version) == task.row.version)
    session.execute(update(Task).where(*unmoved).values(climbs_at=at))


def record(session: Session, task: Stored, climbed: Sequence[tuple[str, str | None]], now: datetime) -> None:
    """One row a rung: its name in the ladder, and the team that is told, None when nobody could be reached."""
    rows = [
        {
            "id": str(uuid4()),
            "task_id": task.row.id,
            "level": task.row.level + 1 + index,
            "due_at": task.row.due_at,
            "rung": rung,
            "team_id": team,
            "at": now,
        }
        for index, (rung, team) in enumerate(climbed)
    ]
    if rows:
        session.execute(insert(Escalation), rows)


def of(session: Session, task_ids: Collection[str]) -> Mapping[str, list[Escalation]]:
    """The rungs that these tasks have climbed, by task, oldest first."""
    found: dict[str, list[Escalation]] = {}
    query = select(Escalation).where(col(Escalation.task_id).in_(task_ids))
    for row in session.exec(query.order_by(col(Escalation.at), col(Escalation.level))):
        found.setdefault(row.task_id, []).append(row)
    return found
