"""The ledger of who is responsible: its chains read, and moved by one period that begins where the last one ends."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import BindParameter, RowMapping, bindparam, case, insert, or_, select, update
from sqlmodel import Session

from broker.domain.responsibility import Chains, Holding, Key
from broker.domain.tasks import TERMINAL
from broker.storage import direct, row_digests
from broker.storage.person_tables import IS_OF_TRANSFER, TASK
from broker.storage.phrases import among
from broker.storage.prepared import Query
from broker.storage.store import Raced
from broker.storage.tables import metadata
from schemas.codes import Function, TaskCode

RESPONSIBILITY: Final = metadata.tables["responsibility"]
_OF = RESPONSIBILITY.c
_PERSONS: BindParameter[str] = bindparam("persons", expanding=True)
# Statements are built once: building one costs more than running it.
_CHAINS = select(RESPONSIBILITY).where(_OF.person_id.in_(_PERSONS))
_NOW = Query(select(RESPONSIBILITY).where(among(_OF.person_id, "persons"), _OF.until.is_(None)))
_AT = _CHAINS.where(_OF.since <= bindparam("at"), or_(_OF.until.is_(None), _OF.until > bindparam("at")))
_MADE_BY = select(_OF.person_id).where(_OF.notification_id.in_(bindparam("notifications", expanding=True))).distinct()
_IN_TRANSFER = select(TASK.c.person_id, TASK.c.requester_team_id).where(
    IS_OF_TRANSFER,
    TASK.c.code == TaskCode.CONFIRM_CHILD,
    TASK.c.person_id.in_(_PERSONS),
    TASK.c.requester_team_id.is_not(None),
    TASK.c.status.not_in(TERMINAL),
)
_END = (
    update(RESPONSIBILITY)
    .where(_OF.id == bindparam("period"), _OF.until.is_(None))
    .values(
        until=case((_OF.since > bindparam("now"), _OF.since), else_=bindparam("now")), next_id=bindparam("successor")
    )
    .returning(_OF.until)
)


def holders(session: Session, person_ids: Collection[str], at: datetime | None = None) -> dict[Key, Holding]:
    """The period that answers for each person and function now, or at that time; who is left out was never spoken of."""
    if not person_ids:
        return {}
    if at is None:
        rows = [dict(zip(_OF.keys(), row, strict=True)) for row in direct.rows(session, _NOW, persons=person_ids)]
        return {(row["person_id"], row["function"]): _holding(row) for row in rows}
    found = session.execute(_AT, {"persons": list(person_ids), "at": at})
    return {(row["person_id"], row["function"]): _holding(row) for row in found.mappings()}


def chains(session: Session, person_ids: Collection[str]) -> Chains:
    """Everything that was ever answered for these persons, oldest first."""
    if not person_ids:
        return {}
    found: dict[Key, list[RowMapping]] = defaultdict(list)
    for row in session.execute(_CHAINS, {"persons": list(person_ids)}).mappings():
        found[row["person_id"], row["function"]].append(row)
    return {key: tuple(_holding(row) for row in _in_order(rows)) for key, rows in found.items()}


def history(session: Session, person_id: str, function: Function) -> list[Holding]:
    """Everything that was ever answered for a person and function, oldest first."""
    return list(chains(session, [person_id]).get((person_id, function), ()))


def _in_order(rows: Sequence[RowMapping]) -> Iterable[RowMapping]:
    """By who follows whom: two periods may begin at one moment."""
    following = {row["previous_id"]: row for row in rows}
    at: str | None = None
    while at in following:
        row = following[at]
        yield row
        at = row["id"]


def _holding(row: Mapping[str, Any] | RowMapping) -> Holding:
    return Holding(
        id=row["id"],
        person_id=row["person_id"],
        function=row["function"],
        team_id=row["team_id"],
        unheld=row["unheld"],
        since=row["since"],
        occurred_at=row["occurred_at"],
        held_by=row["held_by"],
        notification_id=row["notification_id"],
        task_id=row["task_id"],
        until=row["until"],
        follows=row["previous_id"],
    )


def record(session: Session, holdings: Iterable[Holding], now: datetime) -> None:
    """Begin these periods, at `now` or, when the clock went back, where the period that each follows began, which ends there.

    Raced when another period has begun since the one that is followed was read.
    """
    # In one order for everybody, so that two who record for the same persons do not wait for each other.
    rows = [_begin(session, holding, now) for holding in sorted(holdings, key=lambda h: (h.person_id, h.function))]
    if rows:
        session.execute(insert(RESPONSIBILITY), rows)
        row_digests.note(session, "responsibility", rows)


def _begin(session: Session, holding: Holding, now: datetime) -> dict[str, object]:
    id_ = str(uuid4())
    return {
        "id": id_,
        "person_id": holding.person_id,
        "function": holding.function,
        "team_id": holding.team_id,
        "unheld": holding.unheld,
        "since": now if holding.follows is None else _end(session, holding.follows, id_, now),
        "occurred_at": holding.occurred_at,
        "held_by": holding.held_by,
        "notification_id": holding.notification_id,
        "task_id": holding.task_id,
        "previous_id": holding.follows,
    }


def _end(session: Session, period_id: str, successor: str, now: datetime) -> datetime:
    """End an open period; when it ended."""
    asked = {"period": period_id, "successor": successor, "now": now}
    ended: datetime | None = session.execute(_END, asked).scalar_one_or_none()
    if ended is None:
        raise Raced("somebody else has become responsible meanwhile")
    return ended


def made_by(session: Session, notification_ids: Collection[str]) -> list[str]:
    """Ids of the persons of whom one of the notifications made a team, or nobody, responsible."""
    return sorted(session.execute(_MADE_BY, {"notifications": list(notification_ids)}).scalars())


def in_transfer(session: Session, person_ids: Collection[str]) -> frozenset[tuple[str, str]]:
    """(person, team) for whom the team has a line of a transfer open: nobody has confirmed it, and nobody refused."""
    if not person_ids:
        return frozenset()
    rows = session.execute(_IN_TRANSFER, {"persons": list(person_ids)})
    return frozenset((person, team) for person, team in rows)
