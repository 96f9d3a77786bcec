"""One MESH mailbox through NHS England's own client: what waits, one message whole, acknowledging, sending, tracking.

Everything here blocks: call it in a thread. The client signs each request with a running number, so one client serves
one thread at a time; as many are made as work at once.
"""

import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

import requests
import urllib3
from mesh_client import MeshClient, MeshError
from mesh_client import Message as MeshMessage

APPLICATION: Final = "baton"
CHUNK_BYTES: Final = 20_000_000
"""The largest chunk that MESH takes over the internet."""
_GONE: Final = (404, 410)
"""Somebody else has acknowledged it meanwhile."""
_PIECE: Final = 65_536
_GZIP_BEGINS: Final = b"\x1f\x8b"
_GZIP: Final = 47
"""zlib's window for gzip with its header."""


class MeshFailed(Exception):
    """MESH did not do what it was asked for; `sent` says whether it may have."""

    def __init__(self, reason: str, *, status: int | None = None, sent: bool = False) -> None:
        """`reason` is a kind of failure in our words; `status` is MESH's answer, where it gave one."""
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.sent = sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A mailbox and what MESH asks of whoever opens it."""

    url: str
    mailbox: str
    password: str = field(repr=False)
    shared_key: str = field(repr=False)
    cert: tuple[str, str] | None = None
    """Files of our certificate and its key."""
    ca_file: str | None = None
    timeout_seconds: float = 30
    chunk_bytes: int = CHUNK_BYTES
    """Of what is sent; longer messages go in several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One message of the inbox."""

    id: str
    body: bytes
    """Of what is too long, nothing; of what cannot be unpacked, as it came."""
    fault: Literal["", "too-long", "not-unpacked"] = ""
    content_type: str | None
    headers: Mapping[str, str]
    """MESH's own, names in lower case and without `mex-`."""

    @property
    def workflow(self) -> str:
        """Its workflow id."""
        return self.headers.get("workflowid", "")

    @property
    def is_report(self) -> bool:
        """Whether MESH itself says that a message of ours came to nothing."""
        return self.headers.get("messagetype", "").upper() == "REPORT"


class Mailbox:
    """Open until it is closed."""

    def __init__(self, account: Account) -> None:
        """Nothing is connected yet."""
        self._account = account
        self._idle: deque[MeshClient] = deque()

    def close(self) -> None:
        """Close connections that are not in use."""
        while self._idle:
            self._idle.pop().close()

    def knock(self) -> None:
        """Say that we are there (MESH asks for it once a day) and that it lets us in."""
        with self._client() as client:
            client.handshake()

    def ids(self) -> Iterator[str]:
        """Messages that wait, oldest first, page by page."""
        with self._client() as client:
            yield from client.iterate_message_ids()

    def fetch(self, message_id: str, *, most: int) -> Fetched | None:
        """A message with all its chunks, unpacked; None when it is not there any more.

        Args:
            message_id: MESH's own.
            most: bytes of content that are read; of what is longer only the headers are given.
        """
        try:
            with self._client() as client:
                message = client.retrieve_message(message_id)
                try:
                    return _fetched(message_id, message, most)
                finally:
                    message.close()
        except MeshFailed as error:
            if error.status in _GONE:
                return None
            raise

    def acknowledge(self, message_id: str) -> None:
        """It is ours now, and MESH may forget it."""
        with self._client() as client:
            client.acknowledge_message(message_id)

    def send(self, recipient: str, body: bytes, *, workflow: str, local_id: str, content_type: str) -> str:
        """Hand a message to MESH, in chunks where it is long; gives MESH's id of it.

        `local_id` is ours, the same at every try, and the subject too: by it the recipient knows a repeat.
        """
        with self._client(sending=True) as client:
            return client.send_message(
                recipient,
                body,
                workflow_id=workflow,
                local_id=local_id,
                subject=local_id,
                content_type=content_type,
            )

    def fate(self, message_id: str) -> str:
        """What MESH says of a message of ours: `accepted`, `acknowledged`, `undeliverable`, `error`, or `uploading`."""
        with self._client() as client:
            return str(client.track_message(message_id).get("status") or "").lower()

    @contextmanager
    def _client(self, *, sending: bool = False) -> Iterator[MeshClient]:
        """A client for one use at a time; its errors and its libraries' become ours."""
        client = self._idle.pop() if self._idle else self._made()
        try:
            yield client
        except MeshError as error:
            raise MeshFailed("refused", status=417) from error
        except requests.HTTPError as error:
            raise MeshFailed("refused", status=_status(error)) from error
        except (requests.ConnectionError, requests.ConnectTimeout) as error:
            raise MeshFailed(_why(error)) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError, OSError) as error:
            raise MeshFailed("no-answer", sent=sending) from error
        finally:
            self._idle.append(client)

    def _made(self) -> MeshClient:
        account = self._account
        return MeshClient(
            account.url,
            account.mailbox,
            account.password,
            shared_key=account.shared_key.encode(),
            cert=account.cert,
            verify=account.ca_file,
            max_chunk_size=account.chunk_bytes,
            max_retries=0,  # what failed is tried again by whoever asked for it, by a ladder of its own
            timeout=account.timeout_seconds,
            application_name=APPLICATION,
        )


def _status(error: requests.HTTPError) -> int | None:
    return None if error.response is None else error.response.status_code


def _why(error: requests.ConnectionError) -> str:
    match error:
        case requests.exceptions.SSLError():
            return "tls"
        case requests.ConnectTimeout():
            return "connect-timeout"
        case _:
            return "no-connection"


# --- a message -------------------------------------------------------------------------------------------------------


def _fetched(message_id: str, message: MeshMessage, most: int) -> Fetched:
    found = partial(
        Fetched, id=message_id, content_type=message.content_type or None, headers=dict(message.mex_headers())
    )
    packed = b""
    try:
        body = packed = _read(message, most)
        # What is packed for the way only, the client has unpacked. What its sender packed says so, but so does much that is not.
        if message.compressed and body.startswith(_GZIP_BEGINS):
            body = _unpacked(body, most)
    except _TooLong:
        return found(body=b"", fault="too-long")
    except zlib.error:
        return found(body=packed, fault="not-unpacked")
    return found(body=body)


class _TooLong(Exception):
    """There is more of it than was allowed."""


def _read(message: MeshMessage, most: int) -> bytes:
    read = bytearray()
    while piece := message.read(_PIECE):
        read += piece
        if len(read) > most:
            raise _TooLong
    return bytes(read)


def _unpacked(body: bytes, most: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    unpacked = unpacker.decompress(body, most + 1)
    if len(unpacked) > most:
        raise _TooLong
    if not unpacker.eof:
        raise zlib.error("cut off")
    return unpacked
