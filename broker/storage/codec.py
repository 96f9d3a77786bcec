"""The one way payloads and identifiers enter and leave the database: sealed bytes and keyed lookup hashes.

Plain for now: `seal` keeps bytes as they are. Encryption replaces this class and nothing else.
"""

import hmac
from hashlib import sha256
from typing import Any, Protocol

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Codec(Protocol):
    """What storage needs of a codec. `context` binds sealed bytes to their row; it must be the same on opening."""

    def seal(self, data: bytes, context: str) -> bytes:
        """Bytes as the database keeps them."""

    def open(self, sealed: bytes, context: str) -> bytes:
        """The bytes that were sealed under the same context."""

    def blind(self, *parts: str) -> str:
        """A keyed hash (hex) by which equal values are found without being stored."""

    def key(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose, derived from the deployment's secret."""


class PlainCodec:
    """Keeps bytes as they are; hashes with a key, so that a stolen index does not give NHS numbers by trying them all."""

    def __init__(self, secret: bytes) -> None:
        """`secret` is the deployment's secret key; the lookup key is derived from it."""
        self._secret = secret
        self._lookup_key = hmac.digest(secret, b"baton lookup v1", sha256)

    def seal(self, data: bytes, context: str) -> bytes:  # noqa: ARG002 - the context matters once sealing encrypts
        """The bytes themselves."""
        return data

    def open(self, sealed: bytes, context: str) -> bytes:  # noqa: ARG002 - as above
        """The bytes themselves."""
        return sealed

    def blind(self, *parts: str) -> str:
        """HMAC-SHA-256 over the parts, unambiguous in their boundaries."""
        return hmac.new(self._lookup_key, "\x1f".join(parts).encode(), sha256).hexdigest()

    def key(self, purpose: str) -> bytes:
        """HKDF-SHA-256 of the secret, the purpose as its info (RFC 5869)."""
        return HKDF(SHA256(), length=32, salt=None, info=purpose.encode()).derive(self._secret)


def seal_json(codec: Codec, value: Any, context: str) -> bytes:  # noqa: ANN401 - any JSON value
    """A JSON value, sealed."""
    return codec.seal(orjson.dumps(value), context)


def open_json(codec: Codec, sealed: bytes, context: str) -> Any:  # noqa: ANN401 - as above
    """The JSON value that `seal_json` sealed."""
    return orjson.loads(codec.open(sealed, context))
