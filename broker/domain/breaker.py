"""When a team's channel is paused after failures, and when it is tried again (circuit breaker), decided as values; nothing is counted or stored here.

Closed: everything goes. Open: nothing is claimed for the team until `paused_until`, so nothing uses up a try and
nothing is dropped. Half-open: the pause is over and one push, the probe, decides; where it fails the next pause is longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Sign(StrEnum):
    """What a try says about the channel, whatever it says about the message."""

    ANSWERED = "answered"  # the other end lives: it took the message, or refused this one
    FAILED = "failed"  # no connection, no answer, or an answer that says "not now"


@dataclass(frozen=True, slots=True)
class Result:
    """One try."""

    sign: Sign
    probe: bool = False
    """It went out to find out whether the pause may end."""


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a channel; one of which nothing is known is well."""

    failures: int = 0
    """In a row."""
    failing_since: datetime | None = None
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """When it opens."""

    failures: int
    """Failures in a row; at least 1."""
    ladder: Sequence[timedelta]
    """The first pause, the second …; the last for all that follow. At least one."""


def after(health: Health, results: Sequence[Result], *, now: datetime, breaker: Breaker) -> Health:
    """The channel after these tries, in the order in which they ended.

    Pushes that were already under way when the pause began fail as well and say nothing new: of a paused channel only
    the probe's failure counts. Any answer closes it.
    """
    for result in results:
        health = _next(health, result, now, breaker)
    return health


def _next(health: Health, result: Result, now: datetime, breaker: Breaker) -> Health:
    if result.sign is Sign.ANSWERED:
        return Health()
    if health.paused_until is not None and not result.probe:
        return health
    failed = replace(health, failures=health.failures + 1, failing_since=health.failing_since or now)
    beyond = failed.failures - breaker.failures
    if beyond < 0:
        return failed
    return replace(failed, paused_until=now + breaker.ladder[min(beyond, len(breaker.ladder) - 1)])
