"""The bus over PostgreSQL's own LISTEN and NOTIFY, for several processes without RabbitMQ: a wake-up by ids and nothing more.

What is announced while a connection is away is not kept: whoever hears again is told to look, and finds all in the database.
Announcing is no part of the transaction that made something due, because the server commits those that notify one by one.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import psycopg
from psycopg import AsyncConnection

from broker import log
from broker.bus.embedded import EmbeddedBus
from broker.domain.due import Due

CHANNEL: Final = "baton_due"
IDS: Final = 200
"""Most ids in one notification, which the server limits to 8,000 bytes."""
MOST: Final = 5_000
"""Announcements that wait for the connection; beyond them the others are told to look for themselves."""
AGAIN_SECONDS: Final = 1.0
"""Wait before another try to connect."""
ANSWER_SECONDS: Final = 5.0
"""Longest wait for the server."""
GATHER_SECONDS: Final = 0.01
"""Wait for more before the others are told: each notification is a commit of its own, whose cost many announcements share."""
QUIET_SECONDS: Final = 15.0
"""After so long without a notification the server is asked whether it is still there."""

_LOOK: Final = ""


class PostgresBus:
    """In this process as the embedded bus; to the others by notification."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        """`parameters`: libpq's, by name."""
        self._parameters = parameters
        self._here = EmbeddedBus()
        self._name = uuid4().hex
        """Tells our own notifications from those of others."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[str, None] = {}
        self._kick = asyncio.Event()
        self._hears = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._log = log.get(__name__)

    @property
    def up(self) -> bool:
        """Whether other processes are heard; this one always is."""
        return self._hears.is_set()

    async def start(self) -> None:
        """Listen before anything is published, unless the server is away: then as soon as it answers."""
        await self._here.start()
        self._loop = asyncio.get_running_loop()
        self._kick, self._hears, self._waiting = asyncio.Event(), asyncio.Event(), {}
        self._tasks = [asyncio.create_task(self._always(step)) for step in (self._listen, self._tell)]
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._hears.wait()
        except TimeoutError:
            self._log.warning("announcements of other processes are not heard yet")

    def publish(self, due: Sequence[Due]) -> None:
        """Wake this process at once and the others soon; from any thread."""
        self._here.publish(due)
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._keep, [one.delivery for one in due])
        except RuntimeError:  # the loop has ended: whoever starts next looks first of all
            return

    async def receive(self, seconds: float) -> list[str]:
        """What was announced here or elsewhere, at most so long waited for."""
        return await self._here.receive(seconds)

    async def done(self) -> None:
        """Nothing is kept here."""

    async def stop(self) -> None:
        """Close both connections."""
        self._loop = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._here.stop()

    def _keep(self, ids: Sequence[str]) -> None:
        self._waiting |= dict.fromkeys(ids)
        if len(self._waiting) > MOST:
            self._waiting = {_LOOK: None}
        self._kick.set()

    async def _always(self, step: Any) -> None:  # noqa: ANN401 - a coroutine function of this class
        """A step on a connection of its own; on another one when that is lost."""
        while True:
            try:
                connection = await self._connected()
                try:
                    await step(connection)
                finally:
                    await connection.close()
            except (psycopg.Error, TimeoutError, OSError) as error:
                self._log.warning("a connection for announcements is lost", kind=type(error).__name__)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _connected(self) -> AsyncConnection[Any]:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await AsyncConnection.connect(**self._parameters, autocommit=True)

    async def _listen(self, connection: AsyncConnection[Any]) -> None:
        await self._asked(connection, f"LISTEN {CHANNEL}")
        self._heard([_LOOK])  # what was announced before is not known
        self._hears.set()
        try:
            while True:
                await self._listen_a_while(connection)
        finally:
            self._hears.clear()

    async def _listen_a_while(self, connection: AsyncConnection[Any]) -> None:
        async for notification in connection.notifies(timeout=QUIET_SECONDS):
            name, _, ids = notification.payload.partition(" ")
            if name != self._name:
                self._heard(ids.split(","))
        await self._asked(connection, "SELECT 1")

    async def _tell(self, connection: AsyncConnection[Any]) -> None:
        self._kick.set()  # for what the connection before this one did not manage
        while True:
            await self._kick.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._kick.clear()
            for ids in _parts(list(self._waiting)):
                payload = f"{self._name} {','.join(ids)}"
                await self._asked(connection, "SELECT pg_notify(%s, %s)", CHANNEL, payload)
                for id_ in ids:
                    self._waiting.pop(id_, None)

    async def _asked(self, connection: AsyncConnection[Any], statement: str, *values: str) -> None:
        async with asyncio.timeout(ANSWER_SECONDS):
            await connection.execute(statement.encode(), values or None)

    def _heard(self, ids: Sequence[str]) -> None:
        self._here.publish([Due(lane="", delivery=id_) for id_ in ids])


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(ids), IDS):
        yield ids[first : first + IDS]
