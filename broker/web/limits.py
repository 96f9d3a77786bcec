"""How often somebody may ask: one number a name, in the memory of this process; which names and rates there are is for whoever asks."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from broker.domain import rate
from broker.domain.rate import Rate

MOST_NAMES: Final = 20_000
"""Kept at a time. Beyond it those are forgotten first whose share is whole again, then everybody: memory stays bounded."""


def per_minute(count: int) -> Rate:
    """So many a minute, all of which may come at once."""
    return Rate(interval=timedelta(minutes=1) / count, burst=count)


@dataclass(slots=True)
class Limiter:
    """Counts several names together, in any thread."""

    _arrivals: dict[str, datetime] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, name: str, limit: Rate, now: datetime) -> timedelta | None:
        """None when it may, which counts; else how long to wait, which does not."""
        with self._lock:
            arrival = self._arrivals.get(name)
            if rate.allowed(limit, arrival, now) < 1:
                assert arrival is not None  # whoever was never seen has a whole share
                return arrival - now - (limit.burst - 1) * limit.interval
            self._forget(now)
            self._arrivals[name] = rate.spent(limit, arrival, now, 1)
            return None

    def _forget(self, now: datetime) -> None:
        if len(self._arrivals) >= MOST_NAMES:
            self._arrivals = {name: at for name, at in self._arrivals.items() if at > now}
        if len(self._arrivals) >= MOST_NAMES:
            self._arrivals = {}
