"""A team's system that takes its messages from its queue and sends receipts; on another node, and again, whenever RabbitMQ goes away."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError

from tests.faults.receivers import Received

AT_ONCE = 100
PATIENCE = 5.0  # seconds for one step of the client
QUIET = 3.0  # seconds without a message after which it asks whether its queue is still there


class QueueTeam:
    """Runs in a thread of the test, which no fault hits."""

    def __init__(self, urls: Sequence[str], team: str) -> None:
        """Begins with `start`."""
        self.received: list[Received] = []
        self._urls = cycle(urls)
        self._team = team
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="queue team", daemon=True)

    def start(self) -> None:
        """Begin to take."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more."""
        self._stopping.set()
        self._thread.join(4 * PATIENCE)
        assert not self._thread.is_alive(), "the queue's consumer hangs"

    async def _run(self) -> None:
        while not self._stopping.is_set():
            with suppress(AMQPError, OSError, TimeoutError, asyncio.InvalidStateError):
                await self._take(next(self._urls))
            await asyncio.sleep(0.2)

    async def _take(self, url: str) -> None:
        async with asyncio.timeout(PATIENCE):
            connection = await aio_pika.connect(url, heartbeat=2)
        try:
            await self._consume(await connection.channel(publisher_confirms=True))
        finally:
            with suppress(AMQPError, OSError, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await connection.close()

    async def _consume(self, channel: AbstractChannel) -> None:
        messages: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        async with asyncio.timeout(PATIENCE):
            await channel.set_qos(AT_ONCE)
            queue = await channel.declare_queue(f"baton.team.{self._team}", passive=True)
            receipts = await channel.get_exchange("baton.receipts", ensure=False)
            await queue.consume(messages.put)
        while not self._stopping.is_set():
            async with asyncio.timeout(QUIET):  # then anew: a queue that was deleted tells its consumers nothing
                message = await messages.get()
            async with asyncio.timeout(PATIENCE):
                await self._took(message, receipts)

    async def _took(self, message: AbstractIncomingMessage, receipts: aio_pika.abc.AbstractExchange) -> None:
        id_ = str(message.message_id)
        self.received.append(Received(self._team, id_, int(str(message.headers["baton-sequence"])), answered=True))
        await receipts.publish(aio_pika.Message(b"", correlation_id=id_), "")
        await message.ack()


@contextmanager
def taking(urls: Sequence[str], team: str) -> Iterator[QueueTeam]:
    """The team's system, for as long as the block runs."""
    system = QueueTeam(urls, team)
    system.start()
    try:
        yield system
    finally:
        system.stop()


def at_queues(urls: Sequence[str], names: Sequence[str], do: Callable[[AbstractChannel, str], object]) -> None:
    """Something done to each of these queues behind everybody's back; those that are not there are left."""

    async def each(name: str) -> None:
        async with asyncio.timeout(PATIENCE), await aio_pika.connect(urls[0]) as connection:
            result = do(await connection.channel(), name)
            assert asyncio.iscoroutine(result)
            await result

    async def all_of_them() -> None:
        for name in names:
            with suppress(AMQPError, TimeoutError):
                await each(name)

    asyncio.run(all_of_them())
