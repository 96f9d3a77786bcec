"""Tells an address outside that all is well, by a POST that says nothing; when, and what well means, is the broker's business.

The address is the operators' own setting, so it may be a private one; all else is as with webhooks: no redirects, no
proxy, a bounded time, and what is answered means nothing but its status.
"""

import asyncio
import ssl
from typing import Self

import aiohttp

from adapters.channels import trust
from adapters.channels.addresses import Names, connector, problem

KEEP_SECONDS = 5.0
"""An idle connection is not worth keeping for a minute."""


class Heartbeat:
    """One address."""

    def __init__(self, url: str, *, timeout_seconds: float, tls: ssl.SSLContext | None = None) -> None:
        """`url` may hold a token and is never logged; `tls` replaces the usual trust store (tests)."""
        self._url = url
        self._timeout = timeout_seconds
        self._tls = tls or trust.usual()
        self._names = Names(1)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Nothing is opened before the first beat."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()
        self._names.close()

    async def beat(self) -> bool:
        """Whether it was heard: answered with 2xx in time. Never raises for what the address or the network does."""
        if problem(self._url) is not None:
            return False
        try:
            async with asyncio.timeout(self._timeout):
                async with self._opened().post(self._url, data=b"", allow_redirects=False) as answer:
                    return 200 <= answer.status < 300
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return False

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            checked = connector(
                self._names, allow_private=True, tls=self._tls, connections=1, keep_seconds=KEEP_SECONDS
            )
            self._session = aiohttp.ClientSession(
                connector=checked,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                headers={"user-agent": "Baton"},
            )
        return self._session
