"""Signs what is pushed to a webhook, by Standard Webhooks 1.0.0: `v1` with a shared secret, `v1a` with a key whose public half is shown.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: what is signed is
`{webhook-id}.{webhook-timestamp}.{body}`; `v1` is HMAC-SHA-256, `v1a` Ed25519; both in base64, several signatures
separated by a space, of which a receiver checks those that it can.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of a secret is none
PUBLIC_PREFIX = "whpk_"
SECRET_BYTES = (24, 64)
"""Shortest and longest secret in bytes, as Standard Webhooks has it."""

KEYS_KEPT = 1000
"""Private keys kept made up: making one takes as long as half a signature."""


class BadSecret(ValueError):
    """A webhook secret is `whsec_` and the base64 of 24 to 64 bytes."""


def key(secret: str) -> bytes:
    """The bytes of a secret; BadSecret when it is not one."""
    try:
        found = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSecret from error
    if not secret.startswith(SECRET_PREFIX) or not SECRET_BYTES[0] <= len(found) <= SECRET_BYTES[1]:
        raise BadSecret
    return found


def sign(secret: str, message_id: str, sent: int, body: bytes) -> str:
    """The `v1` signature of a body; `sent` is in Unix seconds. BadSecret when the secret is none."""
    digest = hmac.digest(key(secret), _signed(message_id, sent, body), sha256)
    return "v1," + base64.b64encode(digest).decode()


def sign_asymmetric(private: bytes, message_id: str, sent: int, body: bytes) -> str:
    """The `v1a` signature of a body by an Ed25519 private key of 32 bytes."""
    return "v1a," + base64.b64encode(_key(private).sign(_signed(message_id, sent, body))).decode()


def signatures(secrets: Sequence[str], private: bytes | None, message_id: str, sent: int, body: bytes) -> str:
    """The `webhook-signature` header: one `v1` for each secret (two while one replaces the other) and, with a key, a `v1a`."""
    found = [sign(secret, message_id, sent, body) for secret in secrets]
    if private is not None:
        found.append(sign_asymmetric(private, message_id, sent, body))
    return " ".join(found)


def public_key(private: bytes) -> str:
    """What receivers check `v1a` with: `whpk_` and the base64 of the public key's 32 bytes."""
    return PUBLIC_PREFIX + base64.b64encode(_key(private).public_key().public_bytes_raw()).decode()


def _signed(message_id: str, sent: int, body: bytes) -> bytes:
    return f"{message_id}.{sent}.".encode() + body


@lru_cache(KEYS_KEPT)
def _key(private: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(private)
