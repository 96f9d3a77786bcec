"""Pushes a message to a team's webhook with Standard Webhooks headers; when and how often is the broker's business.

Standard Webhooks 1.0.0 (https://github.com/standard-webhooks/standard-webhooks): `webhook-id`, `webhook-timestamp`
and `webhook-signature` = `v1,` + base64(HMAC-SHA-256(secret, id + "." + timestamp + "." + body)).
"""

import asyncio
import base64
import binascii
import hmac
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Self

import httpcore
import httpx

from adapters.channels.addresses import CheckedNetwork, NoSuchName, NotAllowed, problem
from adapters.port import PushOutcome, Refused, Taken, Unanswered, Unreachable

SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of a secret is none
SECRET_BYTES = (24, 64)
"""Shortest and longest secret in bytes, as Standard Webhooks has it."""

ANSWER_BYTES = 16_384
"""How much of an answer is read so that its connection can be kept; the body itself means nothing."""

ANSWER_SECONDS = 1.0
"""How long reading an answer's body may take: its status has already said everything."""

CONNECT_SECONDS = 3.0
CONNECTIONS = 16
"""Most connections to one team; the broker has fewer pushes under way to it."""

KEEP_SECONDS = 30.0
"""How long an idle connection is kept: longer than the usual gap between messages of a busy day."""


class BadSecret(ValueError):
    """A webhook secret is `whsec_` and the base64 of 24 to 64 bytes."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a team takes its messages, and the secret it checks them with."""

    team: str
    url: str
    secret: str


def key(secret: str) -> bytes:
    """The bytes of a secret; BadSecret when it is not one."""
    try:
        found = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSecret from error
    if not secret.startswith(SECRET_PREFIX) or not SECRET_BYTES[0] <= len(found) <= SECRET_BYTES[1]:
        raise BadSecret
    return found


def sign(secret: str, message_id: str, sent: int, body: bytes) -> str:
    """The `webhook-signature` of a body; `sent` is in Unix seconds."""
    digest = hmac.digest(key(secret), f"{message_id}.{sent}.".encode() + body, sha256)
    return "v1," + base64.b64encode(digest).decode()


class WebhookChannel:
    """Connections to the webhooks of teams, one pool a team: what one does to its connections no other feels."""

    def __init__(
        self, *, timeout_seconds: float, allow_private: bool = False, tls: ssl.SSLContext | None = None
    ) -> None:
        """`timeout_seconds` bounds one whole push; `tls` replaces the usual trust store (tests)."""
        self._timeout = timeout_seconds
        self._allow_private = allow_private
        self._tls = tls or httpx.create_ssl_context()
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def __aenter__(self) -> Self:
        """Nothing is opened before the first push."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()

    async def push(self, endpoint: Endpoint, message_id: str, body: bytes, *, now: datetime) -> PushOutcome:
        """Send one message once. Never raises for what the receiver or the network does.

        Args:
            endpoint: where to, and with which secret.
            message_id: `webhook-id`, the same at every try of the same message.
            body: the FHIR message as it was rendered for this team.
            now: the time that is signed.
        """
        if problem(endpoint.url) is not None:
            return Unreachable("address-not-usable")
        sent = int(now.timestamp())
        try:
            signature = sign(endpoint.secret, message_id, sent, body)
        except BadSecret:
            return Unreachable("secret-not-usable")
        headers = {
            "content-type": "application/fhir+json",
            "webhook-id": message_id,
            "webhook-timestamp": str(sent),
            "webhook-signature": signature,
        }
        return await self._post(endpoint, headers, body, now)

    async def _post(self, endpoint: Endpoint, headers: dict[str, str], body: bytes, now: datetime) -> PushOutcome:
        """The outcome of one POST, the foreign errors told apart by whether anything can have arrived."""
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client(endpoint.team).stream("POST", endpoint.url, headers=headers, content=body) as response,
            ):
                outcome = _outcome(response, now)
                await _drain(response)
                return outcome
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            return Unreachable(_reason(error))
        except (httpx.InvalidURL, httpx.LocalProtocolError):
            return Unreachable("address-not-usable")
        except (httpx.TransportError, TimeoutError):
            return Unanswered()

    def _client(self, team: str) -> httpx.AsyncClient:
        client = self._clients.get(team)
        if client is None:
            # No `follow_redirects`: where a redirect leads was never registered. No environment proxies: they would
            # connect for us, to addresses that nobody checked.
            client = self._clients[team] = httpx.AsyncClient(
                transport=_Transport(self._tls, allow_private=self._allow_private),
                timeout=httpx.Timeout(self._timeout, connect=min(CONNECT_SECONDS, self._timeout)),
                headers={"user-agent": "Baton", "accept": "*/*", "accept-encoding": "identity"},
                follow_redirects=False,
                trust_env=False,
            )
        return client


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
                    return
    except (httpx.TransportError, httpx.StreamError, TimeoutError):
        return


def _reason(error: httpx.TransportError) -> str:
    """The kind of failure in our words; the errors themselves quote the address."""
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case NotAllowed():
                return "address-not-allowed"
            case NoSuchName():
                return "name-not-found"
            case ssl.SSLError():
                return "tls"
            case httpx.ConnectTimeout():
                return "connect-timeout"
            case httpx.PoolTimeout():
                return "no-connection-free"
            case ConnectionRefusedError():
                return "refused"
        cause = cause.__cause__ or cause.__context__
    return "no-connection"


class _Transport(httpx.AsyncHTTPTransport):
    """httpx's transport over a pool whose network checks addresses.

    httpx takes no network backend, so its pool is replaced; `tests/unit/channels` would see it if that stopped working.
    """

    def __init__(self, tls: ssl.SSLContext, *, allow_private: bool) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=KEEP_SECONDS,
            network_backend=CheckedNetwork(allow_private=allow_private),
        )
