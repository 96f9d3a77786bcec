"""Tasks that climb because nobody answered: which the clock must look at, and the rungs they have climbed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session, col, select

from broker.domain.states import ChannelKind
from broker.storage import direct, row_digests, tasks
from broker.storage.codec import Codec
from broker.storage.person_tables import CHANNEL, ESCALATION, TASK
from broker.storage.phrases import among
from broker.storage.prepared import Query
from broker.storage.store import Raced
from broker.storage.tables import Escalation
from broker.storage.task_values import Stored

OPENING: Final = "opening"
REMINDER: Final = "reminder"
BEFORE: Final = {OPENING: 0, REMINDER: -1, "out-of-hours": -2}
"""The levels of what comes before the ladder, each its own, because they may fall on one moment."""


def due(session: Session, codec: Codec, now: datetime, limit: int) -> list[Stored]:
    """Tasks whose time has come, longest waiting first."""
    return tasks.read(session, codec, _DUE, now=now, most=limit)


def to_cover(session: Session, codec: Codec, now: datetime, limit: int) -> list[Stored]:
    """Tasks of which who stands in is to be told by now, longest waiting first."""
    return tasks.read(session, codec, _TO_COVER, now=now, most=limit)


def _reached(at: sa.ColumnElement[datetime]) -> Query:
    """Tasks whose time of this kind has come."""
    found = tasks.reading().where(at <= sa.bindparam("now", type_=at.type)).order_by(at, TASK.c.id)
    return Query(found.limit(sa.bindparam("most", type_=sa.Integer())).offset(0))


_DUE, _TO_COVER = _reached(TASK.c.climbs_at), _reached(TASK.c.covers_at)


def look_again(session: Session, task: Stored, at: datetime | None) -> None:
    """When to look at a task next that climbs no rung now. This is no move, and changes no version."""
    tasks.keep(session, task, {"climbs_at": at})


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
    kinds: dict[str, ChannelKind] = dict(direct.rows(session, _KINDS, teams=told)) if told else {}
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
    direct.insert(session, ESCALATION, rows)
    row_digests.note(session, "escalation", rows)


_KINDS = Query(sa.select(CHANNEL.c.team_id, CHANNEL.c.kind).where(among(CHANNEL.c.team_id, "teams")))


def was_told(session: Session, task_id: str, rung: str, due_at: datetime) -> bool:
    """Whether a clock of this name that passed then has been told of."""
    return bool(direct.rows(session, _TOLD, task=task_id, due=due_at, rung=rung))


_TOLD = Query(
    sa.select(ESCALATION.c.id)
    .where(
        ESCALATION.c.task_id == sa.bindparam("task"),
        ESCALATION.c.due_at == sa.bindparam("due", type_=ESCALATION.c.due_at.type),
        ESCALATION.c.rung == sa.bindparam("rung"),
    )
    .limit(1)
    .offset(0)
)


def keep_time(session: Session, task: Stored, **times: datetime | None) -> None:
    """Set clocks of a task that is moved by nothing else. Raced when it was moved meanwhile, so that nobody is told who has answered."""
    if not tasks.keep(session, task, times):
        raise Raced


def of(session: Session, task_ids: Collection[str]) -> Mapping[str, list[Escalation]]:
    """The rungs that these tasks have climbed, by task, oldest first."""
    found: dict[str, list[Escalation]] = {}
    query = select(Escalation).where(col(Escalation.task_id).in_(task_ids))
    for row in session.exec(query.order_by(col(Escalation.at), col(Escalation.level))):
        found.setdefault(row.task_id, []).append(row)
    return found
