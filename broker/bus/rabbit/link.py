"""One connection to RabbitMQ that comes back by itself, with everything declared anew each time; what goes over it is others' business."""

import asyncio
import random
import ssl
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection

from broker import log
from broker.bus.rabbit import topology
from broker.bus.rabbit.foreign import BusError, translated

CONNECT_SECONDS = 5.0
DECLARE_SECONDS = 30.0
"""How long a cluster may take to make its queues, elections included."""
CLOSE_SECONDS = 3.0
HEARTBEAT_SECONDS = 5
"""A connection without a word for three of them is taken for lost; RabbitMQ advises 5 to 20."""
FIRST_WAIT = 0.2
LONGEST_WAIT = 10.0
"""Between two tries to connect: doubled from the first on, with jitter so that not all processes come at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where RabbitMQ is and how it is spoken to."""

    addresses: Sequence[str]
    """amqp:// or amqps://, with user and password; of a cluster several, tried in turn."""
    tls: ssl.SSLContext | None = None
    """For amqps://; None for the system's trust store."""
    shards: int
    timeout_seconds: float
    """Longest wait for a confirm."""


class Link:
    """`start` it once in the running loop; then ask it for channels."""

    def __init__(self, server: Server, *, lot: Callable[[], float] = random.random) -> None:
        """`lot` draws jitter, from 0 up to but not including 1. Nothing is opened here."""
        self.server = server
        self._lot = lot
        self._connection: AbstractConnection | None = None
        self._up = asyncio.Event()
        self._ended = asyncio.Event()
        """Set when the connection of this moment is lost, or is to be made anew."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._log = log.get(__name__)

    @property
    def up(self) -> bool:
        """Whether there is a connection now."""
        return self._up.is_set()

    async def start(self) -> None:
        """Connect and stay connected, in the background."""
        self._loop = asyncio.get_running_loop()
        self._up = asyncio.Event()
        self._keeping = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Close and end."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        self._keeping = self._loop = None

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Run this in the link's loop; from any thread. Nothing when it has not started, or has ended."""
        try:
            if self._loop is not None:
                asyncio.run_coroutine_threadsafe(work, self._loop)
                return
        except RuntimeError:
            pass
        work.close()

    def renew(self) -> None:
        """Something is not as it was declared: connect again, which declares everything."""
        self._ended.set()

    async def wait(self) -> AbstractConnection:
        """The connection, once there is one."""
        while True:
            await self._up.wait()
            if self._connection is not None:
                return self._connection

    async def channel(self, *, confirms: bool) -> AbstractChannel:
        """A new channel, as soon as there is a connection; one for publishing raises for what is returned or refused.

        Raises:
            Lost: the connection went meanwhile.
            TimeoutError: it hangs.
        """
        connection = await self.wait()
        async with asyncio.timeout(self.server.timeout_seconds):
            with translated():
                return await connection.channel(publisher_confirms=confirms, on_return_raises=confirms)

    async def _keep(self) -> None:
        tries = 0
        turn = int(self._lot() * len(self.server.addresses))
        while True:
            try:
                self._connection = await self._connect(self.server.addresses[turn % len(self.server.addresses)])
                tries = 0
                self._up.set()
                self._log.info("bus connected")
                await self._ended.wait()
                self._log.warning("bus connection lost")
            except (BusError, TimeoutError) as error:
                if tries == 0:
                    self._log.warning("bus not reached", error=error.__cause__ or error)
            finally:
                self._up.clear()
                lost, self._connection = self._connection, None
                if lost is not None:
                    await close(lost)
            turn += 1
            await asyncio.sleep(min(LONGEST_WAIT, FIRST_WAIT * 2**tries) * (0.5 + self._lot() / 2))
            tries = min(tries + 1, 10)

    async def _connect(self, address: str) -> AbstractConnection:
        """Connected, with everything declared."""
        ended = self._ended = asyncio.Event()
        connection = None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                with translated():
                    connection = await open_connection(address, self.server.tls)
            connection.close_callbacks.add(lambda *_: ended.set())  # `closed()` tells only of our own closing
            async with asyncio.timeout(DECLARE_SECONDS):
                differ = await topology.declare(connection, self.server.shards)
        except BaseException:
            if connection is not None:
                await close(connection)
            raise
        if differ:
            self._log.warning("declared with other arguments before; see `baton doctor`", names=differ)
        return connection


async def open_connection(address: str, context: ssl.SSLContext | None) -> AbstractConnection:
    """A connection that does not come back by itself: what was declared or in flight is not for a library to repeat."""
    return await aio_pika.connect(address, ssl_context=context, heartbeat=HEARTBEAT_SECONDS, name="baton")


async def close(one: AbstractConnection | AbstractChannel) -> None:
    """Close what may be lost or hang already."""
    with suppress(BusError, TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            with translated():
                await one.close()
