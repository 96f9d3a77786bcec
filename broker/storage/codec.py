"""The one way payloads and identifiers enter and leave the database: sealed bytes and keyed lookup hashes.

Readable for now: `seal` keeps bytes as they are, behind a keyed tag by which a change is found. Encryption replaces this class and nothing else.
"""

import hmac
from hashlib import sha256
from typing import Any, Protocol

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TAG_BYTES = 16
"""Of HMAC-SHA-256, cut as RFC 2104 (5) allows: nobody can try enough tags to meet one of 2^128."""


class Tampered(Exception):
    """What is stored is not what was sealed for this row; the message is the context, which names it."""


class Codec(Protocol):
    """What storage needs of a codec. `context` binds sealed bytes to their row; it must be the same on opening."""

    def seal(self, data: bytes, context: str) -> bytes:
        """Bytes as the database keeps them."""

    def open(self, sealed: bytes, context: str) -> bytes:
        """The bytes that were sealed under the same context. Tampered when they, or the row they stand in, are others."""

    def blind(self, *parts: str) -> str:
        """A keyed hash (hex) by which equal values are found without being stored."""

    def key(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose, derived from the deployment's secret."""


class PlainCodec:
    """Keeps bytes as they are behind a keyed tag; hashes with a key, so that a stolen index does not give NHS numbers by trying them all."""

    def __init__(self, secret: bytes) -> None:
        """`secret` is the deployment's secret key; the keys for lookups and tags are derived from it."""
        self._secret = secret
        self._lookup_key = hmac.digest(secret, b"baton lookup v1", sha256)
        self._tag_key = hmac.digest(secret, b"baton payload tag v1", sha256)

    def seal(self, data: bytes, context: str) -> bytes:
        """The tag, then the bytes themselves."""
        return self._tag(data, context) + data

    def open(self, sealed: bytes, context: str) -> bytes:
        """The bytes behind the tag, when it is theirs."""
        tag, data = sealed[:TAG_BYTES], sealed[TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(data, context)):
            raise Tampered(context)
        return data

    def _tag(self, data: bytes, context: str) -> bytes:
        """Over the context too, so that a payload moved to another row is found; its length tells where the data begins."""
        row = context.encode()
        return hmac.digest(self._tag_key, b"%d:%s%s" % (len(row), row, data), "sha256")[:TAG_BYTES]

    def blind(self, *parts: str) -> str:
        """HMAC-SHA-256 over the parts, unambiguous in their boundaries."""
        return hmac.digest(self._lookup_key, "\x1f".join(parts).encode(), "sha256").hex()

    def key(self, purpose: str) -> bytes:
        """HKDF-SHA-256 of the secret, the purpose as its info (RFC 5869)."""
        return HKDF(SHA256(), length=32, salt=None, info=purpose.encode()).derive(self._secret)


def seal_json(codec: Codec, value: Any, context: str) -> bytes:  # noqa: ANN401 - any JSON value
    """A JSON value, sealed."""
    return codec.seal(orjson.dumps(value), context)


def open_json(codec: Codec, sealed: bytes, context: str) -> Any:  # noqa: ANN401 - as above
    """The JSON value that `seal_json` sealed."""
    return orjson.loads(codec.open(sealed, context))
