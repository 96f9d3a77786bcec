"""Tasks that climb because nobody answered: which the clock must look at, and the rungs they have climbed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session, col, insert, select, update

from broker.domain.states import ChannelKind
from broker.storage import direct
from broker.storage.codec import Codec
from broker.storage.deliveries import changes
from broker.storage.person_tables import TASK
from broker.storage.prepared import Query
from broker.storage.store import Raced
from broker.storage.tables import Channel, Escalation, Task
from broker.storage.task_values import Stored
from broker.storage.tasks import reading, stored

BEFORE: Final = {"opening": 0, "reminder": -1, "out-of-hours": -2}
"""The levels of what comes before the ladder, each its own, because they may fall on one moment."""


def next_at(session: Session) -> datetime | None:
    """When the clock must next look at a task; None when none has a date to keep."""
    [(at,)] = direct.rows(session, _NEXT)
    return at  # type: ignore[no-any-return]  # the column's type


_NEXT = Query(sa.select(sa.func.min(TASK.c.climbs_at)).where(TASK.c.climbs_at.is_not(None)))


def due(session: Session, codec: Codec, now: datetime, limit: int) -> list[Stored]:
    """Tasks whose time has come, longest waiting first."""
    query = reading().where(col(Task.climbs_at) <= now).order_by(col(Task.climbs_at), col(Task.id)).limit(limit)
    return [stored(codec, *found) for found in session.execute(query)]


def next_cover(session: Session) -> datetime | None:
    """When who stands in is next to be told of a task."""
    found = direct.rows(session, _NEXT_COVER)
    return found[0][0] if found else None


_NEXT_COVER = Query(sa.select(sa.func.min(TASK.c.covers_at)).where(TASK.c.covers_at.is_not(None)))


def to_cover(session: Session, codec: Codec, now: datetime, limit: int) -> list[Stored]:
    """Tasks of which who stands in is to be told by now, longest waiting first."""
    query = reading().where(col(Task.covers_at) <= now).order_by(col(Task.covers_at), col(Task.id)).limit(limit)
    return [stored(codec, *found) for found in session.execute(query)]


def look_again(session: Session, task: Stored, at: datetime | None) -> None:
    """When to look at a task next that climbs no rung now. This is no move, and changes no version."""
    unmoved = (col(Task.id) == task.row.id, col(Task.version) == task.row.version)
    session.execute(update(Task).where(*unmoved).values(climbs_at=at))


def record(
    session: Session,
    task: Stored,
    climbed: Sequence[tuple[str, str | None]],
    due_at: datetime,
    now: datetime,
    *,
    first_level: int,
) -> None:
    """One row a rung: its name, and the team that is told and how, None when nobody could be reached. `due_at`: what has passed, or is to come."""
    told = {team for _, team in climbed if team is not None}
    kinds = dict(session.execute(select(Channel.team_id, Channel.kind).where(col(Channel.team_id).in_(told))).all())
    rows = [
        {
            "id": str(uuid4()),
            "task_id": task.row.id,
            "level": first_level + index,
            "due_at": due_at,
            "rung": rung,
            "team_id": team,
            "channel": kinds.get(team, ChannelKind.MAILBOX) if team is not None else None,
            "at": now,
        }
        for index, (rung, team) in enumerate(climbed)
    ]
    session.execute(insert(Escalation), rows)


def was_told(session: Session, task_id: str, rung: str, due_at: datetime) -> bool:
    """Whether a clock of this name that passed then has been told of."""
    query = select(Escalation.id).where(
        Escalation.task_id == task_id, Escalation.due_at == due_at, Escalation.rung == rung
    )
    return session.scalar(query.limit(1)) is not None


def keep_time(session: Session, task: Stored, **times: datetime | None) -> None:
    """Set clocks of a task that is moved by nothing else. Raced when it was moved meanwhile, so that nobody is told who has answered."""
    unmoved = (col(Task.id) == task.row.id, col(Task.version) == task.row.version)
    if not changes(session, update(Task).where(*unmoved).values(**times)):
        raise Raced


def of(session: Session, task_ids: Collection[str]) -> Mapping[str, list[Escalation]]:
    """The rungs that these tasks have climbed, by task, oldest first."""
    found: dict[str, list[Escalation]] = {}
    query = select(Escalation).where(col(Escalation.task_id).in_(task_ids))
    for row in session.exec(query.order_by(col(Escalation.at), col(Escalation.level))):
        found.setdefault(row.task_id, []).append(row)
    return found
