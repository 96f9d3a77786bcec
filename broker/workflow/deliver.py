"""Hand deliveries over: prepared together, sent outside any transaction, concluded together by what the receivers said."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from sqlmodel import Session

from adapters.channels.endpoint import Endpoint
from adapters.port import PushOutcome, Refused, Taken, Unanswered, Unreachable
from broker.domain import retry
from broker.domain.breaker import Breaker
from broker.domain.caller import Caller
from broker.domain.retry import Failure, Park
from broker.domain.states import AttemptOutcome, ChannelKind
from broker.storage import audit, outbox
from broker.storage.audit import Entry
from broker.storage.leasing import Claimed
from broker.storage.outbox import Again, Tried
from broker.workflow import acknowledge, channel_watch, outbound, undeliverable
from broker.workflow.channel_watch import Try
from broker.workflow.context import Context
from broker.workflow.endpoints import endpoint
from broker.workflow.outbound import FHIR_JSON, Composed

WORKER = "baton-worker"
"""Client name of the broker's own hand-overs in the audit."""

_ASKS_FOR_TIME = (429, 503)
_GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """All that is needed to send; after this, no transaction is open until the receiver has answered."""

    claimed: Claimed
    body: bytes = b""
    """Empty where the message itself is not sent (e-mail)."""
    content_type: str = FHIR_JSON
    workflow: str | None = None
    """MESH workflow id, where it is not that of whatever is sent."""
    endpoint: Endpoint | None = None
    """Of a webhook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """When tries are repeated: see `domain.retry.after`."""

    waits: Sequence[timedelta]
    """After a try that failed."""
    receipts: Sequence[timedelta]
    """After one that a wire took and whose receipt has not come."""
    daily: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """One try, and what the receiver or the network made of it."""

    claimed: Claimed
    outcome: PushOutcome
    jitter: float
    """From 0 up to but not including 1."""


def prepare(session: Session, ctx: Context, claimed: Sequence[Claimed], now: datetime) -> list[Parcel]:
    """The messages as these teams may see them at this moment, and where they go; in the order of the claims."""
    written = [one.id for one in claimed if one.kind is not ChannelKind.EMAIL]
    composed = outbound.compose_all(session, ctx, written, now) if written else {}
    places = {_place(one) for one in claimed if one.kind is ChannelKind.WEBHOOK}
    endpoints = {place: endpoint(ctx.codec, *place, now) for place in places}
    return [_parcel(one, composed.get(one.id), endpoints) for one in claimed]


_Place: TypeAlias = tuple[str, str | None, bytes | None]
"""A team, its webhook's address, the sealed secret."""


def _place(claimed: Claimed) -> _Place:
    return claimed.team_id, claimed.url, claimed.secret


def _parcel(claimed: Claimed, composed: Composed | None, endpoints: Mapping[_Place, Endpoint]) -> Parcel:
    if composed is None:
        return Parcel(claimed=claimed)
    return Parcel(
        claimed=claimed,
        body=composed.body,
        content_type=composed.content_type,
        workflow=composed.workflow,
        endpoint=endpoints[_place(claimed)] if claimed.kind is ChannelKind.WEBHOOK else None,
    )


def conclude(
    session: Session, ctx: Context, pushed: Sequence[Pushed], *, now: datetime, ladder: Ladder, breaker: Breaker
) -> None:
    """Record what tries came to, and what follows: delivered, waited for, tried again, or parked with a task for a person."""
    outbox.attempted(session, [_tried(one) for one in pushed], now=now)
    audit.record_each(session, [_disclosed(one) for one in pushed if _left_us(one)], now=now)
    taken = [one.claimed for one in pushed if isinstance(one.outcome, Taken)]
    at_once = [claimed.id for claimed in taken if claimed.attempts == 1]
    _arrived(session, ctx, outbox.delivered(session, [one.id for one in taken], now=now, sent=True), now, at_once)
    again = [_again(one, now, ladder) for one in pushed if not isinstance(one.outcome, Taken)]
    outbox.later(session, [one for one in again if not isinstance(one.verdict, Park)])
    for one in again:
        if isinstance(one.verdict, Park) and outbox.later_alone(session, one):
            undeliverable.parked(session, ctx, one.claimed.id, now)
    tries = [
        Try(team=one.claimed.team_id, kind=one.claimed.kind, outcome=one.outcome, probe=one.claimed.probe)
        for one in pushed
    ]
    channel_watch.tried(session, ctx, tries, now=now, breaker=breaker)


def has_arrived(session: Session, ctx: Context, delivery_ids: Sequence[str], now: datetime) -> list[str]:
    """Teams' systems say that they have these: delivered, and nothing more; those of which it was said for the first time."""
    first = outbox.delivered(session, delivery_ids, now=now)
    _arrived(session, ctx, first, now)
    return first


def _arrived(
    session: Session, ctx: Context, first: Sequence[str], now: datetime, never_stuck: Collection[str] = ()
) -> None:
    """`never_stuck`: those whose first try has come through, so that nobody was told otherwise but of those that came too late."""
    late = acknowledge.mark_delivered(session, ctx.codec, first, now)
    undeliverable.reached(session, ctx, sorted(set(first) - set(never_stuck) | late), now)


def _tried(one: Pushed) -> Tried:
    kind, detail = _named(one.outcome)
    wire_id = one.outcome.wire_id if isinstance(one.outcome, Unanswered) else ""
    return Tried(delivery_id=one.claimed.id, outcome=kind, detail=detail, wire_id=wire_id)


def _named(outcome: PushOutcome) -> tuple[AttemptOutcome, str]:
    match outcome:
        case Taken():
            return AttemptOutcome.TAKEN, ""
        case Refused():
            return AttemptOutcome.REFUSED, str(outcome.status)
        case Unreachable():
            return AttemptOutcome.UNREACHABLE, outcome.reason
        case Unanswered():
            return AttemptOutcome.UNANSWERED, "receipt-follows" if outcome.receipt_follows else ""


def _again(one: Pushed, now: datetime, ladder: Ladder) -> Again:
    sent = isinstance(one.outcome, Unanswered) and one.outcome.receipt_follows
    waits, daily = ladder.receipts if sent else ladder.waits, ladder.daily
    if isinstance(one.outcome, Unanswered) and one.outcome.within_seconds is not None:
        # The wire keeps it and says what became of it: a copy sent meanwhile would only lie beside it.
        daily = timedelta(seconds=one.outcome.within_seconds)
        waits = (daily,)
    tries = one.claimed.attempts
    verdict = retry.after(tries, _failure(one.outcome), now=now, ladder=waits, daily=daily, jitter=one.jitter)
    return Again(claimed=one.claimed, verdict=verdict, sent=sent)


def _failure(outcome: PushOutcome) -> Failure:
    if not isinstance(outcome, Refused):
        return Failure()
    asked = outcome.retry_after if outcome.status in _ASKS_FOR_TIME else None
    longest = retry.LONGEST.total_seconds()
    wait = None if asked is None else timedelta(seconds=min(asked, longest))
    return Failure(gone=outcome.status == _GONE, wait=wait)


def _left_us(one: Pushed) -> bool:
    """Whether content may have left for the team, whatever its system made of it; an e-mail has none."""
    return not isinstance(one.outcome, Unreachable) and one.claimed.kind is not ChannelKind.EMAIL


def _disclosed(one: Pushed) -> Entry:
    kind, _ = _named(one.outcome)
    return Entry(
        action="disclose",
        entity="delivery",
        entity_id=one.claimed.id,
        caller=Caller(client=WORKER, team=one.claimed.team_id),
        detail={"attempt": one.claimed.attempts, "outcome": kind.value},
    )
