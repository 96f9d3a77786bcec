"""When a delivery that failed is tried again, decided as a value; nothing is sent, stored or drawn by lot here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

SPREAD = 0.2
"""Part of a wait that `jitter` moves it by, to either side: deliveries that failed together do not return together."""

LONGEST = timedelta(days=1)
"""A receiver may ask us to wait this long and no longer: a message is tried at least once a day, whatever it says."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What the failed try says about the next one; one that says nothing is `Failure()`."""

    gone: bool = False
    """The receiver says that the address is gone for good (HTTP 410)."""
    wait: timedelta | None = None
    """How long the receiver asked us to wait (Retry-After with 429 or 503)."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again by itself; nobody need know yet."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Park:
    """The ladder is used up: a person is told by a task, and it is tried once a day from `at` on, for ever (invariant 3)."""

    at: datetime


Verdict: TypeAlias = RetryAt | Park


def after(
    attempts: int, failure: Failure, *, now: datetime, ladder: Sequence[timedelta], daily: timedelta, jitter: float
) -> Verdict:
    """What follows the `attempts`-th try (counted from 1), which failed.

    Args:
        attempts: tries so far, this one included; a try whose worker died counts.
        failure: what the receiver asked for.
        now: the time of the failure.
        ladder: the wait after the first try, after the second …; behind it only the daily try is left.
        daily: the wait between tries after the ladder.
        jitter: from 0 (earliest) up to but not including 1 (latest), drawn by the caller.

    There is no giving up. A refusal (4xx) climbs the same ladder as an unreachable receiver: most are a wrong key or
    a half-done release at the other end, and mend. Only `gone` parks at once, because waiting will not mend it.
    """
    if failure.gone or attempts > len(ladder):
        return Park(now + _spread(max(daily, _asked(failure)), jitter))
    return RetryAt(now + max(_spread(ladder[attempts - 1], jitter), _asked(failure) * (1 + SPREAD * jitter)))


def _asked(failure: Failure) -> timedelta:
    return min(max(failure.wait or timedelta(), timedelta()), LONGEST)


def _spread(wait: timedelta, jitter: float) -> timedelta:
    return wait * (1 - SPREAD + 2 * SPREAD * jitter)
