"""A TCP proxy in the test's own loop, by which a server that others use too can be cut off, frozen or away for one test alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Passes bytes on between whoever connects and one server, while it is let."""

    def __init__(self, url: str) -> None:
        """`url` is the server's address, whatever its scheme."""
        self._behind = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.accepted = 0

    @property
    def url(self) -> str:
        """The server's address by way of the proxy."""
        before, at, _ = self._behind.netloc.rpartition("@")
        return urlunsplit(self._behind._replace(netloc=f"{before}{at}127.0.0.1:{self.port}"))

    async def listen(self) -> None:
        """Take connections, on the same port each time."""
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def away(self) -> None:
        """Refuse connections and cut those there are."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def cut(self) -> None:
        """End every connection at once, without a word of the protocol."""
        for writer in list(self._open):
            writer.transport.abort()

    def freeze(self) -> None:
        """Keep connections, take new ones, and pass nothing on."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Pass on again, what was held back first."""
        self._flowing.set()

    async def close(self) -> None:
        """End, with everything that is open."""
        await self.away()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        there, back = await asyncio.open_connection(self._behind.hostname, self._behind.port)
        self._open |= {writer, back}
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.transport.abort()
            self._open.discard(sink)


@asynccontextmanager
async def proxy(url: str, *, listening: bool = True) -> AsyncIterator[Proxy]:
    """A proxy before a server; with `listening` off it has a port and refuses."""
    made = Proxy(url)
    await made.listen()
    if not listening:
        await made.away()
    try:
        yield made
    finally:
        await made.close()
