"""Fetches a record from a service that operators configured, once; what is asked when, and what the answer means, is the broker's business.

An address that a message gives is fetched only where it lies below the service's own base, compared after parsing: else
a sender could have us call whom it likes with our token. As with all that we call there are no redirects, no proxy,
no cookies, and a bounded time and size.
"""

import asyncio
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final, Self
from urllib.parse import quote, urlsplit

import aiohttp
import orjson

from adapters.channels import trust
from adapters.channels.addresses import Names, connector, problem
from adapters.port import Answer, Found, Lookup, NoAnswer, NotKnown, NotOurs, Record, Several

CONNECTIONS = 8
"""Requests to one service at a time."""
KEEP_SECONDS = 15.0
MOST_BYTES = 1_048_576
"""Of a record: as much as we take of a message."""
TOKEN_BYTES = 65_536
EARLY_SECONDS = 30.0
"""A token is not used so shortly before it expires."""

_MOVED = frozenset({300, 301, 308, 409})
"""More than one record, or another one now: HMPPS answers 301 for a case that was merged into another."""
_ABSENT = frozenset({404, 410})


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Whom to ask, and how it knows us."""

    base: str
    path: str = "{value}"
    accept: str = "application/json"
    token_file: Path | None = None
    token_url: str | None = None
    client_id: str | None = None
    client_secret_file: Path | None = None


def fault(service: Service) -> str | None:
    """What is wrong with how a service is set; None when it can be asked."""
    for url in filter(None, (service.base, service.token_url)):
        if problem(url) is not None or urlsplit(url).query:
            return "an address is not usable"
    if not service.base.endswith("/"):
        return "the base must end with a slash"
    if service.token_url is not None and (service.client_id is None or service.client_secret_file is None):
        return "token_url needs client_id and client_secret_file"
    if service.token_url is not None and service.token_file is not None:
        return "token_file and token_url exclude each other"
    return None


def address(service: Service, lookup: Lookup) -> str | None:
    """Where the record is to be fetched; None when that is not below the service's base."""
    if lookup.subject is not None:
        return service.base + service.path.replace("{value}", quote(lookup.subject.value, safe=""))
    return lookup.reference if lookup.reference is not None and _below(service.base, lookup.reference) else None


_PLAIN: Final = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]{1,2000}", re.ASCII)
_SLANTED: Final = re.compile(r"(^|/)\.{1,2}(/|$)|//|\\|%2e|%2f|%5c|%25", re.IGNORECASE)
"""What servers read differently: dots, doubled slashes and slashes that are written as escapes."""


def _below(base: str, reference: str) -> bool:
    if not _PLAIN.fullmatch(reference) or problem(reference) is not None:
        return False
    ours, theirs = urlsplit(base), urlsplit(reference)
    origins = [(at.scheme, at.hostname, at.port or {"http": 80, "https": 443}[at.scheme]) for at in (ours, theirs)]
    return origins[0] == origins[1] and theirs.path.startswith(ours.path) and not _SLANTED.search(theirs.path)


@dataclass(slots=True)
class _Token:
    text: str = field(repr=False)
    until: float


class _NoToken(Exception):
    """Whoever gives tokens gave none."""


class Records:
    """Connections to the services, by name."""

    def __init__(
        self, services: dict[str, Service], *, timeout_seconds: float, tls: ssl.SSLContext | None = None
    ) -> None:
        """`timeout_seconds` bounds one whole question; `tls` replaces the usual trust store (tests)."""
        self._services = services
        self._timeout = timeout_seconds
        self._tls = tls or trust.usual()
        self._names = Names(2)
        self._session: aiohttp.ClientSession | None = None
        self._tokens: dict[str, _Token] = {}

    async def __aenter__(self) -> Self:
        """Nothing is opened before the first question."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
        self._names.close()

    async def ask(self, lookup: Lookup) -> Answer:
        """One question. Never raises for what the service or the network does."""
        service = self._services.get(lookup.client)
        if service is None:
            return NoAnswer("not-configured")
        url = address(service, lookup)
        if url is None:
            return NotOurs()
        try:
            async with asyncio.timeout(self._timeout):
                return await self._fetch(lookup.client, service, url)
        except TimeoutError:
            return NoAnswer("timeout")
        except (aiohttp.ClientError, OSError, ValueError, _NoToken) as error:
            return NoAnswer(type(error).__name__.strip("_"))  # its text quotes the address

    async def _fetch(self, name: str, service: Service, url: str) -> Answer:
        headers = {"accept": service.accept, "accept-encoding": "identity"}
        token = await self._token(name, service)
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        async with self._opened().get(url, headers=headers, allow_redirects=False) as answer:
            if answer.status in (401, 403):
                self._tokens.pop(name, None)
            if answer.status in _ABSENT:
                return NotKnown()
            if answer.status in _MOVED:
                return Several()
            if answer.status != 200:
                return NoAnswer(str(answer.status))
            body = await _read(answer, MOST_BYTES)
            return NoAnswer("too-long") if body is None else Found(Record(body, answer.content_type))

    async def _token(self, name: str, service: Service) -> str | None:
        if service.token_file is not None:
            return await asyncio.to_thread(_text, service.token_file)
        if service.token_url is None:
            return None
        held = self._tokens.get(name)
        if held is None or held.until <= monotonic():
            held = self._tokens[name] = await self._granted(service)
        return held.text

    async def _granted(self, service: Service) -> _Token:
        """A token for client credentials (RFC 6749 §4.4)."""
        assert service.token_url is not None  # the caller looked
        assert service.client_id is not None  # or `fault` says so
        assert service.client_secret_file is not None
        secret = await asyncio.to_thread(_text, service.client_secret_file)
        async with self._opened().post(
            service.token_url,
            data={"grant_type": "client_credentials"},
            headers={"authorization": aiohttp.encode_basic_auth(service.client_id, secret)},
            allow_redirects=False,
        ) as answer:
            body = await _read(answer, TOKEN_BYTES)
            granted = orjson.loads(body) if body is not None and answer.status == 200 else None
        text = granted.get("access_token") if isinstance(granted, dict) else None
        if not isinstance(text, str):
            raise _NoToken
        lasts = granted.get("expires_in") if isinstance(granted, dict) else None
        seconds = float(lasts) if isinstance(lasts, int | float) else 60.0
        return _Token(text, monotonic() + seconds - EARLY_SECONDS)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # The addresses are the operators' own settings, and such services often stand in a private network.
            checked = connector(
                self._names, allow_private=True, tls=self._tls, connections=CONNECTIONS, keep_seconds=KEEP_SECONDS
            )
            self._session = aiohttp.ClientSession(
                connector=checked,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                headers={"user-agent": "Baton"},
            )
        return self._session


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes | None:
    """The body; None when it is longer than `most` bytes."""
    body = await answer.content.read(most + 1)
    while len(body) <= most and (part := await answer.content.read(most + 1 - len(body))):
        body += part
    return body if len(body) <= most else None
