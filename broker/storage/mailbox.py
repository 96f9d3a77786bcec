"""The mailbox of a team: its deliveries numbered from 1 without gaps after their commit, listed and found by the team alone."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from broker.domain.states import DeliveryState, Purpose
from broker.storage import second_lock
from broker.storage.deliveries import OPEN
from broker.storage.person_tables import DELIVERY, MAILBOX_NUMBER
from broker.storage.tables import Delivery

NEVER_SHOWN = (DeliveryState.WITHHELD, DeliveryState.HELD)
"""Decisions not (or not yet) to tell the team: for it they do not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One message in a team's mailbox, without what it says: that is rendered when it is fetched."""

    id: str
    number: int | None
    """None for the moment between the commit and the sequencer."""
    purpose: Purpose
    state: DeliveryState
    created_at: datetime
    delivered_at: datetime | None


def page(session: Session, team_id: str, *, after: int, limit: int) -> list[Item]:
    """Messages with a number above `after`, acknowledged ones too, in the order of their numbers."""
    return _items(session, team_id, col(Delivery.number) > after, limit=limit)


def waiting(session: Session, team_id: str, *, limit: int) -> list[Item]:
    """Messages that the team has not acknowledged, lowest number first."""
    return _items(session, team_id, col(Delivery.number).is_not(None), _is_open(), limit=limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """A message of any team that its system has not acknowledged."""

    id: str
    team_id: str
    notification_id: str
    cause: str


def undelivered(session: Session, *, but: Collection[str]) -> list[Undelivered]:
    """Every message that some team has not acknowledged, those of the teams `but` left out; numbered or not, by team and number."""
    columns = (Delivery.id, Delivery.team_id, Delivery.notification_id, Delivery.cause)
    query = sa.select(*map(col, columns)).where(_is_open(), col(Delivery.team_id).not_in(but))
    found = session.execute(query.order_by(col(Delivery.team_id), col(Delivery.number)))
    return [Undelivered(id=id_, team_id=team, notification_id=about, cause=cause) for id_, team, about, cause in found]


def _is_open() -> sa.ColumnElement[bool]:
    states: sa.BindParameter[DeliveryState] = sa.bindparam(
        "undelivered", list(OPEN), expanding=True, literal_execute=True
    )
    return col(Delivery.state).in_(states)


def find(session: Session, team_id: str, delivery_id: str) -> Item | None:
    """One message by its delivery id; None when it is not this team's to see."""
    found = _items(session, team_id, col(Delivery.id) == delivery_id, col(Delivery.state).not_in(NEVER_SHOWN), limit=1)
    return found[0] if found else None


def _items(session: Session, team_id: str, *which: sa.ColumnElement[bool], limit: int) -> list[Item]:
    query = (
        sa.select(
            col(Delivery.id),
            col(Delivery.number),
            col(Delivery.purpose),
            col(Delivery.state),
            col(Delivery.created_at),
            col(Delivery.delivered_at),
        )
        .where(col(Delivery.team_id) == team_id, *which)
        .order_by(col(Delivery.number))
        .limit(limit)
    )
    with second_lock.viewing(session, team_id):
        found = session.execute(query).all()
    return [
        Item(id=id_, number=number, purpose=purpose, state=state, created_at=created_at, delivered_at=delivered_at)
        for id_, number, purpose, state, created_at, delivered_at in found
    ]


# --- numbers -----------------------------------------------------------------------------------------------------


def unnumbered_teams(session: Session, *, limit: int, team_id: str | None = None) -> list[str]:
    """Teams with committed messages that have no number yet, those that have waited longest first."""
    whose = () if team_id is None else (DELIVERY.c.team_id == team_id,)
    found = sa.select(DELIVERY.c.team_id).where(_unnumbered(), *whose).group_by(DELIVERY.c.team_id)
    return list(session.scalars(found.order_by(sa.func.min(DELIVERY.c.created_at), DELIVERY.c.team_id).limit(limit)))


def number(session: Session, teams: Collection[str], *, limit: int) -> int:
    """Give these teams' oldest messages without a number the next ones, at most so many; how many got theirs.

    Only committed rows are seen, so a message committed later always gets a higher number than any already listed.
    A team's counter row is locked until the commit and moves with the numbers: whoever else does this at the same
    time waits, then sees what was given, and a crash in between takes both back. Hence no gap and no number twice.
    """
    if not teams:
        return 0
    _lock_counters(session, teams)
    fresh = (
        sa.select(DELIVERY.c.id, DELIVERY.c.team_id, DELIVERY.c.created_at)
        .where(DELIVERY.c.team_id.in_(teams), _unnumbered())
        .order_by(DELIVERY.c.created_at, DELIVERY.c.id)
        .limit(limit)
        # One that is withdrawn at this moment either waits for its number or gets none.
        .with_for_update()
        .cte("fresh")
    )
    place = sa.func.row_number().over(partition_by=fresh.c.team_id, order_by=(fresh.c.created_at, fresh.c.id))
    placed = (
        sa.select(fresh.c.id, (MAILBOX_NUMBER.c.last + place).label("number"))
        .join(MAILBOX_NUMBER, MAILBOX_NUMBER.c.team_id == fresh.c.team_id)
        .cte("placed")
    )
    given = session.execute(
        sa.update(DELIVERY)
        .where(DELIVERY.c.id == placed.c.id)
        .values(number=placed.c.number)
        .returning(DELIVERY.c.team_id, DELIVERY.c.number)
    ).all()
    last: dict[str, int] = {}
    for team, given_number in given:
        last[team] = max(given_number, last.get(team, 0))
    if last:
        session.connection().execute(_MOVE, [{"b_team": team, "b_last": number_} for team, number_ in last.items()])
    return len(given)


_MOVE = (
    sa.update(MAILBOX_NUMBER)
    .where(MAILBOX_NUMBER.c.team_id == sa.bindparam("b_team"))
    .values(last=sa.bindparam("b_last"))
)


def _lock_counters(session: Session, teams: Collection[str]) -> None:
    """Hold the teams' counters, made at 0 for a first message; in one order, so that two who do this never wait in a circle."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [{"team_id": team, "last": 0} for team in sorted(teams)]
    session.execute(insert(MAILBOX_NUMBER).on_conflict_do_nothing(), rows)
    held = sa.select(MAILBOX_NUMBER.c.team_id).where(MAILBOX_NUMBER.c.team_id.in_(teams))
    session.execute(held.order_by(MAILBOX_NUMBER.c.team_id).with_for_update()).all()


def _unnumbered() -> sa.ColumnElement[bool]:
    """The partial index's own condition, as constants: neither database uses the index for bound parameters."""
    never: sa.BindParameter[DeliveryState] = sa.bindparam(
        "never", [*NEVER_SHOWN, DeliveryState.CANCELLED], expanding=True, literal_execute=True, unique=True
    )
    return sa.and_(DELIVERY.c.number.is_(None), DELIVERY.c.state.not_in(never))
