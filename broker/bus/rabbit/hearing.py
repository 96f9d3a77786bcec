"""Consumes queues: what came is handed over in batches, and acknowledged once its taker says that it is done with them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Generic, TypeVar

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from prometheus_client import Counter

from broker import log
from broker.bus.rabbit.foreign import BusError, Missing, translated
from broker.bus.rabbit.link import Link, close

T = TypeVar("T")

UNREADABLE = Counter("baton_bus_unreadable", "Messages of our own queues that could not be read", ["queue"])

AGAIN_SECONDS = 0.2
"""Between a channel's end and the next: a queue that was deleted is being declared."""

SILENT_SECONDS = 60.0
"""After so long without a message the channel is opened anew: a consumer can be forgotten, or its messages lost on the way, with no connection ending."""


class Hearing(Generic[T]):
    """One channel with a consumer a queue. Whatever ends it, another is opened; what was not acknowledged comes again."""

    def __init__(
        self,
        link: Link,
        queues: Sequence[str],
        read: Callable[[AbstractIncomingMessage], T | None],
        *,
        prefetch: int,
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        """Nothing is consumed before the first `receive`: a process without a worker must not take what it never handles.

        Args:
            link: the connection.
            queues: their names.
            read: what a message says; total, and None for one that cannot be read, which becomes a dead letter.
            prefetch: most messages a queue that are out at once.
            silent_seconds: how long no message may come before it is asked again for what is out.
        """
        self._link = link
        self._queues = queues
        self._read = read
        self._prefetch = prefetch
        self._silent_seconds = silent_seconds
        self._heard_at = 0.0
        """Time of the event loop."""
        self._arrived = asyncio.Event()
        self._waiting: list[tuple[T, AbstractIncomingMessage]] = []
        self._handed: AbstractIncomingMessage | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._log = log.get(__name__)

    async def receive(self, seconds: float) -> list[T]:
        """What has come, as soon as there is any; nothing when `seconds` pass without."""
        if self._keeping is None:
            self._arrived = asyncio.Event()
            self._keeping = asyncio.create_task(self._keep())
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return []
        self._arrived.clear()
        taken, self._waiting = self._waiting, []
        self._handed = taken[-1][1]
        return [item for item, _ in taken]

    async def done(self) -> None:
        """All that was handed over need not come again. A channel that is gone has put it back already."""
        last, self._handed = self._handed, None
        if last is None:
            return
        with suppress(BusError, TimeoutError):
            async with asyncio.timeout(self._link.server.timeout_seconds):
                with translated():
                    await last.ack(multiple=True)  # all on one channel, and this came last

    async def stop(self) -> None:
        """Consume no more; what was not acknowledged goes back."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        self._keeping = None

    async def _keep(self) -> None:
        while True:
            with suppress(BusError, TimeoutError):
                await self._hear(await self._link.channel(confirms=False))
            await asyncio.sleep(AGAIN_SECONDS)

    async def _hear(self, channel: AbstractChannel) -> None:
        ended = asyncio.Event()
        try:
            with translated():
                await self._consume(channel, ended)
                await _first(ended.wait(), channel.closed(), self._silence())
            if ended.is_set():
                self._link.renew()  # a queue was deleted
        except Missing:
            self._link.renew()
        finally:
            await close(channel)

    async def _consume(self, channel: AbstractChannel, ended: asyncio.Event) -> None:
        async with asyncio.timeout(self._link.server.timeout_seconds * len(self._queues)):
            await channel.set_qos(prefetch_count=self._prefetch)  # a consumer each, not for the channel
            (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(lambda _: ended.set())
            for name in self._queues:
                queue = await channel.get_queue(name, ensure=False)
                await queue.consume(partial(self._heard, name))

    async def _silence(self) -> None:
        """Until nothing has come for too long."""
        now = asyncio.get_running_loop().time
        self._heard_at = now()
        while (left := self._heard_at + self._silent_seconds - now()) > 0:  # noqa: ASYNC110 - what comes meanwhile only makes it longer
            await asyncio.sleep(left)

    async def _heard(self, queue: str, message: AbstractIncomingMessage) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        item = self._read(message)
        if item is None:
            UNREADABLE.labels(queue).inc()
            self._log.warning("message could not be read; it is a dead letter", queue=queue)
            with translated():
                await message.reject(requeue=False)
            return
        self._waiting.append((item, message))
        self._arrived.set()


async def _first(*ways: Awaitable[Any]) -> None:
    """Until one of them is over."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when="FIRST_COMPLETED")
    finally:
        for task in tasks:
            task.cancel()
