"""The bus over RabbitMQ: announcements in sharded quorum queues, so that any number of processes share the work.

Bodies are ids and nothing else. What could not be announced is dropped and counted: the workers' own looks find it in the database.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress

import orjson
import structlog
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage
from prometheus_client import Counter

from broker import log
from broker.bus.rabbit.foreign import BusError, Missing, NotTaken, Unroutable, translated
from broker.bus.rabbit.hearing import AGAIN_SECONDS, Hearing
from broker.bus.rabbit.link import Link, close
from broker.bus.rabbit.names import WORK, shard_of, work_key
from broker.domain.due import Due

ANNOUNCED = Counter("baton_bus_announced", "Deliveries announced and confirmed")
DROPPED = Counter(
    "baton_bus_dropped", "Deliveries that could not be announced; the workers' looks find them", ["because"]
)

MOST = 10_000
"""Announcements that wait to be published; beyond them the oldest are dropped."""
IDS = 500
"""Most ids a message: some 20 KB."""
PREFETCH = 20
"""Messages of a shard that one process holds; what it does not take is there for the next."""
LONGEST_ID = 64

_Waiting = tuple[Due, str | None]
"""What to announce, and the caller's `traceparent` if it gave one."""


class RabbitBus:
    """Publishes in batches: what comes while one waits for its confirm goes out with the next."""

    def __init__(self, link: Link) -> None:
        """The link is started and stopped with the bus."""
        self.link = link
        self._shards = link.server.shards
        names = [f"{WORK}.{shard}" for shard in range(self._shards)]
        self._hearing = Hearing(link, names, read, prefetch=PREFETCH)
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque(maxlen=MOST)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kick = asyncio.Event()
        self._announcing: asyncio.Task[None] | None = None
        self._log = log.get(__name__)

    @property
    def up(self) -> bool:
        """Whether there is a connection."""
        return self.link.up

    async def start(self) -> None:
        """Connect in the background; what is published meanwhile is kept."""
        self._loop = asyncio.get_running_loop()
        self._kick = asyncio.Event()
        await self.link.start()
        self._announcing = asyncio.create_task(self._announce())

    def publish(self, due: Sequence[Due]) -> None:
        """Have it announced; from any thread, at once."""
        loop = self._loop
        if loop is None:
            return
        trace = structlog.contextvars.get_contextvars().get("traceparent")
        with self._lock:
            over = len(self._waiting) + len(due) - MOST
            self._waiting.extend((one, trace) for one in due)
        if over > 0:
            DROPPED.labels("too-many").inc(over)
        try:
            loop.call_soon_threadsafe(self._kick.set)
        except RuntimeError:  # the loop has ended: whoever starts next looks first of all
            return

    async def receive(self, seconds: float) -> list[str]:
        """Announced ids of all shards."""
        return [id_ for ids in await self._hearing.receive(seconds) for id_ in ids]

    async def done(self) -> None:
        """Acknowledge what was received."""
        await self._hearing.done()

    async def stop(self) -> None:
        """Close; what is not acknowledged goes to another process."""
        self._loop = None
        if self._announcing is not None:
            self._announcing.cancel()
            await asyncio.gather(self._announcing, return_exceptions=True)
        await self._hearing.stop()
        await self.link.stop()

    # --- announcing --------------------------------------------------------------------------------------------------

    async def _announce(self) -> None:
        while True:
            with suppress(BusError, TimeoutError):  # what is lost, the link says; here it is waited for
                await self._announce_over(await self.link.channel(confirms=True))
            await asyncio.sleep(AGAIN_SECONDS)

    async def _announce_over(self, channel: AbstractChannel) -> None:
        """Until it is closed, or something failed: a channel that met a dead leader is refused for as long as that is down, one whose connection went says so late."""
        try:
            with translated():
                exchange = await channel.get_exchange(WORK, ensure=False)
                await self._kick.wait()
                while not channel.is_closed and await self._publish_all(exchange):
                    await self._kick.wait()
        finally:
            await close(channel)

    async def _publish_all(self, exchange: AbstractExchange) -> bool:
        """All that waits; whether nothing of it failed."""
        self._kick.clear()
        with self._lock:
            batch = list(self._waiting)
            self._waiting.clear()
        shards: dict[int, list[_Waiting]] = {}
        for each in batch:
            shards.setdefault(shard_of(each[0].lane, self._shards), []).append(each)
        done = await asyncio.gather(
            *(self._publish_shard(exchange, shard, waiting) for shard, waiting in shards.items())
        )
        return not any(done)

    async def _publish_shard(self, exchange: AbstractExchange, shard: int, waiting: Sequence[_Waiting]) -> str | None:
        """One message after the other, so that a lane keeps its order. After one that fails the rest waits for nothing; gives why it failed."""
        left = len(waiting)
        for message, count in messages(waiting):
            why = await self._publish(exchange, shard, message)
            if why is not None:
                DROPPED.labels(why).inc(left)
                self._log.warning("not announced; the next look finds it", deliveries=left, because=why)
                return why
            ANNOUNCED.inc(count)
            left -= count
        return None

    async def _publish(self, exchange: AbstractExchange, shard: int, message: Message) -> str | None:
        """Why it failed, in a word; None when RabbitMQ has confirmed it."""
        longest = self.link.server.timeout_seconds
        try:
            async with asyncio.timeout(2 * longest):  # the library's own begins once the message is sent
                with translated():
                    await exchange.publish(message, work_key(shard), mandatory=True, timeout=longest)
        except TimeoutError:
            return "no-confirm"
        except (Unroutable, Missing):
            self.link.renew()
            return "no-queue"
        except NotTaken:
            return "not-taken"
        except BusError:
            return "no-connection"
        return None


def messages(waiting: Sequence[_Waiting]) -> Iterator[tuple[Message, int]]:
    """Messages of several ids each, and how many; with the trace when all have the same."""
    for start in range(0, len(waiting), IDS):
        part = waiting[start : start + IDS]
        traces = {trace for _, trace in part}
        trace = traces.pop() if len(traces) == 1 else None
        message = Message(
            orjson.dumps({"deliveries": [due.delivery for due, _ in part]}),
            content_type="application/json",
            delivery_mode=DeliveryMode.PERSISTENT,
            app_id="baton",
            headers={"traceparent": trace} if trace else {},
        )
        yield message, len(part)


def read(message: AbstractIncomingMessage) -> list[str] | None:
    """The ids of an announcement; None when it is none."""
    try:
        said = orjson.loads(message.body)
    except orjson.JSONDecodeError:
        return None
    ids = said.get("deliveries") if isinstance(said, dict) else None
    if not isinstance(ids, list) or len(ids) > IDS:
        return None
    return ids if all(isinstance(id_, str) and len(id_) <= LONGEST_ID for id_ in ids) else None
