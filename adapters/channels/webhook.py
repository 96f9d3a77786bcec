"""Pushes a message to a team's webhook, signed, once; when and how often is the broker's business, signatures are `signing`'s.

Requests and answers are httpx's, its transport aiohttp's (`httpx-aiohttp`): with the usual one a push costs seven times
the processor time. The transport is used without httpx's client, whose redirects, cookies, authentication and
proxies must not be there anyway, and which doubles what is left.
"""

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Self

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from adapters.channels import addresses, trust
from adapters.channels.addresses import Lookup, Names, NoSuchName, NotAllowed, connector
from adapters.channels.endpoint import Endpoint
from adapters.channels.pool import Pool
from adapters.channels.signing import BadSecret, signatures
from adapters.port import PushOutcome, Refused, Taken, Unanswered, Unreachable

ANSWER_BYTES = 16_384
"""How much of an answer is read so that its connection can be kept; the body itself means nothing."""

ANSWER_SECONDS = 1.0
"""How long reading an answer's body may take: its status has already said everything."""

CONNECT_SECONDS = 3.0
"""How long a connection may take to come about, name and TLS included; at most half of a push's time."""

CONNECTIONS = 16
"""Most connections to one team; the broker has fewer pushes under way to it."""

KEEP_SECONDS = 30.0
"""How long an idle connection is kept: longer than the usual gap between messages of a busy day."""


ADDRESSES_KEPT = 1000
"""Addresses kept as they were read: reading one costs as much as signing."""


class WebhookChannel:
    """Connections to the webhooks of teams."""

    def __init__(
        self,
        *,
        timeout_seconds: float,
        allow_private: bool = False,
        tls: ssl.SSLContext | None = None,
        names: Lookup | None = None,
    ) -> None:
        """`timeout_seconds` bounds one whole push; `tls` replaces the usual trust store and `names` the name server (tests)."""
        self._timeout = timeout_seconds
        self._allow_private = allow_private
        self._tls = tls or trust.usual()
        self._own_names = Names()
        self._names = names or self._own_names
        self._pool = Pool(self._transport)

    async def __aenter__(self) -> Self:
        """Nothing is opened before the first push."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self._pool.aclose()
        self._own_names.close()

    async def push(
        self,
        endpoint: Endpoint,
        message_id: str,
        body: bytes,
        *,
        now: datetime,
        sequence: int | None = None,
        content_type: str | None = None,
        more: Mapping[str, str] | None = None,
    ) -> PushOutcome:
        """Send one message once. Never raises for what the receiver or the network does.

        Args:
            endpoint: where to, and with which secret.
            message_id: `webhook-id`, the same at every try of the same message.
            body: the message as it was rendered for this team.
            now: the time that is signed.
            sequence: the message's number in the team's mailbox, sent as `baton-sequence`: a gap is a message not yet seen.
            content_type: of `body`, where it is not FHIR in JSON.
            more: headers beside those of the signature.
        """
        if not _usable(endpoint.url):
            return Unreachable("address-not-usable")
        sent = int(now.timestamp())
        try:
            signature = signatures(endpoint.secrets, endpoint.signing_key, message_id, sent, body)
        except BadSecret:
            return Unreachable("secret-not-usable")
        headers = {
            **(more or {}),
            **ALWAYS,
            "webhook-id": message_id,
            "webhook-timestamp": str(sent),
            "webhook-signature": signature,
        }
        if sequence is not None:
            headers["baton-sequence"] = str(sequence)
        if content_type is not None:
            headers["content-type"] = content_type
        return await self._post(endpoint, headers, body, now)

    async def _post(self, endpoint: Endpoint, headers: dict[str, str], body: bytes, now: datetime) -> PushOutcome:
        """The outcome of one POST; what is still read or closed after the status changes nothing about it."""
        async with self._pool.of(endpoint.team) as transport:
            try:
                async with asyncio.timeout(self._timeout):
                    response = await transport.handle_async_request(self._request(endpoint.url, headers, body))
            except (httpx.TransportError, httpx.InvalidURL, aiohttp.ClientError, TimeoutError) as error:
                return _failed(error)
            outcome = _outcome(response, now)
            await _drain(response)
            return outcome

    def _request(self, url: str, headers: dict[str, str], body: bytes) -> httpx.Request:
        connecting = min(CONNECT_SECONDS, self._timeout / 2)
        # `pool` is aiohttp's time for a whole connection: a free place, the name, TCP and TLS.
        times = {"connect": connecting, "pool": connecting, "read": self._timeout, "write": self._timeout}
        return httpx.Request("POST", _address(url), headers=headers, content=body, extensions={"timeout": times})

    def _transport(self) -> AiohttpTransport:
        """Connections of one team, opened when it is first pushed to."""
        return AiohttpTransport(verify=self._tls, trust_env=False, client=self._session)

    def _session(self) -> aiohttp.ClientSession:
        checked = connector(
            self._names,
            allow_private=self._allow_private,
            tls=self._tls,
            connections=CONNECTIONS,
            keep_seconds=KEEP_SECONDS,
        )
        return aiohttp.ClientSession(connector=checked, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)


@lru_cache(ADDRESSES_KEPT)
def _usable(url: str) -> bool:
    return addresses.problem(url) is None


@lru_cache(ADDRESSES_KEPT)
def _address(url: str) -> httpx.URL:
    """The address as it is asked for; httpx.InvalidURL when there is none to ask."""
    return httpx.URL(url)


ALWAYS = {
    "content-type": "application/fhir+json",
    "user-agent": "Baton",
    "accept": "*/*",
    "accept-encoding": "identity",
}


def _outcome(response: httpx.Response, now: datetime) -> PushOutcome:
    if response.is_success:
        return Taken()
    return Refused(response.status_code, retry_after(response.headers.get("retry-after"), now))


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, given as a number or as a date (RFC 9110 §10.2.3); None when unreadable."""
    if header is None:
        return None
    if header.strip().isascii() and header.strip().isdigit():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds())


async def _drain(response: httpx.Response) -> None:
    """Read what little an answer says, so that its connection can be used again; a longer or slower one costs it that."""
    seen = 0
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            async for part in response.aiter_raw():
                seen += len(part)
                if seen > ANSWER_BYTES:
                    break
            await response.aclose()
    except (httpx.TransportError, httpx.StreamError, aiohttp.ClientError, TimeoutError):
        await _hang_up(response)


async def _hang_up(response: httpx.Response) -> None:
    """Give up a connection that is still in the middle of something."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await response.aclose()
    except (httpx.TransportError, aiohttp.ClientError, TimeoutError):
        return


# --- what failed, told apart by whether anything can have arrived -------------------------------------------------


def _failed(error: BaseException) -> Unreachable | Unanswered:
    """Read from aiohttp's own errors: httpx-aiohttp makes one of them (a server that hung up) look like a connection that never was."""
    causes = list(_causes(error))
    if any(isinstance(cause, _NEVER_SENT) for cause in causes):
        return Unreachable(next(filter(None, map(_reason, causes)), "no-connection"))
    return Unanswered()


_NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
    httpx.InvalidURL,
)


def _reason(cause: BaseException) -> str | None:
    """The kind of failure in our words, because the errors quote the address; None when another cause says more."""
    match cause:
        case NotAllowed() | aiohttp.InvalidUrlClientError():  # the latter: a number disguised, such as 2130706433
            return "address-not-allowed"
        case NoSuchName():
            return "name-not-found"
        case httpx.InvalidURL() | aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return "address-not-usable"
        case ssl.SSLError():
            return "tls"
        case aiohttp.ConnectionTimeoutError():
            return "connect-timeout"
        case ConnectionRefusedError():
            return "refused"
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
