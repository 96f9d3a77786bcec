"""MLLP, by which HL7 v2 travels over TCP: blocks between two marks, each answered before the next is read (HL7 MLLP release 1).

How a block is framed, how long it may be and how long is waited for it lives here; what it says does not.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Self, TypeAlias

START: Final = b"\x0b"
END: Final = b"\x1c\r"
_BETWEEN: Final = b"\r\n\0 "
"""What some senders put between blocks."""
_GRACE_SECONDS: Final = 5.0
"""How long what is under way may take once the listener is told to stop."""


class NotNow(Exception):
    """The message was not taken and nothing is to be answered: the connection is closed, and its sender sends again."""


Answering: TypeAlias = Callable[[bytes], Awaitable[bytes | None]]
"""From a message to its answer, None where its sender wants none. Raises NotNow."""
Refusing: TypeAlias = Callable[[bytes, str], bytes]
"""The answer to what is no block, by what of it has come and the reason."""


class Listener:
    """Listens while the block runs."""

    def __init__(
        self,
        answer: Answering,
        refuse: Refusing,
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        most_bytes: int,
        idle_seconds: float,
        connections: int,
    ) -> None:
        """Nothing is opened yet.

        Args:
            answer: what is answered to each message; its end is waited for before the next is read.
            refuse: what is answered to what is no block; the connection is closed behind it.
            host: address to listen on.
            port: 0 is any that is free.
            tls: None is without.
            most_bytes: of one message.
            idle_seconds: a connection on which no message was finished for so long is closed.
            connections: most at once; one more is closed at once.
        """
        self._answer = answer
        self._refuse = refuse
        self._where = (host, port)
        self._tls = tls
        self._most = most_bytes
        self._idle = idle_seconds
        self._connections = connections
        self._open: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[None]] = set()
        """Those of them on which a message is being taken."""
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aenter__(self) -> Self:
        """Listen. OSError when the address is not to be had."""
        host, port = self._where
        self._server = await asyncio.start_server(
            self._connected, host, port, limit=self._most + len(END), ssl=self._tls
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Listen no more; what is under way is finished or, after a while, given up, unanswered."""
        assert self._server is not None
        self._server.close()
        for task in self._open - self._answering:
            task.cancel()
        if self._answering:
            await asyncio.wait(self._answering, timeout=_GRACE_SECONDS)
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Tasks are made here: asyncio of Python 3.11 logs one of its own that is cancelled as a fault."""
        if len(self._open) >= self._connections:
            writer.close()
            return
        task = asyncio.create_task(self._served(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (OSError, TimeoutError, NotNow, asyncio.IncompleteReadError):
            pass  # it went away, said nothing, or is to send again
        finally:
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while self._server is not None and self._server.is_serving():
            try:
                async with asyncio.timeout(self._idle):
                    block = await _block(reader)
            except _NoBlock as error:
                await _write(writer, self._refuse(error.seen, error.reason))
                return
            if block is None:
                return
            self._answering.add(_this_task())
            try:
                answer = await self._answer(block)
                if answer is not None:
                    await _write(writer, answer)
            finally:
                self._answering.discard(_this_task())


def _this_task() -> "asyncio.Task[None]":
    task = asyncio.current_task()
    assert task is not None
    return task


class _NoBlock(Exception):
    """What came is no block, and where the next one begins cannot be told."""

    def __init__(self, seen: bytes, reason: str) -> None:
        super().__init__(reason)
        self.seen = seen
        self.reason = reason


async def _block(reader: asyncio.StreamReader) -> bytes | None:
    """The next message without its marks; None when the other side has ended properly."""
    first = b"\n"
    while first and first in _BETWEEN:
        first = await reader.read(1)
    if not first:
        return None
    if first != START:
        raise _NoBlock(first + await _what_is_there(reader), "does not begin as MLLP frames it")
    try:
        return (await reader.readuntil(END)).removesuffix(END)
    except asyncio.LimitOverrunError as error:
        raise _NoBlock(await _what_is_there(reader), "is longer than is taken here") from error
    except asyncio.IncompleteReadError as error:
        raise _NoBlock(error.partial, "ends without the mark of its end") from error


async def _what_is_there(reader: asyncio.StreamReader) -> bytes:
    """Enough to name the message in an answer; the rest is not read."""
    try:
        async with asyncio.timeout(_MOMENT_SECONDS):
            return await reader.read(_SEEN)
    except TimeoutError:
        return b""


_SEEN: Final = 1024
_MOMENT_SECONDS: Final = 0.2


async def _write(writer: asyncio.StreamWriter, answer: bytes) -> None:
    writer.write(START + answer + END)
    await writer.drain()


def server_tls(cert_file: Path, key_file: Path, client_ca_file: Path | None) -> ssl.SSLContext:
    """What a listener shows, and whom it lets in: with `client_ca_file` only who has a certificate of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert_file, key_file)
    if client_ca_file is not None:
        context.load_verify_locations(client_ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
