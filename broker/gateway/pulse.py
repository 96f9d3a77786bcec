"""Says in the database that a gateway works, so that its silence shows to whoever looks from elsewhere."""

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from broker.runtime import Runtime
from broker.storage import pulses

EVERY_SECONDS: Final = 30.0
"""Not more often, however often a queue is looked into."""


class Pulse:
    """Of one gateway; other processes that run it too say the same of it."""

    def __init__(self, runtime: Runtime, name: str) -> None:
        """Nothing is said yet."""
        self._runtime = runtime
        self._name = name
        self._said: datetime | None = None

    def worked(self) -> None:
        """It has looked, or listens."""
        now = self._runtime.now()
        if self._said is None or now - self._said >= timedelta(seconds=EVERY_SECONDS):
            self._runtime.store.write(partial(pulses.gateway_worked, name=self._name, now=now), repeatable=True)
            self._said = now
