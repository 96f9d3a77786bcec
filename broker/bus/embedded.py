"""The bus inside one process: an event that wakes the worker's loop."""

import asyncio


class EmbeddedBus:
    """One process with one waiting worker."""

    def __init__(self) -> None:
        """Bound to no loop until `attach`; what is announced before that is what the worker's first look finds."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._announced = asyncio.Event()

    def attach(self) -> None:
        """Announcements go to this loop from now on."""
        self._loop = asyncio.get_running_loop()
        self._announced = asyncio.Event()

    def announce(self, shard: int | None = None) -> None:  # noqa: ARG002 - one process works on all shards
        """Wake the worker; from any thread."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._announced.set)
        except RuntimeError:  # the loop has ended: whoever starts next looks first of all
            return

    async def wait(self, seconds: float) -> bool:
        """Wait for the next announcement, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._announced.wait()
        except TimeoutError:
            return False
        self._announced.clear()
        return True
