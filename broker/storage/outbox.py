"""What became of deliveries that were claimed: delivered, sent and waiting for a receipt, to be tried again; each in bulk, as a worker records them.

What follows a failure is `domain.retry`'s to decide; how they are claimed is in `claims.py`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session

from broker.domain.retry import Park, Verdict
from broker.domain.states import AttemptOutcome, ChannelKind, DeliveryState
from broker.storage import direct, row_digests
from broker.storage.deliveries import OPEN, changes
from broker.storage.leases import IMPOSSIBLE
from broker.storage.leasing import Claimed
from broker.storage.person_tables import ATTEMPT, CHANNEL, DELIVERY
from broker.storage.phrases import among
from broker.storage.prepared import Query
from broker.storage.types import UtcDateTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What one try came to. `detail` is a status code or a kind of failure, never an address or content."""

    delivery_id: str
    outcome: AttemptOutcome
    detail: str = ""
    wire_id: str = ""
    """What the wire calls it, where it took it and can be asked."""


def attempted(session: Session, tries: Sequence[Tried], *, now: datetime) -> None:
    """Keep what each try came to, and of each delivery when it was first sent, unless it was taken: then `delivered` says so."""
    if not tries:
        return
    rows = [
        {
            "id": str(uuid4()),
            "delivery_id": one.delivery_id,
            "at": now,
            "outcome": one.outcome,
            "detail": one.detail,
            "wire_id": one.wire_id,
        }
        for one in tries
    ]
    direct.insert(session, ATTEMPT, rows)
    sent = [one.delivery_id for one in tries if one.outcome not in (AttemptOutcome.UNREACHABLE, AttemptOutcome.TAKEN)]
    if sent:
        direct.change(session, _SENT, deliveries=sent, now=now)


_NOW = sa.bindparam("now", type_=UtcDateTime())
_SENT = Query(
    sa.update(DELIVERY).where(among(DELIVERY.c.id, "deliveries"), DELIVERY.c.sent_at.is_(None)).values(sent_at=_NOW)
)


def delivered(session: Session, delivery_ids: Collection[str], *, now: datetime, sent: bool = False) -> list[str]:
    """The teams' systems say that they have these; those of which it is said for the first time. Leases do not matter, a fact is a fact.

    A row cancelled meanwhile stays cancelled and keeps the time, because the team does have it. `sent`: in answer to a try.
    """
    if not delivery_ids:
        return []
    first: dict[str, str] = dict(direct.rows(session, _TAKEN if sent else _DELIVERED, deliveries=delivery_ids, now=now))
    rest = set(delivery_ids) - first.keys()
    late: dict[str, str] = dict(direct.rows(session, _DELIVERED_LATE, deliveries=rest, now=now)) if rest else {}
    if rest and sent:
        direct.change(session, _SENT, deliveries=rest, now=now)
    arrived = [{"id": id_, "team_id": team, "delivered_at": now} for id_, team in (first | late).items()]
    row_digests.note(session, "arrival", arrived)
    return sorted(first)


def _delivered(**more: object) -> Query:
    return Query(
        sa.update(DELIVERY)
        .where(among(DELIVERY.c.id, "deliveries"), DELIVERY.c.state.in_(OPEN))
        .values(state=DeliveryState.DELIVERED, delivered_at=_NOW, lease_until=None, next_attempt_at=None, **more)
        .returning(DELIVERY.c.id, DELIVERY.c.team_id)
    )


_DELIVERED = _delivered()
_TAKEN = _delivered(sent_at=sa.func.coalesce(DELIVERY.c.sent_at, _NOW))
_DELIVERED_LATE = Query(
    sa.update(DELIVERY)
    .where(
        among(DELIVERY.c.id, "deliveries"),
        DELIVERY.c.state == DeliveryState.CANCELLED,
        DELIVERY.c.delivered_at.is_(None),
    )
    .values(delivered_at=_NOW)
    .returning(DELIVERY.c.id, DELIVERY.c.team_id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """When a delivery that nobody has said to have is next tried."""

    claimed: Claimed
    verdict: Verdict
    sent: bool = False
    """A wire took it, and its receipt is waited for until then."""

    @property
    def state(self) -> DeliveryState:
        """Where it stands meanwhile."""
        if isinstance(self.verdict, Park):
            return DeliveryState.PARKED
        return DeliveryState.SENT if self.sent else DeliveryState.READY


def later(session: Session, again: Sequence[Again]) -> None:
    """Note when each is tried next; nothing where the lease was lost, the team took it meanwhile, or it was withdrawn."""
    direct.change_each(session, _END_LEASE, [_ended(one.claimed, one.state, one.verdict.at) for one in again])


def later_alone(session: Session, again: Again) -> bool:
    """The same for one, of whom it matters; False where nothing was noted."""
    return direct.change(session, _END_LEASE, **_ended(again.claimed, again.state, again.verdict.at)) > 0


@dataclass(frozen=True, slots=True)
class OnWire:
    """A message that a wire took and of which it has not said yet what became of it."""

    delivery_id: str
    team_id: str
    wire_id: str


def on_wire(session: Session, kind: ChannelKind, *, behind: str, limit: int) -> list[OnWire]:
    """Those of teams told in this way, by delivery id from the first one behind `behind`; of each its last try."""
    last = sa.select(sa.func.max(_LATER.c.at)).where(_LATER.c.delivery_id == DELIVERY.c.id).scalar_subquery()
    found = session.execute(
        sa.select(DELIVERY.c.id, DELIVERY.c.team_id, ATTEMPT.c.wire_id)
        .join(CHANNEL, CHANNEL.c.team_id == DELIVERY.c.team_id)
        .join(ATTEMPT, ATTEMPT.c.delivery_id == DELIVERY.c.id)
        .where(
            CHANNEL.c.kind == kind,
            DELIVERY.c.state.in_(_ON_WIRE),
            DELIVERY.c.id > behind,
            ATTEMPT.c.wire_id != "",
            ATTEMPT.c.at == last,
        )
        .order_by(DELIVERY.c.id)
        .limit(limit)
    )
    return [OnWire(*row) for row in found]


def not_delivered(session: Session, delivery_ids: Collection[str], *, due: datetime) -> list[str]:
    """A wire gave these up: parked, and due again then; those of which it was not known."""
    parked = session.scalars(
        sa.update(DELIVERY)
        .where(DELIVERY.c.id.in_(delivery_ids), DELIVERY.c.state == DeliveryState.SENT)
        .values(state=DeliveryState.PARKED, next_attempt_at=due)
        .returning(DELIVERY.c.id)
    ).all()
    return sorted(parked)


def mend_times(session: Session, *, now: datetime, lease: timedelta) -> int:
    """Make due now what a wrong clock made due long after; how many.

    Nothing is leased for longer than a lease, and what was never tried was due at once: when such a row is due later, its
    worker died, or its message came, while the clock was ahead.
    """
    impossible = sa.or_(
        DELIVERY.c.state == DeliveryState.SENDING,
        sa.and_(DELIVERY.c.state == DeliveryState.READY, DELIVERY.c.attempts == 0),
    )
    late = DELIVERY.c.next_attempt_at > now + IMPOSSIBLE * lease
    mended = sa.update(DELIVERY).where(late, impossible)
    return changes(session, mended.values(state=DeliveryState.READY, next_attempt_at=now, lease_until=None))


def give_back(session: Session, claimed: Claimed, *, now: datetime) -> bool:
    """End a lease without an outcome: due at once, for whoever claims next (graceful stop)."""
    return direct.change(session, _END_LEASE, **_ended(claimed, DeliveryState.READY, now)) > 0


def _ended(claimed: Claimed, state: DeliveryState, due: datetime) -> dict[str, object]:
    return {"b_id": claimed.id, "b_attempts": claimed.attempts, "b_state": state, "b_due": due}


_LATER = ATTEMPT.alias()

_ON_WIRE: sa.BindParameter[DeliveryState] = sa.bindparam(
    "on_wire", [DeliveryState.SENT, DeliveryState.PARKED], expanding=True, literal_execute=True
)
"""Parked is what was tried again after a wire had given it up. Written out, so that the partial index of what waits is used."""

_END_LEASE = Query(
    sa.update(DELIVERY)
    .where(
        DELIVERY.c.id == sa.bindparam("b_id"),
        DELIVERY.c.state == DeliveryState.SENDING,
        DELIVERY.c.attempts == sa.bindparam("b_attempts"),
    )
    .values(
        state=sa.bindparam("b_state", type_=DELIVERY.c.state.type),
        next_attempt_at=sa.bindparam("b_due", type_=UtcDateTime()),
        lease_until=None,
    )
)
