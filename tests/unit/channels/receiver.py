"""A team's webhook as tests need it: a real HTTP server on loopback that answers as it is told and keeps what it got."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Got:
    """One request that arrived."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What arrived, and what comes back: `answer` writes the whole response and may be changed at any time."""

    answer: Answer
    got: list[Got] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.got.append(await _read(reader))
                await self.answer(writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the other side is done, or the test is
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Got:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
    line, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value for name, value in (one.split(": ", 1) for one in lines)}
    return Got(line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


@asynccontextmanager
async def receiving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver on a free port of loopback."""
    receiver = Receiver(answer, scheme="https" if tls else "http")
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    tasks_before = asyncio.all_tasks()
    try:
        yield receiver
    finally:
        server.close()
        ours = [t for t in asyncio.all_tasks() - tasks_before if "Receiver.serve" in repr(t.get_coro())]
        for task in ours:
            task.cancel()
        await asyncio.gather(*ours, return_exceptions=True)


def status(code: int, *headers: str, body: bytes = b"") -> Answer:
    """An answer with this status."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {code} -", f"content-length: {len(body)}", *headers]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return answer


async def silence(_: asyncio.StreamWriter) -> None:
    """Takes the request and never answers."""
    await asyncio.Event().wait()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Takes the request and closes without a word."""
    writer.close()
    raise ConnectionResetError


async def babble(writer: asyncio.StreamWriter) -> None:
    """Says that all is well, and then a body without end."""
    writer.write(b"HTTP/1.1 200 -\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        await writer.drain()


async def dribble(writer: asyncio.StreamWriter) -> None:
    """Says that all is well, and then a body of which nothing comes."""
    writer.write(b"HTTP/1.1 200 -\r\ncontent-length: 10\r\n\r\n")
    await writer.drain()
    await asyncio.Event().wait()


async def nonsense(writer: asyncio.StreamWriter) -> None:
    """Answers in something that is not HTTP."""
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
