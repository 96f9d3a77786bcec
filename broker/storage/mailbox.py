"""The mailbox of a team: its deliveries numbered from 1 without gaps after their commit, listed and found by the team alone."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from broker.domain.states import DeliveryState, Purpose
from broker.storage import direct, second_lock
from broker.storage.deliveries import OPEN
from broker.storage.person_tables import DELIVERY, MAILBOX_NUMBER
from broker.storage.phrases import among, within
from broker.storage.prepared import Query, written_out
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
    notification_id: str | None
    cause: str


def undelivered(session: Session, *, but: Collection[str]) -> list[Undelivered]:
    """Every message that some team has not acknowledged, those of the teams `but` left out; numbered or not, by team and number."""
    found = direct.rows(session, _UNDELIVERED, but=but)
    return [Undelivered(id=id_, team_id=team, notification_id=about, cause=cause) for id_, team, about, cause in found]


def _is_open() -> sa.ColumnElement[bool]:
    states: sa.BindParameter[DeliveryState] = sa.bindparam(
        "undelivered", list(OPEN), expanding=True, literal_execute=True
    )
    return col(Delivery.state).in_(states)


_UNDELIVERED = Query(
    sa.select(DELIVERY.c.id, DELIVERY.c.team_id, DELIVERY.c.notification_id, DELIVERY.c.cause)
    .where(_is_open(), sa.not_(among(DELIVERY.c.team_id, "but")))
    .order_by(DELIVERY.c.team_id, DELIVERY.c.number)
)


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


def copy_of(session: Session, notification_id: str, team_id: str) -> str | None:
    """The message by which a team was told of a notification; None when it was not."""
    found = direct.rows(session, _COPY, notification=notification_id, team=team_id)
    return found[0][0] if found else None


_COPY = Query(
    sa.select(DELIVERY.c.id).where(
        DELIVERY.c.notification_id == sa.bindparam("notification"),
        DELIVERY.c.team_id == sa.bindparam("team"),
        DELIVERY.c.cause == "",
        DELIVERY.c.state.not_in(NEVER_SHOWN),
    )
)


# --- numbers -----------------------------------------------------------------------------------------------------


def unnumbered_teams(session: Session, *, limit: int, team_id: str | None = None) -> list[str]:
    """Teams with committed messages that have no number yet, those that have waited longest first."""
    if team_id is None:
        return [team for (team,) in direct.rows(session, _WAITING, most=limit)]
    return [team for (team,) in direct.rows(session, _WAITS, team=team_id)]


def number(session: Session, teams: Collection[str], *, limit: int) -> int:
    """Give these teams' oldest messages without a number the next ones, at most so many; how many got theirs.

    Only committed rows are seen, so a message committed later always gets a higher number than any already listed.
    A team's counter row is locked until the commit and moves with the numbers: whoever else does this at the same
    time waits, then sees what was given, and a crash in between takes both back. Hence no gap and no number twice.
    """
    if not teams:
        return 0
    _lock_counters(session, teams)
    given = direct.rows(session, _GIVE, teams=teams, most=limit)
    last: dict[str, int] = {}
    for team, given_number in given:
        last[team] = max(given_number, last.get(team, 0))
    direct.change_each(session, _MOVE, [{"b_team": team, "b_last": number_} for team, number_ in sorted(last.items())])
    return len(given)


def _lock_counters(session: Session, teams: Collection[str]) -> None:
    """Hold the teams' counters, made at 0 for a first message; in one order, so that two who do this never wait in a circle.

    With a team's very first message they can, which PostgreSQL ends and `Store.write` does again.
    """
    held = {team for (team,) in direct.rows(session, _HELD, teams=teams)}
    missing = sorted(set(teams) - held)
    if missing:
        direct.change_each(session, _made_at_0(session), [{"b_team": team} for team in missing])
        direct.rows(session, _HELD, teams=missing)


_HELD = Query(
    sa.select(MAILBOX_NUMBER.c.team_id)
    .where(among(MAILBOX_NUMBER.c.team_id, "teams"))
    .order_by(MAILBOX_NUMBER.c.team_id)
    .with_for_update()
)


def _made_at_0(session: Session) -> Query:
    return _MADE_AT_0[session.get_bind().dialect.name]


_MADE_AT_0 = {
    dialect: Query(insert(MAILBOX_NUMBER).values(team_id=sa.bindparam("b_team"), last=0).on_conflict_do_nothing())
    for dialect, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}


def _unnumbered() -> sa.ColumnElement[bool]:
    """The partial index's own condition, as constants: neither database uses the index for bound parameters."""
    never: sa.BindParameter[DeliveryState] = sa.bindparam(
        "never", [*NEVER_SHOWN, DeliveryState.CANCELLED], expanding=True, literal_execute=True, unique=True
    )
    return sa.and_(DELIVERY.c.number.is_(None), DELIVERY.c.state.not_in(never))


def _waiting() -> sa.Select[str]:
    return sa.select(DELIVERY.c.team_id).where(_unnumbered())


_WAITING = Query(
    _waiting()
    .group_by(DELIVERY.c.team_id)
    .order_by(sa.func.min(DELIVERY.c.created_at), DELIVERY.c.team_id)
    .limit(sa.bindparam("most", type_=sa.Integer()))
    .offset(0)
)
_WAITS = Query(_waiting().where(DELIVERY.c.team_id == sa.bindparam("team")).limit(1).offset(0))


def _give() -> sa.UpdateBase:
    """The next numbers to the oldest of these teams; one that is withdrawn at this moment either waits for its number or gets none."""
    fresh = written_out(
        sa.select(DELIVERY.c.id, DELIVERY.c.team_id, DELIVERY.c.created_at)
        .where(among(DELIVERY.c.team_id, "teams"), _unnumbered())
        .order_by(DELIVERY.c.created_at, DELIVERY.c.id)
        .limit(sa.bindparam("most", type_=sa.Integer()))
        .offset(0)
        .with_for_update()
    ).cte("fresh")
    place = sa.func.row_number().over(partition_by=fresh.c.team_id, order_by=(fresh.c.created_at, fresh.c.id))
    placed = (
        sa.select(fresh.c.id, (MAILBOX_NUMBER.c.last + place).label("number"))
        .join(MAILBOX_NUMBER, MAILBOX_NUMBER.c.team_id == fresh.c.team_id)
        .cte("placed")
    )
    number_ = sa.select(placed.c.number).where(placed.c.id == DELIVERY.c.id).scalar_subquery()
    # One by one, whatever PostgreSQL supposes of their number; and not joined: it would look each up among all of them.
    numbered = sa.update(DELIVERY).where(within(DELIVERY.c.id, sa.select(placed.c.id))).values(number=number_)
    return numbered.returning(DELIVERY.c.team_id, DELIVERY.c.number)


_GIVE = Query(_give())
_MOVE = Query(
    sa.update(MAILBOX_NUMBER)
    .where(MAILBOX_NUMBER.c.team_id == sa.bindparam("b_team"))
    .values(last=sa.bindparam("b_last"))
)
