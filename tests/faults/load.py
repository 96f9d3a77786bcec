"""Clients that send a steady load over HTTP and do what every client must: send the same message again until it is answered."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import orjson

from broker.cli import bench_town
from broker.clock import utc_now
from tests.faults.town import HOUSEHOLDS, SENDER, Town

CALLERS: Final = 6
GIVE_UP: Final = 60.0
"""Seconds after the end of the load until which what is not answered is still sent again."""
PATIENCE: Final = 15.0
"""Seconds a client waits for one answer."""
AGAIN: Final = 0.1
"""Seconds between two tries."""
AGES: Final = (70, 60)
"""Days since the children of the bench's town were born, and since they live where they do."""
CHUNK: Final = 5 * HOUSEHOLDS
"""Messages made at once."""
FINAL: Final = frozenset({200, 400, 401, 403, 409, 422})
"""After these a client does not send the same again."""


@dataclass(slots=True)
class Sent:
    """One message of a client. Times are of `time.time()`."""

    id: str
    body: bytes
    first_sent: float = 0.0
    accepted: float | None = None
    answers: list[int] = field(default_factory=list)
    """Status of each answer; 0 where there was none."""


class Load:
    """So many a second, from several callers, to whichever server answers, until it is stopped."""

    def __init__(
        self,
        ports: Sequence[int],
        town: Town,
        *,
        per_second: float,
        callers: int = CALLERS,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Begins with `start`. `per_second` is what is offered; a slow broker is offered less. `clock` dates the messages."""
        self.sent: list[Sent] = []
        self.waits: list[tuple[int, float]] = []
        """Status and seconds of every answer."""
        self._ports = list(ports)
        self._head = _head(town.tokens[SENDER])
        self._interval = callers / per_second
        self._callers = callers
        self._bodies = messages(town, clock)
        self._stopping = threading.Event()
        self._give_up = float("inf")
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)

    @property
    def accepted(self) -> list[Sent]:
        """What was answered 200 so far."""
        return [one for one in self.sent if one.accepted is not None]

    @property
    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        return Counter(status for status, _ in self.waits)

    def start(self) -> "Load":
        """Begin to send."""
        self._thread.start()
        return self

    def until(self, accepted: int, seconds: float) -> None:
        """Go on until so many are accepted. Fails when that takes longer."""
        give_up = time.monotonic() + seconds
        while len(self.accepted) < accepted:
            if time.monotonic() > give_up or not self._thread.is_alive():
                raise AssertionError(f"{len(self.accepted)} of {accepted} accepted: {self.statuses}")
            time.sleep(0.05)

    def until_status(self, status: int, seconds: float) -> None:
        """Go on until a client is answered that. Fails when that takes longer."""
        before, give_up = self.statuses[status], time.monotonic() + seconds
        while self.statuses[status] == before:
            if time.monotonic() > give_up:
                raise AssertionError(f"nobody was answered {status}: {self.statuses}")
            time.sleep(0.05)

    def stop(self) -> list[Sent]:
        """Begin no other message, wait for the answers to those that were begun; what was accepted."""
        self._give_up = time.monotonic() + GIVE_UP
        self._stopping.set()
        self._thread.join(GIVE_UP + 2 * PATIENCE)
        assert not self._thread.is_alive(), "a client hangs"
        return self.accepted

    async def _run(self) -> None:
        await asyncio.gather(*(self._caller(number) for number in range(self._callers)))

    async def _caller(self, number: int) -> None:
        connection = _Connection(self._ports, number, self._head)
        while not self._stopping.is_set():
            began = time.monotonic()
            one = next(self._bodies)
            self.sent.append(one)
            one.first_sent = time.time()
            await self._until_answered(connection, one)
            await asyncio.sleep(max(0.0, began + self._interval - time.monotonic()))
        connection.close()

    async def _until_answered(self, connection: "_Connection", one: Sent) -> None:
        while time.monotonic() < self._give_up:
            began = time.monotonic()
            status = await connection.post(one.body)
            one.answers.append(status)
            self.waits.append((status, time.monotonic() - began))
            if status == 200:
                one.accepted = time.time()
            if status in FINAL:
                return
            await asyncio.sleep(AGAIN)


class _Connection:
    """A connection that stays open; after a fault the next one goes to the next server."""

    def __init__(self, ports: Sequence[int], number: int, head: bytes) -> None:
        self._ports = ports
        self._turn = number
        self._head = head
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes) -> int:
        """The status of the answer; 0 when there was none."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._post(body)
        except (OSError, EOFError, asyncio.IncompleteReadError, TimeoutError):
            self.close()
            self._turn += 1
            return 0

    async def _post(self, body: bytes) -> int:
        if self._open is None:
            port = self._ports[self._turn % len(self._ports)]
            self._open = await asyncio.open_connection("127.0.0.1", port)
        reader, writer = self._open
        writer.write(b"%sContent-Length: %d\r\n\r\n%s" % (self._head, len(body), body))
        line, *headers = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        named = dict(header.lower().split(b":", 1) for header in headers if header)
        await reader.readexactly(int(named[b"content-length"]))
        if named.get(b"connection", b"").strip() == b"close":
            self.close()
        return int(line.split()[1])

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


def messages(town: Town, clock: Callable[[], datetime] = utc_now) -> Iterator[Sent]:
    """Messages of this moment, about people who were born when the town was filled."""
    while True:
        now = clock()
        for body in bench_town.bodies(now, CHUNK, HOUSEHOLDS):
            told = body
            for days in AGES:
                told = told.replace(_day(now, days), _day(town.built, days))
            yield Sent(id=message_id(told), body=told)


def _day(now: datetime, days: int) -> bytes:
    return (now.date() - timedelta(days=days)).isoformat().encode()


def message_id(body: bytes) -> str:
    """MessageHeader.id of a message of the load: the first id of its first entry."""
    header = orjson.loads(body)["entry"][0]["resource"]
    assert header["resourceType"] == "MessageHeader"
    return str(header["id"])


def _head(token: str) -> bytes:
    lines = (
        "POST /fhir/$process-message HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/fhir+json",
        f"Authorization: Bearer {token}",
    )
    return "".join(f"{line}\r\n" for line in lines).encode()
