"""How many pushes a team that has a limit gets now (generic cell rate algorithm), as values; the one number it needs is stored by the caller.

That number is the theoretical arrival time: from then on the team's share is whole again. Several workers that take
turns at it keep one limit together, and nobody counts seconds or empties buckets.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `burst` at once, and in the long run one each `interval`."""

    interval: timedelta
    burst: int = 1


def per_second(rate: float) -> Rate:
    """So many a second, of which a second's worth may go at once."""
    return Rate(interval=timedelta(seconds=1 / rate), burst=max(1, ceil(rate)))


def allowed(rate: Rate, arrival: datetime | None, now: datetime) -> int:
    """How many may go at this moment, from 0 to `burst`.

    An arrival farther ahead than `burst` at once can bring about was written by a clock that was wrong: it holds nobody back.
    """
    share = rate.burst * rate.interval
    ahead = max(timedelta(), (arrival or now) - now)
    return (share - ahead) // rate.interval if ahead <= share else rate.burst


def spent(rate: Rate, arrival: datetime | None, now: datetime, count: int) -> datetime:
    """The theoretical arrival time after `count` more have gone, which were allowed."""
    believed = arrival is not None and now < arrival <= now + rate.burst * rate.interval
    return (arrival if arrival is not None and believed else now) + count * rate.interval
