"""Claiming what is due: leased to one worker at a time, fairly between teams; what becomes of a claim is in `outbox.py`.

A claim moves `next_attempt_at` to the end of its lease, so that a dead worker's rows are due again by themselves and
one condition (its time has come) finds all there is to do.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from broker.storage.allowances import is_limited
from broker.storage.leasing import Claimed, Share, channels, due, due_alone, lease_query, leased, open_to, with_channels
from broker.storage.limited import claim_limited
from broker.storage.person_tables import CHANNEL, DELIVERY
from broker.storage.phrases import among as is_among
from broker.storage.prepared import written_out

LIMITED_PART = 4
"""One in so many places of a claim is for teams that may not get everything at once, if something waits for them."""


def claim(
    session: Session, share: Share, *, now: datetime, lease: timedelta, among: Collection[str] | None = None
) -> list[Claimed]:
    """Lease due deliveries, the first of every team before the second of any; disjoint between workers on both databases.

    Only what has its mailbox number is handed out, so that a receiver can tell loss and order by it.

    Args:
        session: in a write.
        share: how much, and for whom.
        now: rows due by then; what another worker leased is due again when its lease has ended.
        lease: how long they are ours.
        among: only these, as they were announced; None to look for all there is.
    """
    if share.limit <= 0 or (among is not None and not among):
        return []
    # First a part of the room for those who may not get everything at once: however long the others' backlog, they have theirs.
    limited, used = claim_limited(session, replace(share, limit=max(1, share.limit // LIMITED_PART)), now, lease, among)
    rest = share.limit - used
    if rest <= 0:
        return limited
    values: dict[str, object] = {"kinds": share.kinds, "busy": share.busy, "per_team": share.per_team, "rest": rest}
    if among is None:
        query = _DUE[session.get_bind().dialect.name]
    else:
        query, values = _ANNOUNCED, values | {"among": among}
    return limited + with_channels(session, leased(session, query, now=now, until=now + lease, **values))


def _first(candidates: sa.Subquery) -> sa.Select[str]:
    """The first of every team before the second of any, as many as there is room for."""
    return (
        sa.select(candidates.c.id)
        .where(candidates.c.place <= _PER_TEAM)
        .order_by(candidates.c.place, candidates.c.since, candidates.c.id)
        .limit(sa.bindparam("rest", type_=sa.Integer()))
        .offset(0)
    )


_PER_TEAM = sa.bindparam("per_team", type_=sa.Integer())


def _by_index() -> sa.Subquery:
    """Every team's first due rows, each with its place in its team: so many of each team and no more, whatever its backlog."""
    row = DELIVERY.alias("row")
    first = (
        sa.select(row.c.id, row.c.next_attempt_at, row.c.number)
        .where(row.c.team_id == CHANNEL.c.team_id, due(row))
        .order_by(row.c.next_attempt_at, row.c.number)
        .limit(_PER_TEAM)
        .offset(0)
        .lateral("first")
    )
    place = sa.func.row_number().over(
        partition_by=CHANNEL.c.team_id, order_by=(first.c.next_attempt_at, first.c.number)
    )
    return (
        sa.select(first.c.id, first.c.next_attempt_at.label("since"), place.label("place"))
        .select_from(channels().join(first, sa.true()))
        .where(open_to(), sa.not_(is_limited()))
        .subquery("candidates")
    )


def _ranked(rows: sa.FromClause) -> sa.Subquery:
    """The same of these rows."""
    place = sa.func.row_number().over(partition_by=rows.c.team_id, order_by=(rows.c.next_attempt_at, rows.c.number))
    return (
        sa.select(rows.c.id, rows.c.next_attempt_at.label("since"), place.label("place"))
        .select_from(channels().join(rows, rows.c.team_id == CHANNEL.c.team_id))
        .where(open_to(), sa.not_(is_limited()))
        .subquery("candidates")
    )


def _announced() -> sa.FromClause:
    """Found one by one before their teams are asked after, whatever is supposed of the number of either."""
    by_id = sa.select(DELIVERY.c.id, DELIVERY.c.team_id, DELIVERY.c.next_attempt_at, DELIVERY.c.number).where(
        is_among(DELIVERY.c.id, "among"), due_alone(DELIVERY)
    )
    return written_out(by_id).cte("announced").prefix_with("MATERIALIZED", dialect="postgresql")


_ALL = sa.select(DELIVERY).where(due(DELIVERY)).subquery("row")
_DUE = {
    "postgresql": lease_query(_first(_by_index())),
    "sqlite": lease_query(_first(_ranked(_ALL))),  # which knows no lateral query
}
_ANNOUNCED = lease_query(_first(_ranked(_announced())))
