"""A TCP proxy that can swallow what it is given: a client on one side and a server on the other that both hear nothing, and no connection ends."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """Listens on a port of the loopback and passes everything on, until it swallows."""

    def __init__(self, host: str, port: int) -> None:
        """To this server."""
        self.port = 0
        self._server = (host, port)
        self._swallows = threading.Event()
        self._listening = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def start(self) -> None:
        """Returns once it listens."""
        self._thread.start()
        assert self._listening.wait(10)

    def stop(self) -> None:
        """End every connection."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def swallow(self) -> None:
        """From now on nothing comes through, either way; new connections are taken and hear nothing."""
        self._swallows.set()

    def pass_on(self) -> None:
        """New connections come through. Those of before stay mute, as behind a firewall that forgot them: TCP never goes on after a hole."""
        self._swallows.clear()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._talk, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            there_reader, there_writer = await asyncio.open_connection(*self._server)
            mute = asyncio.Event()
            await asyncio.gather(self._pipe(reader, there_writer, mute), self._pipe(there_reader, writer, mute))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mute: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                if self._swallows.is_set():
                    mute.set()
                if not mute.is_set():
                    writer.write(data)
                    await writer.drain()
        writer.close()


@contextmanager
def proxy(host: str, port: int) -> Iterator[Proxy]:
    """One for as long as the block runs."""
    running = Proxy(host, port)
    running.start()
    try:
        yield running
    finally:
        running.stop()
