"""Hand one delivery to its team's webhook: prepared, sent outside any transaction, concluded by what the receiver said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from adapters.channels.webhook import Endpoint
from adapters.port import PushOutcome, Refused, Taken, Unanswered, Unreachable
from broker.domain import retry
from broker.domain.caller import Caller
from broker.domain.retry import Failure, Park
from broker.domain.states import AttemptOutcome
from broker.domain.wanted import TaskWanted
from broker.storage import audit, outbox, tasks
from broker.storage.outbox import Claimed
from broker.storage.tables import Delivery, Notification
from broker.workflow import acknowledge, outbound
from broker.workflow.context import Context
from schemas.codes import Function, TaskCode

WORKER = "baton-worker"
"""Client name of the broker's own hand-overs in the audit."""

LOOK_INTO_WITHIN = timedelta(days=1)
"""Until an `undeliverable` task is due: the next daily try is then over as well."""

NOT_COMPOSED = Unreachable("not-composed")
"""A message that could not be made: a fault of ours. It climbs the ladder like any other and ends as a task, never in silence."""

_ASKS_FOR_TIME = (429, 503)
_GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """All that is needed to send; after this, no transaction is open until the receiver has answered."""

    endpoint: Endpoint
    message_id: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """When failed tries are repeated: see `domain.retry.after`."""

    waits: Sequence[timedelta]
    daily: timedelta


def prepare(session: Session, ctx: Context, claimed: Claimed, now: datetime) -> Parcel:
    """The message as this team may see it at this moment, and where it goes."""
    composed = outbound.compose(session, ctx, claimed.id, now)
    sealed = claimed.secret
    secret = "" if sealed is None else ctx.codec.open(sealed, f"channel:{claimed.team_id}").decode()
    endpoint = Endpoint(team=claimed.team_id, url=claimed.url or "", secret=secret)
    return Parcel(endpoint=endpoint, message_id=composed.message_id, body=composed.body)


def conclude(
    session: Session,
    ctx: Context,
    claimed: Claimed,
    outcome: PushOutcome,
    *,
    now: datetime,
    ladder: Ladder,
    jitter: float,
) -> None:
    """Record what a try came to, and what follows: delivered, tried again, or parked with a task for a person."""
    kind, detail = _named(outcome)
    outbox.attempted(session, claimed.id, kind, detail, now=now)
    if not isinstance(outcome, Unreachable):
        _note_disclosure(session, claimed, kind, now)
    if isinstance(outcome, Taken):
        if outbox.delivered(session, claimed.id, now=now):
            acknowledge.mark_delivered(session, ctx.codec, claimed.id, now)
        return
    verdict = retry.after(
        claimed.attempts, _failure(outcome), now=now, ladder=ladder.waits, daily=ladder.daily, jitter=jitter
    )
    if outbox.failed(session, claimed, verdict) and isinstance(verdict, Park):
        _tell_somebody(session, ctx, claimed, now)


def _named(outcome: PushOutcome) -> tuple[AttemptOutcome, str]:
    match outcome:
        case Taken():
            return AttemptOutcome.TAKEN, ""
        case Refused():
            return AttemptOutcome.REFUSED, str(outcome.status)
        case Unreachable():
            return AttemptOutcome.UNREACHABLE, outcome.reason
        case Unanswered():
            return AttemptOutcome.UNANSWERED, ""


def _failure(outcome: PushOutcome) -> Failure:
    if not isinstance(outcome, Refused):
        return Failure()
    asked = outcome.retry_after if outcome.status in _ASKS_FOR_TIME else None
    longest = retry.LONGEST.total_seconds()
    wait = None if asked is None else timedelta(seconds=min(asked, longest))
    return Failure(gone=outcome.status == _GONE, wait=wait)


def _note_disclosure(session: Session, claimed: Claimed, kind: AttemptOutcome, now: datetime) -> None:
    """Content left for the team, whatever its system made of it."""
    audit.record(
        session,
        action="disclose",
        entity="delivery",
        entity_id=claimed.id,
        now=now,
        caller=Caller(client=WORKER, team=claimed.team_id),
        detail={"attempt": claimed.attempts, "outcome": kind.value},
    )


# --- the end of the ladder ---------------------------------------------------------------------------------------


def _tell_somebody(session: Session, ctx: Context, claimed: Claimed, now: datetime) -> None:
    """One `undeliverable` task for a notification and a team, whatever number of messages about it are stuck (invariant 3)."""
    row = session.get_one(Delivery, claimed.id)
    notification = session.get_one(Notification, row.notification_id)
    sender = notification.sender_team_id if row.known_to_sender else None
    owner = next(_who_can_act(ctx, row.team_id, sender))
    wanted = TaskWanted(
        code=TaskCode.UNDELIVERABLE,
        owner=owner,
        requester=sender if sender != owner else None,
        description=f"{ctx.directory.teams[row.team_id].name} could not be reached by its system for as long as is tried by itself. "
        "Tell the team what waits for it, and have its system mended. It is tried once a day from now on.",
        dedupe_key=f"undeliverable:{row.notification_id}:{row.team_id}:{owner}",
        notification_id=row.notification_id,
        priority=notification.priority,
        due_at=now + LOOK_INTO_WITHIN,
        cites="F12, invariant 3",
        options={"team": row.team_id, "delivery": row.id},
    )
    tasks.raise_tasks(session, ctx.codec, [wanted], policy_version=ctx.policy.version, now=now)


def _who_can_act(ctx: Context, team_id: str, sender: str | None) -> Iterator[str]:
    """Who can do something about a team that is not reached, best first: its agency's safeguarding lead, the partnership,
    the sender when it may know that the team is a recipient (sharing principle 9), else the team itself in its mailbox.
    """
    team = ctx.directory.teams[team_id]
    lead = ctx.directory.safeguarding_lead(team.agency_id)
    partnership = ctx.directory.provider(team.area_id, Function.PARTNERSHIP)
    for other in (lead, partnership):
        if other is not None and other.id != team_id:
            yield other.id
    yield sender if sender is not None else team_id
