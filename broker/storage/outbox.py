"""Handing deliveries over: claimed with leases, ended by what the receiver says; what follows a failure is `domain.retry`'s to decide.

A claim moves `next_attempt_at` to the end of its lease, so that a dead worker's rows are due again by themselves and
one condition (open, and its time has come) finds all there is to do.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from broker.domain.retry import Park, Verdict
from broker.domain.states import AttemptOutcome, ChannelKind, DeliveryState
from broker.storage.deliveries import QUIET, UNDELIVERED, changes, is_open
from broker.storage.tables import Attempt, Channel, Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery that this worker alone may try until its lease ends."""

    id: str
    team_id: str
    attempts: int
    """Tries so far, this one included; names the lease."""
    url: str | None
    secret: bytes | None
    """Sealed, under the context `channel:{team id}`."""


def claim(
    session: Session,
    *,
    now: datetime,
    lease: timedelta,
    limit: int,
    per_team: int,
    busy: Collection[str] = (),
    kinds: Collection[ChannelKind] = (ChannelKind.WEBHOOK,),
) -> list[Claimed]:
    """Lease due deliveries, the oldest of every team before the second of any; disjoint between workers on both databases.

    Args:
        session: in a write.
        now: rows due by then; what another worker leased is due again when its lease has ended.
        lease: how long they are ours.
        limit: at most so many.
        per_team: at most so many of one team, whatever its backlog.
        busy: teams that get none this time, because as many as they may have are under way.
        kinds: channels that this worker can push to.
    """
    if limit <= 0:
        return []
    due = aliased(Delivery, name="due")
    # Both conditions stand here again, because PostgreSQL checks them once more on a row that changed before its lock.
    mine = (
        sa.select(col(due.id))
        .where(
            col(due.id).in_(_fairly(now, limit, per_team, busy, kinds)), is_open(due), col(due.next_attempt_at) <= now
        )
        .with_for_update(skip_locked=True)  # left out on SQLite, where writers take turns
        .cte("mine")
    )
    until = now + lease
    taken = session.execute(
        sa.update(Delivery)
        .where(col(Delivery.id).in_(sa.select(mine.c.id)))
        .values(
            state=DeliveryState.SENDING, lease_until=until, next_attempt_at=until, attempts=col(Delivery.attempts) + 1
        )
        .returning(col(Delivery.created_at), col(Delivery.id), col(Delivery.team_id), col(Delivery.attempts)),
        execution_options=QUIET,
    )
    return _with_channels(session, sorted(tuple(row) for row in taken))


def _fairly(
    now: datetime, limit: int, per_team: int, busy: Collection[str], kinds: Collection[ChannelKind]
) -> sa.Select[str]:
    """Ids of due rows: the first of every team, then the second of every team, and so on."""
    row = aliased(Delivery, name="waiting")
    place = sa.func.row_number().over(
        partition_by=col(row.team_id), order_by=(col(row.next_attempt_at), col(row.created_at), col(row.id))
    )
    ranked = (
        sa.select(col(row.id).label("id"), col(row.next_attempt_at).label("since"), place.label("place"))
        .join(Channel, col(Channel.team_id) == col(row.team_id))
        .where(
            is_open(row),
            col(row.next_attempt_at) <= now,
            col(row.team_id).not_in(busy),
            col(Channel.kind).in_(kinds),
        )
        .subquery("ranked")
    )
    return (
        sa.select(ranked.c.id)
        .where(ranked.c.place <= per_team)
        .order_by(ranked.c.place, ranked.c.since, ranked.c.id)
        .limit(limit)
    )


def _with_channels(session: Session, rows: Sequence[tuple[datetime, str, str, int]]) -> list[Claimed]:
    teams = {team for _, _, team, _ in rows}
    found = sa.select(col(Channel.team_id), col(Channel.url), col(Channel.secret)).where(
        col(Channel.team_id).in_(teams)
    )
    channels = {team: (url, secret) for team, url, secret in session.execute(found)} if teams else {}
    claimed = []
    for _, delivery, team, attempts in rows:
        url, secret = channels[team]
        claimed.append(Claimed(id=delivery, team_id=team, attempts=attempts, url=url, secret=secret))
    return claimed


def delivered(session: Session, delivery_id: str, *, now: datetime) -> bool:
    """The team's system says it has it. True for the one who says so first; leases do not matter, a fact is a fact.

    A row cancelled meanwhile stays cancelled and keeps the time, because the team does have it.
    """
    this = col(Delivery.id) == delivery_id
    won = changes(
        session,
        sa.update(Delivery)
        .where(this, col(Delivery.state).in_(UNDELIVERED))
        .values(state=DeliveryState.DELIVERED, delivered_at=now, lease_until=None, next_attempt_at=None),
    )
    if won:
        return True
    late = (col(Delivery.state) == DeliveryState.CANCELLED, col(Delivery.delivered_at).is_(None))
    changes(session, sa.update(Delivery).where(this, *late).values(delivered_at=now))
    return False


def failed(session: Session, claimed: Claimed, verdict: Verdict) -> bool:
    """Note when it is tried next; False when the lease was lost, the team took it meanwhile, or it was withdrawn."""
    state = DeliveryState.PARKED if isinstance(verdict, Park) else DeliveryState.READY
    return _end_lease(session, claimed, state, verdict.at)


def give_back(session: Session, claimed: Claimed, *, now: datetime) -> bool:
    """End a lease without an outcome: due at once, for whoever claims next (graceful stop)."""
    return _end_lease(session, claimed, DeliveryState.READY, now)


def _end_lease(session: Session, claimed: Claimed, state: DeliveryState, due: datetime) -> bool:
    still_mine = (
        col(Delivery.id) == claimed.id,
        col(Delivery.state) == DeliveryState.SENDING,
        col(Delivery.attempts) == claimed.attempts,
    )
    ended = sa.update(Delivery).where(*still_mine).values(state=state, next_attempt_at=due, lease_until=None)
    return changes(session, ended) > 0


def attempted(session: Session, delivery_id: str, outcome: AttemptOutcome, detail: str, *, now: datetime) -> None:
    """Keep what one try came to. `detail` is a status code or a kind of failure, never an address or content."""
    row = {"id": str(uuid4()), "delivery_id": delivery_id, "at": now, "outcome": outcome, "detail": detail}
    session.execute(sa.insert(Attempt), [row])
    if outcome is not AttemptOutcome.UNREACHABLE:
        first = (col(Delivery.id) == delivery_id, col(Delivery.sent_at).is_(None))
        changes(session, sa.update(Delivery).where(*first).values(sent_at=now))
