"""Where a request really comes from: the address of the connection, or what a proxy in front says of it, if it is one of ours."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.datastructures import Headers
from starlette.requests import Request

from broker.errors import Unreadable
from broker.settings import Settings

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


def caller_at(request: Request, settings: Settings) -> str | None:
    """The address that a request comes from; None when its connection has none (a socket of the file system)."""
    peer = request.client.host if request.client else ""
    return address_of(peer, request.headers, settings.trusted_proxies) or None


def certificate_of(request: Request, settings: Settings) -> str | None:
    """SHA-256 of the certificate that the caller showed to a proxy of ours, as RFC 8705, 3.1 writes it; None when it showed none.

    Unreadable when the header comes from anybody else, or holds no certificate: nobody passes for another by writing it.
    """
    name = settings.client_certificate_header
    given = [] if name is None else request.headers.getlist(name)
    if not any(given):
        return None
    if not trusted(request.client.host if request.client else "", settings.trusted_proxies) or len(given) > 1:
        raise Unreadable("A client certificate is passed on by this service's own proxy alone.")
    try:
        found = _der(given[0])
    except ValueError as error:
        raise Unreadable("The client certificate could not be read.") from error
    return urlsafe_b64encode(sha256(found).digest()).decode().rstrip("=")


def _der(header: str) -> bytes:
    """A certificate as a byte sequence of structured fields (RFC 9440), or as PEM with its characters escaped."""
    if header.startswith(":"):
        found = x509.load_der_x509_certificate(b64decode(header.strip(":"), validate=True))
    else:
        found = x509.load_pem_x509_certificate(unquote(header).encode())
    return found.public_bytes(Encoding.DER)


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
