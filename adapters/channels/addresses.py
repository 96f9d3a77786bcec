"""Which network addresses a push may go to, and a connection to exactly the address that was checked; HTTP lives beside this file.

A receiver's address is set by its agency and resolved by its name server: both are outside our trust. A name is
resolved here once a connection, each answer is checked, and the connection goes to the checked number, so that a
second answer of the name server is never used (T6, rebinding).
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias
from urllib.parse import urlsplit

import httpcore

Address: TypeAlias = IPv4Address | IPv6Address


class NotAllowed(httpcore.ConnectError):
    """The name leads to an address that pushes may not go to."""


class NoSuchName(httpcore.ConnectError):
    """The name leads nowhere."""


def problem(url: str) -> str | None:
    """Why an address cannot be a webhook, as words for people; None when its form is fine. Nothing is resolved."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("http", "https"):
        return "must begin with https:// or http://"
    if not parts.hostname or port == 0:
        return "names no host"
    if parts.username is not None or parts.password is not None:
        return "must not hold a name or password"
    if parts.fragment:
        return "must not have a fragment"
    return None


def public(address: Address) -> bool:
    """Whether an address lies on the public internet; an IPv4 address inside an IPv6 one counts as itself."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _translated(address)
        if inner is not None:
            return public(inner)
    return address.is_global and not address.is_multicast


def _translated(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that NAT64 would make of it (RFC 6052)."""
    prefix = int(IPv6Address("64:ff9b::")) >> 32
    return IPv4Address(int(address) & 0xFFFFFFFF) if int(address) >> 32 == prefix else None


async def resolve(host: str, port: int) -> list[Address]:
    """The addresses of a name, in the resolver's order; NoSuchName when there are none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError: a label too long for IDNA
        raise NoSuchName from error
    addresses = list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))
    if not addresses:
        raise NoSuchName
    return addresses


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects by number, to addresses that were checked."""

    def __init__(self, *, allow_private: bool, names: Callable[[str, int], Awaitable[list[Address]]] = resolve) -> None:
        """`allow_private`: also to private, loopback and link-local addresses (demonstration and tests)."""
        self._allow_private = allow_private
        self._names = names
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address of the name that answers; NotAllowed when one of them is not public.

        One bad address refuses the name: who mixes inner and outer addresses in one answer is probing. TLS is still
        checked against the name, because that is taken from the request and not from here.
        """
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._names(host, port)
                if not self._allow_private and not all(public(address) for address in addresses):
                    raise NotAllowed
                return await self._first(addresses, port, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error

    async def _first(
        self,
        addresses: list[Address],
        port: int,
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.AsyncNetworkStream:
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(str(address), port, None, local_address, socket_options)
            except httpcore.ConnectError:
                continue
        return await self._network.connect_tcp(str(addresses[-1]), port, None, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
