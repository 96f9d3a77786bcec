"""Leases of work that one process at a time should do, by name; each ends by itself when its holder dies."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from broker.storage.deliveries import changes
from broker.storage.tables import Lease

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
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    mine_or_over = sa.or_(
        col(Lease.holder) == holder, col(Lease.until) <= now, col(Lease.until) > now + IMPOSSIBLE * (until - now)
    )
    taken = session.scalar(
        insert(Lease)
        .values(name=name, holder=holder, until=until)
        .on_conflict_do_update(index_elements=["name"], set_={"holder": holder, "until": until}, where=mine_or_over)
        .returning(col(Lease.name))
    )
    return taken is not None


def _somebody_is_at_it(session: Session, name: str) -> bool:
    if session.get_bind().dialect.name != "postgresql":
        return False  # one writes at a time
    return not session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LEASES, sa.func.hashtext(name))))


def give_up(session: Session, name: str, holder: str, *, now: datetime) -> bool:
    """End one's own lease before its time, so that the next need not wait; False when it was not one's own."""
    mine = (col(Lease.name) == name, col(Lease.holder) == holder)
    return changes(session, sa.update(Lease).where(*mine).values(until=now - timedelta(microseconds=1))) > 0
