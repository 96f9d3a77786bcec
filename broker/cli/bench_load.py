"""The load of `baton bench accept`: so many callers, each with a connection that stays open, one message at a time each."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What came of one stretch of load."""

    accepted: int
    refused: int
    seconds: float
    """From the first request to the last answer."""
    milliseconds: tuple[float, ...]
    """How long each accepted one waited for its answer."""


@dataclass(slots=True)
class _Stretch:
    bodies: Iterator[bytes]
    until: float
    waited: list[float]
    refused: int = 0


def send(port: int, head: bytes, bodies: Sequence[bytes], *, callers: int, seconds: float) -> Answers:
    """Post the bodies to this port of the loopback for at most so long; `head` is the request's up to Content-Length."""
    return asyncio.run(_send(port, head, bodies, callers, seconds))


async def _send(port: int, head: bytes, bodies: Sequence[bytes], callers: int, seconds: float) -> Answers:
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(callers)]
    began = perf_counter()
    stretch = _Stretch(iter(bodies), began + seconds, [])
    await asyncio.gather(*(_call(reader, writer, head, stretch) for reader, writer in connections))
    took = perf_counter() - began
    for _, writer in connections:
        writer.close()
    waited = tuple(1000 * one for one in stretch.waited)
    return Answers(accepted=len(waited), refused=stretch.refused, seconds=took, milliseconds=waited)


async def _call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes, stretch: _Stretch) -> None:
    """One caller: the next body as soon as the last one was answered."""
    for body in stretch.bodies:
        began = perf_counter()
        writer.write(b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body))
        if await _status(reader) == HTTPStatus.OK:
            stretch.waited.append(perf_counter() - began)
        else:
            stretch.refused += 1
        if perf_counter() >= stretch.until:
            return


# --- at a steady pace ---------------------------------------------------------------------------------------------------


def send_paced(port: int, head: bytes, bodies: Sequence[bytes], *, per_second: float, callers: int) -> Answers:
    """Post the bodies one after the other at this pace, whatever the answers take; each waits from the time it was due."""
    return asyncio.run(_send_paced(port, head, bodies, per_second, callers))


TRIES = 5
"""A sender whose message kept colliding with others about the same household sends it again, as the answer asks."""


async def _send_paced(port: int, head: bytes, bodies: Sequence[bytes], per_second: float, callers: int) -> Answers:
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(callers):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    began, stretch = perf_counter(), _Stretch(iter(()), 0, [])

    async def post(body: bytes, due: float) -> None:
        connection = await idle.get()
        if await _posted(*connection, b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)):
            stretch.waited.append(perf_counter() - due)
        else:
            stretch.refused += 1
        idle.put_nowait(connection)

    async with asyncio.TaskGroup() as group:
        for place, body in enumerate(bodies):
            due = began + place / per_second
            await asyncio.sleep(due - perf_counter())
            group.create_task(post(body, due))
    took = perf_counter() - began
    while not idle.empty():
        idle.get_nowait()[1].close()
    waited = tuple(1000 * one for one in stretch.waited)
    return Answers(accepted=len(waited), refused=stretch.refused, seconds=took, milliseconds=waited)


async def _posted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bool:
    for _ in range(TRIES):
        writer.write(request)
        status = await _status(reader)
        if status != HTTPStatus.SERVICE_UNAVAILABLE:
            return status == HTTPStatus.OK
    return False


async def _status(reader: asyncio.StreamReader) -> int:
    """The status of one answer, read to its end. Both servers tell the length of what they answer."""
    line, *headers = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    named = dict(header.lower().split(b":", 1) for header in headers if header)
    await reader.readexactly(int(named[b"content-length"]))
    return int(line.split()[1])
