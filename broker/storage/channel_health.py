"""How each team's channel is doing, one row a team: failures, pauses, what was last heard; rules of it are `domain.breaker`'s.

Rows are locked in the order of their teams, so that two who record outcomes of the same teams wait for each other
instead of for ever.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from broker.domain.breaker import Health
from broker.storage import direct
from broker.storage.person_tables import CHANNEL_HEALTH as HEALTH
from broker.storage.phrases import among
from broker.storage.prepared import Query
from broker.storage.types import UtcDateTime

FRESH = timedelta(seconds=5)
"""What was heard within this is not written again: a busy channel costs a write each five seconds, not one each batch."""

LOOK_TO_THE = timedelta(minutes=1)
"""How exactly it is kept when a system looked into its mailbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is stored of one channel."""

    health: Health
    send_from: datetime | None = None
    """The rate limit's theoretical arrival time."""
    delivered_at: datetime | None = None


def read(session: Session, teams: Collection[str]) -> dict[str, Known]:
    """What is known of these, without locking anything; of a team without a row, nothing."""
    return _known(session, _READ, teams)


def lock(session: Session, teams: Collection[str], *, wait: bool = True) -> dict[str, Known]:
    """The same, held until the commit; a row is made for each that has none. Without `wait`, those that others hold are left out."""
    _insert_missing(session, teams)
    return _known(session, _LOCK if wait else _LOCK_FREE, teams)


def _known(session: Session, query: Query, teams: Collection[str]) -> dict[str, Known]:
    return {
        team: Known(health=Health(failures, since, paused), send_from=send_from, delivered_at=delivered)
        for team, failures, since, paused, send_from, delivered in direct.rows(session, query, teams=teams)
    }


_ROWS: sa.Select[*tuple[object, ...]] = (
    sa.select(
        HEALTH.c.team_id,
        HEALTH.c.failures,
        HEALTH.c.failing_since,
        HEALTH.c.paused_until,
        HEALTH.c.send_from,
        HEALTH.c.delivered_at,
    )
    .where(among(HEALTH.c.team_id, "teams"))
    .order_by(HEALTH.c.team_id)
)
_READ, _LOCK = Query(_ROWS), Query(_ROWS.with_for_update())
_LOCK_FREE = Query(_ROWS.with_for_update(skip_locked=True))


def _insert_missing(session: Session, teams: Collection[str]) -> None:
    have = {team for (team,) in direct.rows(session, _TEAMS, teams=teams)}
    missing = sorted(set(teams) - have)
    if missing:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        rows = [{"team_id": team, "failures": 0} for team in missing]
        session.execute(insert(HEALTH).values(rows).on_conflict_do_nothing(index_elements=["team_id"]))


_TEAMS = Query(sa.select(HEALTH.c.team_id).where(among(HEALTH.c.team_id, "teams")))


def write(session: Session, channels: Mapping[str, Known]) -> None:
    """Keep what is now known of these, whose rows are locked."""
    direct.change_each(session, _WRITE, [_row(team, channels[team]) for team in sorted(channels)])


def _row(team: str, known: Known) -> dict[str, object]:
    health = known.health
    return {
        "b_team": team,
        "b_failures": health.failures,
        "b_since": health.failing_since,
        "b_paused": health.paused_until,
        "b_from": known.send_from,
        "b_delivered": known.delivered_at,
    }


_TIME = UtcDateTime()
_WRITE = Query(
    sa.update(HEALTH)
    .where(HEALTH.c.team_id == sa.bindparam("b_team"))
    .values(
        failures=sa.bindparam("b_failures"),
        failing_since=sa.bindparam("b_since", type_=_TIME),
        paused_until=sa.bindparam("b_paused", type_=_TIME),
        send_from=sa.bindparam("b_from", type_=_TIME),
        delivered_at=sa.bindparam("b_delivered", type_=_TIME),
    )
)


def heard(session: Session, teams: Collection[str], now: datetime) -> None:
    """These teams' systems said that they have a message; not written again within `FRESH`."""
    known = read(session, teams)
    stale = sorted(team for team in teams if not is_fresh(known.get(team), now))
    if stale:
        lock(session, stale)
        direct.change(session, _HEARD, teams=stale, now=now)


_HEARD = Query(
    sa.update(HEALTH).where(among(HEALTH.c.team_id, "teams")).values(delivered_at=sa.bindparam("now", type_=_TIME))
)


def is_fresh(known: Known | None, now: datetime) -> bool:
    """Whether what was last heard is new enough to leave it at that."""
    return known is not None and known.delivered_at is not None and now - known.delivered_at < FRESH


def has_looked(session: Session, team_id: str, now: datetime) -> bool:
    """Whether it is written already that the team's system looked into its mailbox just now."""
    last = session.scalar(sa.select(HEALTH.c.looked_at).where(HEALTH.c.team_id == team_id))
    return last is not None and now - last < LOOK_TO_THE


def looked(session: Session, team_id: str, now: datetime) -> None:
    """The team's system asked for its mailbox."""
    _insert_missing(session, [team_id])
    session.execute(sa.update(HEALTH).where(HEALTH.c.team_id == team_id).values(looked_at=now))
