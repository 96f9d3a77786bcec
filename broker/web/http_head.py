"""The head of a request within bounds of bytes and seconds, below the application: the server by itself waits and reads without end (T8)."""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES: Final = 65_536
"""Request line and headers. A client assertion of the longest kind stands in a body; the longest head of ours has some 2,000."""
HEAD_SECONDS: Final = 20.0
"""From a connection, or the first byte of a further request, to the end of the head."""


class HeadTooLarge(Exception):
    """The parser makes 400 and the end of the connection of it."""


class BoundedHead(HttpToolsProtocol):
    """One connection of uvicorn's, for its option `http`."""

    _reading = True
    _fed = 0
    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Somebody connected, who may have nothing to say."""
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over, whoever ended it."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes are counted until the head is whole; a head that does not end is kept by nobody."""
        self._fed += len(data)
        super().data_received(data)
        if self._reading and self._fed > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._stop()
        self._reading = False
        self._fed = 0
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES:
            raise HeadTooLarge
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole: what comes next belongs to another."""
        self._fed = 0
        super().on_message_complete()

    def _begin(self) -> None:
        self._stop()
        self._reading = True
        self._clock = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
