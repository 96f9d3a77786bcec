"""Where a request really comes from: the address of the connection, or what a proxy in front says of it, if it is one of ours."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

from starlette.datastructures import Headers

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]
FORWARDED = "x-forwarded-for"


def trusted(peer: str, proxies: Networks) -> bool:
    """Whether the connection is one of our proxies'."""
    address = _address(peer)
    return address is not None and any(address in network for network in proxies)


def address_of(peer: str, headers: Headers, proxies: Networks) -> str:
    """The address that asks. Proxies append to X-Forwarded-For, so it is read from its end, as far as ours reach; the rest anybody can write."""
    if not trusted(peer, proxies):
        return peer
    hops = [hop.strip() for line in headers.getlist(FORWARDED) for hop in line.split(",")]
    for hop in reversed(hops):
        if _address(hop) is None:
            return peer
        if not trusted(hop, proxies):
            return hop
    return peer


def neighbourhood(address: str) -> str:
    """What one holder of an address has at least: of IPv6 a whole /64."""
    found = _address(address)
    return str(IPv6Network((found, 64), strict=False)) if isinstance(found, IPv6Address) else address


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
