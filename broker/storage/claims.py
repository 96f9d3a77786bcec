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
from broker.storage.leasing import Claimed, Share, channels, due, lease_rows, open_to, with_channels
from broker.storage.limited import claim_limited
from broker.storage.person_tables import CHANNEL, DELIVERY

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
    candidates = _all(session, share, now) if among is None else _ranked(share, now, among)
    picked = (
        sa.select(candidates.c.id)
        .where(candidates.c.place <= share.per_team)
        .order_by(candidates.c.place, candidates.c.since, candidates.c.id)
        .limit(rest)
    )
    return limited + with_channels(session, lease_rows(session, picked, now, lease))


def _all(session: Session, share: Share, now: datetime) -> sa.Subquery:
    """Every team's first due rows, each with its place in its team."""
    if session.get_bind().dialect.name != "postgresql":
        return _ranked(share, now, None)
    # By index, so many rows of each team and no more: a flooded team's backlog is not read to serve the others.
    row = DELIVERY.alias("row")
    first = (
        sa.select(row.c.id, row.c.next_attempt_at, row.c.number)
        .where(row.c.team_id == CHANNEL.c.team_id, due(row, now))
        .order_by(row.c.next_attempt_at, row.c.number)
        .limit(share.per_team)
        .lateral("first")
    )
    place = sa.func.row_number().over(
        partition_by=CHANNEL.c.team_id, order_by=(first.c.next_attempt_at, first.c.number)
    )
    return (
        sa.select(first.c.id, first.c.next_attempt_at.label("since"), place.label("place"))
        .select_from(channels().join(first, sa.true()))
        .where(open_to(share), sa.not_(is_limited()))
        .subquery("candidates")
    )


def _ranked(share: Share, now: datetime, among: Collection[str] | None) -> sa.Subquery:
    """The same, of these rows or of all there are."""
    place = sa.func.row_number().over(
        partition_by=DELIVERY.c.team_id, order_by=(DELIVERY.c.next_attempt_at, DELIVERY.c.number)
    )
    these = () if among is None else (DELIVERY.c.id.in_(among),)
    return (
        sa.select(DELIVERY.c.id, DELIVERY.c.next_attempt_at.label("since"), place.label("place"))
        .select_from(channels().join(DELIVERY, DELIVERY.c.team_id == CHANNEL.c.team_id))
        .where(due(DELIVERY, now), open_to(share), sa.not_(is_limited()), *these)
        .subquery("candidates")
    )
