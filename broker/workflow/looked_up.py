"""What the answer to a lookup makes of it: taken as a message of the team it was asked for, asked again, or a task for people."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from adapters.port import Adapter, Answer, Found, Lookup, NoAnswer, NotKnown, NotOurs, Several
from broker.domain.caller import Caller
from broker.domain.states import LookupState
from broker.domain.wanted import TaskWanted
from broker.errors import Forbidden
from broker.storage import lookups, notifications, tables
from broker.storage.lookups import Asking
from broker.workflow import intake, raising, receive
from broker.workflow.context import Context
from schemas.codes import Function, TaskCode

CALLER: Final = "lookup"
"""Who the audit says has sent what an answer says."""

_ENDS: Final[Mapping[type[Answer], LookupState]] = {
    NotKnown: LookupState.UNKNOWN,
    Several: LookupState.AMBIGUOUS,
    NotOurs: LookupState.REFUSED,
}
_WORDS: Final[Mapping[LookupState, str]] = {
    LookupState.UNKNOWN: "there is no such record",
    LookupState.AMBIGUOUS: "there is more than one such record, or it has moved to another",
    LookupState.REFUSED: "the event names an address that is not the configured service's, and it was not fetched",
}


def answered(
    session: Session,
    ctx: Context,
    asking: Asking,
    answer: Answer,
    *,
    adapters: Mapping[str, Adapter],
    ladder: Sequence[timedelta],
    now: datetime,
) -> LookupState | None:
    """Record one answer; what became of the question. None: it had ended before, and nothing changes.

    `ladder`: waits before it is asked again.
    """
    row = lookups.waiting(session, asking.id)
    if row is None:
        return None
    if isinstance(answer, NoAnswer):
        return _silent(session, ctx, asking, row, answer.why, ladder, now)
    if isinstance(answer, Found):
        state = _taken(session, ctx, asking, row, answer, adapters, now)
        last = "record"
    else:
        state = _ENDS[type(answer)]
        last = state.value
        raising.raise_tasks(session, ctx, _for_people(ctx, row, _WORDS[state], now), now)
    lookups.end(session, row.id, state, last=last, now=now)
    return state


def _taken(
    session: Session,
    ctx: Context,
    asking: Asking,
    row: tables.Lookup,
    answer: Found,
    adapters: Mapping[str, Adapter],
    now: datetime,
) -> LookupState:
    """What the record says, said by the team it was asked for. What cannot be read is kept and becomes a task, as of any sender."""
    about = notifications.get(session, row.notification_id)
    raw = notifications.raw_of(ctx.codec, about)
    lookup = Lookup(client=asking.client, subject=asking.subject, reference=asking.reference)
    incoming = intake.read_record(adapters[about.via], raw, about.content_type, lookup, answer.record, now)
    team = ctx.directory.teams.get(row.team_id)
    if team is None:
        raise Forbidden("The team it was asked for is gone.")
    caller = Caller(client=CALLER, team=team.id, agency=team.agency_id)
    if receive.complete(session, ctx, incoming, caller, now) in ("usable", "ignored"):
        return LookupState.ANSWERED
    kept = notifications.refused_before(session, team.id, incoming.content_hash)
    if kept is not None:
        lookups.kept(session, row.id, kept.id)
    return LookupState.REFUSED


def _silent(
    session: Session,
    ctx: Context,
    asking: Asking,
    row: tables.Lookup,
    why: str,
    ladder: Sequence[timedelta],
    now: datetime,
) -> LookupState:
    """Asked again, however long it lasts; beyond the policy's limit people are told, once a day for all that wait."""
    told_at = row.told_at
    if now - row.asked_at >= ctx.policy.lookup_silence and told_at is None:
        raising.raise_tasks(session, ctx, _of_silence(ctx, row, now), now)
        told_at = now
    wait = ladder[min(asking.attempts, len(ladder)) - 1]
    lookups.ask_again(session, row.id, at=now + wait, last=why, told_at=told_at)
    return LookupState.WAITING


def _of_silence(ctx: Context, row: tables.Lookup, now: datetime) -> list[TaskWanted]:
    return [
        TaskWanted(
            code=TaskCode.DATA_QUALITY,
            owner=owner,
            description=f"The service that is asked for records ({row.client}) does not answer. Messages are told by what they say "
            "themselves, and again once it answers: have whoever runs Baton look into it.",
            dedupe_key=f"lookup-silent:{row.client}:{owner}:{now.date().isoformat()}",
            due_at=ctx.policy.own_asks.reach.routine.after(now, ctx.directory.teams[owner].calendar),
            cites="invariant 3",
        )
        for owner in _stewards(ctx, row.team_id)
    ]


def _for_people(ctx: Context, row: tables.Lookup, words: str, now: datetime) -> list[TaskWanted]:
    return [
        TaskWanted(
            code=TaskCode.DATA_QUALITY,
            owner=row.team_id,
            description=f"What this event leaves open was asked of {row.client}: {words}. Send what is missing: who it is about by "
            "number, name and date of birth, or what the event points to.",
            dedupe_key=f"lookup:{row.id}",
            notification_id=row.notification_id,
            due_at=ctx.policy.own_asks.mend.after(now, ctx.directory.teams[row.team_id].calendar),
            cites="principle 11, invariant 9",
        )
    ]


def _stewards(ctx: Context, team_id: str) -> list[str]:
    """The team it is asked for, and the partnership of its area as the broker's data steward."""
    partnership = ctx.directory.provider(ctx.directory.teams[team_id].area_id, Function.PARTNERSHIP)
    return sorted({team_id} | ({partnership.id} if partnership else set()))
