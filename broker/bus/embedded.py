"""The bus inside one process: what is published wakes the worker's loop."""

import asyncio
from collections.abc import Sequence

from broker.domain.due import Due

MOST = 10_000
"""Announcements that are kept for a worker who does not come: beyond them it looks for itself, and finds all in the database."""


class EmbeddedBus:
    """One process with one worker."""

    def __init__(self) -> None:
        """Bound to no loop until `start`; what is published before that is what the worker's first look finds."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._announced = asyncio.Event()
        self._ids: dict[str, None] = {}

    @property
    def up(self) -> bool:
        """Within a process nothing can be away."""
        return True

    async def start(self) -> None:
        """What is published comes to this loop from now on."""
        self._loop = asyncio.get_running_loop()
        self._announced = asyncio.Event()
        self._ids = {}

    def publish(self, due: Sequence[Due]) -> None:
        """Wake the worker; from any thread."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._keep, [one.delivery for one in due])
        except RuntimeError:  # the loop has ended: whoever starts next looks first of all
            return

    def _keep(self, ids: Sequence[str]) -> None:
        self._ids |= dict.fromkeys(ids)
        if len(self._ids) > MOST:
            self._ids = {"": None}
        self._announced.set()

    async def receive(self, seconds: float) -> list[str]:
        """What was announced, at most so long waited for."""
        try:
            async with asyncio.timeout(seconds):
                await self._announced.wait()
        except TimeoutError:
            return []
        self._announced.clear()
        ids, self._ids = list(self._ids), {}
        return ids

    async def done(self) -> None:
        """Nothing is kept here."""

    async def stop(self) -> None:
        """Nothing is open."""
        self._loop = None
