"""The key that signs tree heads (Ed25519), derived from the deployment's secret, and the public keys they are checked with."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from broker.domain.sealing import Head
from broker.storage.codec import Codec

PURPOSE = "baton audit seal v1"


class Signer:
    """Signs tree heads."""

    def __init__(self, codec: Codec) -> None:
        """The deployment's key, from its codec."""
        self._private = Ed25519PrivateKey.from_private_bytes(codec.key(PURPOSE))
        self.public = self._private.public_key().public_bytes_raw()
        self.key = key_id(self.public)

    def signed(self, head: Head) -> Head:
        """The head with this key's id and its signature."""
        named = replace(head, key=self.key)
        return replace(named, signature=self._private.sign(named.text))


def key_id(public: bytes) -> str:
    """What a head calls the key: the beginning of its SHA-256 in hex."""
    return sha256(public).hexdigest()[:16]


def written(public: bytes) -> str:
    """A public key as people pass it on: base64 of its 32 bytes."""
    return base64.b64encode(public).decode()


def read(text: str) -> bytes | None:
    """The public key that was written; None when the text is none."""
    try:
        public = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return public if len(public) == 32 else None


def is_signed(head: Head, public: Mapping[str, bytes]) -> bool:
    """Whether one of these keys (by id) signed the head as it is."""
    if head.key not in public:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public[head.key]).verify(head.signature, head.text)
    except InvalidSignature:
        return False
    return True
