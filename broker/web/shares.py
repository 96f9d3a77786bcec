"""How many calls an agency may make, so that one that goes wrong leaves the broker to the others; each process counts for itself, in memory."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic
from typing import Final

from broker.domain import rate
from broker.domain.caller import Caller
from broker.domain.rate import Rate
from broker.errors import TooMany

AT_ONCE: Final = timedelta(seconds=20)
"""What a system that was away has gathered may come at once: this much time's worth."""


def elapsed() -> datetime:
    """A clock that is never put back. Its date means nothing."""
    return datetime.fromtimestamp(monotonic(), UTC)


class Shares:
    """One count for each agency; for a client that is of none, its own."""

    def __init__(self, per_second: float, clock: Callable[[], datetime] = elapsed) -> None:
        """`per_second`: calls in the long run."""
        interval = timedelta(seconds=1 / per_second)
        self._rate = Rate(interval=interval, burst=max(1, AT_ONCE // interval))
        self._clock = clock
        self._arrivals: dict[str, datetime] = {}
        self._lock = Lock()

    def take(self, caller: Caller, way: str = "") -> None:
        """Count one call. TooMany, with the seconds to wait, when the share is used up.

        `way`: calls by different ways do not use up each other's share, so that a system that goes wrong does not lock out its agency's people.
        """
        of = f"{way} {caller.agency or caller.client}"
        with self._lock:
            now, arrival = self._clock(), self._arrivals.get(of)
            if not rate.allowed(self._rate, arrival, now):
                raise TooMany(wait=(arrival or now) - now - (self._rate.burst - 1) * self._rate.interval)
            self._arrivals[of] = rate.spent(self._rate, arrival, now, 1)
