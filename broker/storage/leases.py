"""Leases of work that one process at a time should do, by name; each ends by itself when its holder dies."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from broker.storage import direct
from broker.storage.deliveries import changes
from broker.storage.person_tables import LEASE
from broker.storage.prepared import Query
from broker.storage.tables import Lease
from broker.storage.types import UtcDateTime

IMPOSSIBLE = 10
"""So many leases from now none ends: processes may be set to leases of different lengths, and their clocks differ a little."""

LEASES = 42140117
"""Of the advisory locks of PostgreSQL, those of leases."""


def take(session: Session, name: str, holder: str, *, now: datetime, until: datetime) -> bool:
    """Take or renew a lease; False while somebody else holds it. One statement, so two cannot both believe they have it.

    One that ends later than any could was taken by a clock that was wrong: it holds nobody up.
    On PostgreSQL whoever meets another's work that is not committed yet goes away instead of waiting for its end.
    """
    if _somebody_is_at_it(session, name):
        return False
    impossible = now + IMPOSSIBLE * (until - now)
    query = _TAKE[session.get_bind().dialect.name]
    return bool(direct.rows(session, query, name=name, holder=holder, until=until, now=now, impossible=impossible))


def _take(insert: type[postgresql.Insert | sqlite.Insert]) -> Query:
    lease, holder = LEASE.c, sa.bindparam("holder", type_=sa.Text())
    until, now, impossible = (sa.bindparam(name, type_=UtcDateTime()) for name in ("until", "now", "impossible"))
    mine_or_over = sa.or_(lease.holder == holder, lease.until <= now, lease.until > impossible)
    row = {"holder": holder, "until": until}
    taken = insert(LEASE).values(name=sa.bindparam("name"), **row)
    return Query(
        taken.on_conflict_do_update(index_elements=["name"], set_=row, where=mine_or_over).returning(lease.name)
    )


_TAKE = {"postgresql": _take(postgresql.Insert), "sqlite": _take(sqlite.Insert)}


def _somebody_is_at_it(session: Session, name: str) -> bool:
    if session.get_bind().dialect.name != "postgresql":
        return False  # one writes at a time
    return direct.rows(session, _TRY, name=name) == [(False,)]


_TRY = Query(sa.select(sa.func.pg_try_advisory_xact_lock(LEASES, sa.func.hashtext(sa.bindparam("name")))))


def in_turn(session: Session, name: str) -> None:
    """Wait until nobody else is at it, and keep others out until the commit: what has no row of its own that could be held."""
    if session.get_bind().dialect.name == "postgresql":
        direct.rows(session, _WAIT, name=name)


_WAIT = Query(sa.select(sa.func.pg_advisory_xact_lock(LEASES, sa.func.hashtext(sa.bindparam("name"))).cast(sa.Text())))


def give_up(session: Session, name: str, holder: str, *, now: datetime) -> bool:
    """End one's own lease before its time, so that the next need not wait; False when it was not one's own."""
    mine = (col(Lease.name) == name, col(Lease.holder) == holder)
    return changes(session, sa.update(Lease).where(*mine).values(until=now - timedelta(microseconds=1))) > 0
