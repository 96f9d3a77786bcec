"""Keeps how teams' channels are doing from what tries come to; what a try says of a channel is decided here, what follows in `domain.breaker`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import Session

from adapters.port import PushOutcome, Refused, Taken, Unanswered, Unreachable
from broker.domain.breaker import Breaker, Health, Result, Sign, after
from broker.domain.states import ChannelKind
from broker.storage import channel_health
from broker.storage.channel_health import Known
from broker.workflow import undeliverable
from broker.workflow.context import Context

TELL_AFTER = timedelta(hours=1)
"""How long a channel fails until a person is told of it, whether or not any message has come to the end of its ladder."""

NOT_COMPOSED = Unreachable("not-composed")
"""A message that could not be made: a fault of ours. It climbs the ladder like any other and ends as a task, never in silence; of the channel it says nothing."""

_NOT_NOW = frozenset({408, 425, 429})
"""Refusals that are about the moment, not about the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One push over a team's channel."""

    team: str
    kind: ChannelKind
    outcome: PushOutcome
    probe: bool = False
    canary: bool = False
    """It was a test message."""


def sign(outcome: PushOutcome) -> Sign | None:
    """What it says of the channel; None for nothing."""
    match outcome:
        case Taken() | Unanswered(receipt_follows=True):
            return Sign.ANSWERED
        case Refused():
            return Sign.FAILED if outcome.status >= 500 or outcome.status in _NOT_NOW else Sign.ANSWERED
        case _:
            return None if outcome == NOT_COMPOSED else Sign.FAILED


def tried(session: Session, ctx: Context, tries: Sequence[Try], *, now: datetime, breaker: Breaker) -> None:
    """Keep what these say, in the order in which they ended. Channels that are well and were heard a moment ago cost no write."""
    results = _by_team(tries)
    taken = {one.team for one in tries if isinstance(one.outcome, Taken) and not one.canary}
    before = channel_health.read(session, results)
    news = [team for team in results if not _no_news(before.get(team), results[team], now, heard=team in taken)]
    if not news:
        return
    held = channel_health.lock(session, news)
    changed = {team: _changed(held[team], results[team], now, breaker, heard=team in taken) for team in held}
    for one in tries:
        if one.kind is ChannelKind.EMAIL and not one.canary and sign(one.outcome) is Sign.FAILED:
            changed[one.team] = replace(changed[one.team], send_from=None)  # what nobody took was no e-mail
    channel_health.write(session, changed)
    for team, known in changed.items():
        _tell(session, ctx, team, held[team].health, known.health, now)


def _by_team(tries: Sequence[Try]) -> Mapping[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for one in tries:
        if (says := sign(one.outcome)) is not None:
            found.setdefault(one.team, []).append(Result(says, probe=one.probe))
    return found


def _no_news(known: Known | None, results: Sequence[Result], now: datetime, *, heard: bool) -> bool:
    well = known is None or known.health == Health()
    if not well or any(result.sign is Sign.FAILED for result in results):
        return False
    return not heard or channel_health.is_fresh(known, now)


def _changed(known: Known, results: Sequence[Result], now: datetime, breaker: Breaker, *, heard: bool) -> Known:
    health = after(known.health, results, now=now, breaker=breaker)
    return replace(known, health=health, delivered_at=now if heard else known.delivered_at)


def _tell(session: Session, ctx: Context, team: str, before: Health, health: Health, now: datetime) -> None:
    if before.failing_since is not None and health.failing_since is None:
        undeliverable.channel_works(session, ctx, team, before.failing_since, now)
    since = health.failing_since
    if since is not None and health.paused_until is not None and now - since >= TELL_AFTER:
        undeliverable.channel_fails(session, ctx, team, since, now)
