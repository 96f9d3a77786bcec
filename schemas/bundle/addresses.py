"""Addresses (fullUrl) of resources in a Bundle, made so that the same message always gets the same ones."""

import re
from hashlib import sha256
from typing import Final

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def is_uuid(text: str) -> bool:
    """Whether it is a UUID as FHIR writes it, in lower case."""
    return _UUID.fullmatch(text) is not None


def is_id(text: str) -> bool:
    """Whether it has the form of a FHIR id."""
    return _ID.fullmatch(text) is not None


def address(resource_type: str, identity: str) -> str:
    """The fullUrl of a resource with that id: the id itself where it is a UUID, else one made from it."""
    if is_uuid(identity):
        return f"urn:uuid:{identity}"
    return urn(sha256(f"{resource_type}/{identity}".encode()).hexdigest())


def urn(digest: str) -> str:
    """A UUID of a hash, marked as version 8: made by a rule of ours (RFC 9562, 5.8)."""
    return f"urn:uuid:{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
