"""Which network addresses a push may go to, and a connection to exactly the address that was checked; HTTP lives beside this file.

A receiver's address is set by its agency and resolved by its name server: both are outside our trust. A name is
resolved here once a connection, each answer is checked, and the connection goes to the checked number, so that a
second answer of the name server is never used (T6, rebinding).
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias
from urllib.parse import urlsplit

from aiohttp import AddrInfoType, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

Address: TypeAlias = IPv4Address | IPv6Address
Lookup: TypeAlias = Callable[[str, int], Awaitable[list[Address]]]
"""From a name and a port to addresses; NoSuchName when there are none."""

LOOKUPS = 32
"""Names asked for at once; a thread each, made when it is needed."""


class NotAllowed(OSError):
    """The name leads to an address that pushes may not go to."""


class NoSuchName(OSError):
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
    """Whether an address lies on the public internet; an IPv4 address inside an IPv6 one counts as itself.

    Of IPv6 what is not given out as global unicast is none (RFC 4291, 2.4): Python's `is_global` takes much of it for public,
    IPv4-compatible (::127.0.0.1), site-local and local translations among it.
    """
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _translated(address)
        if inner is not None:
            return public(inner)
        tunnelled = _tunnelled(address)
        if address not in _UNICAST or address in _EXAMPLES or (tunnelled is not None and not public(tunnelled)):
            return False
    elif address in _RELAYS:
        return False
    return address.is_global and not address.is_multicast


_UNICAST = IPv6Network("2000::/3")
_EXAMPLES = IPv6Network("3fff::/20")
"""For documentation (RFC 9637)."""
_RELAYS = IPv4Network("192.88.99.0/24")
"""Once 6to4's relays (RFC 7526); whoever answers there now is near."""


def _tunnelled(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that ISATAP would send it to (RFC 5214, 6.1)."""
    marked = int(address) >> 32 & 0xFDFF_FFFF == 0x0000_5EFE
    return IPv4Address(int(address) & 0xFFFFFFFF) if marked else None


def _translated(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that NAT64 would make of it (RFC 6052)."""
    prefix = int(IPv6Address("64:ff9b::")) >> 32
    return IPv4Address(int(address) & 0xFFFFFFFF) if int(address) >> 32 == prefix else None


class Names:
    """Asks the system's resolver in threads of its own: a name server that hangs holds up neither the database nor the loop."""

    def __init__(self, threads: int = LOOKUPS) -> None:
        """`threads`: look-ups at once; of one team there is one at a time."""
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="names")

    async def __call__(self, host: str, port: int) -> list[Address]:
        """The addresses of a name, in the resolver's order; NoSuchName when there are none."""
        asked = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, asked)
        except (OSError, UnicodeError) as error:  # UnicodeError: a label too long for IDNA
            raise NoSuchName from error
        return list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))

    def close(self) -> None:
        """Ask nothing more; look-ups under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class CheckedResolver(AbstractResolver):
    """Gives a connector only addresses that were checked, as numbers, so that it connects to those and asks nobody again."""

    def __init__(self, names: Lookup, *, allow_private: bool) -> None:
        """`allow_private`: also private, loopback and link-local addresses (demonstration and tests)."""
        self._names = names
        self._allow_private = allow_private

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - the signature is aiohttp's, which sorts families itself
    ) -> list[ResolveResult]:
        """All addresses of the name; NotAllowed when one of them is not public.

        One bad address refuses the name: who mixes inner and outer addresses in one answer is probing.
        """
        addresses = await self._names(host, port)
        if not addresses:
            raise NoSuchName
        if not self._allow_private and not all(public(address) for address in addresses):
            raise NotAllowed
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET6 if address.version == 6 else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held here."""


def _public_socket(info: AddrInfoType) -> socket.socket:
    """A socket for one address that is about to be connected to: numbers in an address are never given to a resolver."""
    family, kind, proto, _, where = info
    if not public(ip_address(where[0])):
        raise NotAllowed
    return socket.socket(family, kind, proto)


def connector(
    names: Lookup, *, allow_private: bool, tls: ssl.SSLContext, connections: int, keep_seconds: float
) -> TCPConnector:
    """What connects to checked addresses only; TLS is checked against the name, which is the request's and not taken from here.

    Args:
        names: how a name is looked up; at most once in ten seconds, whatever the number of new connections.
        allow_private: also to private, loopback and link-local addresses.
        tls: whom certificates must be vouched for by.
        connections: most of them at a time.
        keep_seconds: how long an idle one is kept.
    """
    return TCPConnector(
        resolver=CheckedResolver(names, allow_private=allow_private),
        socket_factory=None if allow_private else _public_socket,
        ssl=tls,
        limit=connections,
        keepalive_timeout=keep_seconds,
    )
