"""The one way payloads and identifiers enter and leave the database: sealed bytes and keyed lookup hashes.

Sealed bytes are AES-256-GCM and say what opens them:

    table key      magic 'T' epoch nonce ciphertext   a row's column, under a key derived for its kind from the epoch's key
    message key    magic 'M' nonce ciphertext         the parts of one message, under the message's own key
    wrapped key    magic 'K' epoch nonce ciphertext   that key, under the epoch's key, bound to message, sender and their id of it

What was written before (a tag and the bytes as they are) is read until `baton keys rotate` has brought it over.
"""

import hmac
import os
from hashlib import sha256
from typing import Any, Final, Protocol

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker.storage.key_sources import KEY_BYTES
from broker.storage.keyring import Keyring, derived

MAGIC: Final = b"\xb7BK1"
TABLE, MESSAGE, WRAPPED = MAGIC + b"T", MAGIC + b"M", MAGIC + b"K"
KIND_BYTES: Final = len(TABLE)
HEADER_BYTES: Final = KIND_BYTES + 4
"""Of a kind with an epoch: by it, rows of an epoch are found."""
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
"""Of HMAC-SHA-256, cut as RFC 2104 (5) allows, before rows were encrypted; AES-GCM's are as long."""


class Tampered(Exception):
    """What is stored is not what was sealed for this row; the message is the context, which names it."""


class KeyMissing(Tampered):
    """It names an epoch whose key is not here: the key was destroyed or not given to this process, or the row was changed."""


class Shredded(Tampered):
    """The key of this message was destroyed at the end of its retention, or somebody took it away."""


class Sealer(Protocol):
    """Seals and opens. `context` binds sealed bytes to their row; it must be the same on opening."""

    def seal(self, data: bytes, context: str) -> bytes:
        """Bytes as the database keeps them."""

    def open(self, sealed: bytes, context: str) -> bytes:
        """The bytes that were sealed under the same context. Tampered when they, or the row they stand in, are others."""


class Codec(Sealer, Protocol):
    """What storage needs of a codec."""

    def blind(self, *parts: str) -> str:
        """A keyed hash (hex) by which equal values are found without being stored."""

    def key(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose, derived from the deployment's secret."""

    def message(self, of: str, wrapped: bytes | None) -> Sealer:
        """What opens the parts of a message whose wrapped key is this; None: they were written before messages had keys."""

    def new_message(self, of: str) -> tuple[bytes, Sealer]:
        """A new key for a message, wrapped, and what seals under it. `of` names the message, its sender and their id of it."""

    def follow(self, epoch: int) -> None:
        """Seal under this epoch's key from now on; Misconfigured when it is not here."""


class AesCodec:
    """AES-256-GCM under the keys of a keyring; hashes with a key of their own, so that a stolen index does not give NHS numbers by trying them all."""

    def __init__(self, secret: bytes, keys: Keyring | None = None) -> None:
        """`secret` is the deployment's secret key: lookups, signatures and epoch 0 are derived from it."""
        self.keys = keys or Keyring(secret)
        self._secret = secret
        self._lookup_key = hmac.digest(secret, b"baton lookup v1", sha256)
        self._tag_key = hmac.digest(secret, b"baton payload tag v1", sha256)
        self._kinds: dict[str, tuple[bytes, AESGCM]] = {}

    def seal(self, data: bytes, context: str) -> bytes:
        """Under the active epoch's key for what the context begins with (`person:…`: that of persons)."""
        header, cipher = self._sealing(context.partition(":")[0])
        nonce = os.urandom(NONCE_BYTES)
        return header + nonce + cipher.encrypt(nonce, data, header + context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """The bytes that were sealed under a table key, or before there was encryption."""
        if sealed[:KIND_BYTES] == TABLE:
            return self._opened(sealed, context.partition(":")[0], context)
        return self._tagged(sealed, context)

    def message(self, of: str, wrapped: bytes | None) -> Sealer:
        """The key is unwrapped when it is first needed."""
        return _MessageSealer(self, of, wrapped)

    def new_message(self, of: str) -> tuple[bytes, Sealer]:
        """A random key; it is used for the few parts of one message and never again."""
        key = os.urandom(KEY_BYTES)
        return self.wrap(key, of), _MessageSealer(self, of, None, AESGCM(key))

    def wrap(self, key: bytes, of: str) -> bytes:
        """A message's key under the active epoch's."""
        header, cipher = self._sealing("wrap")
        header = WRAPPED + header[KIND_BYTES:]
        nonce = os.urandom(NONCE_BYTES)
        return header + nonce + cipher.encrypt(nonce, key, header + of.encode())

    def unwrap(self, wrapped: bytes, of: str) -> bytes:
        """A message's key again. Tampered when it is not that of this message, from this sender."""
        if wrapped[:KIND_BYTES] != WRAPPED:
            raise Tampered(of.partition("\x1f")[0])
        return self._opened(wrapped, "wrap", of)

    def header(self, *, wrapped: bool) -> bytes:
        """How what is sealed under the active epoch begins."""
        return (WRAPPED if wrapped else TABLE) + self.keys.active.to_bytes(4, "big")

    def follow(self, epoch: int) -> None:
        """As the keyring does."""
        self.keys.follow(epoch)

    def blind(self, *parts: str) -> str:
        """HMAC-SHA-256 over the parts, unambiguous in their boundaries."""
        return hmac.digest(self._lookup_key, "\x1f".join(parts).encode(), "sha256").hex()

    def key(self, purpose: str) -> bytes:
        """HKDF-SHA-256 of the secret, the purpose as its info (RFC 5869)."""
        return derived(self._secret, purpose)

    def _sealing(self, kind: str) -> tuple[bytes, AESGCM]:
        """Header and cipher of the active epoch."""
        made = self._kinds.get(kind)
        epoch = self.keys.active
        if made is None or int.from_bytes(made[0][KIND_BYTES:], "big") != epoch:
            cipher = self.keys.cipher(epoch, f"seal {kind}")
            assert cipher is not None  # the active epoch's key was here when it was made active
            made = self._kinds[kind] = TABLE + epoch.to_bytes(4, "big"), cipher
        return made

    def _opened(self, sealed: bytes, kind: str, context: str) -> bytes:
        header = sealed[:HEADER_BYTES]
        epoch = int.from_bytes(header[KIND_BYTES:], "big")
        cipher = self.keys.cipher(epoch, f"seal {kind}")
        if cipher is None:
            raise KeyMissing(f"{context.partition(chr(31))[0]} (key of epoch {epoch})")
        return _decrypted(cipher, sealed, HEADER_BYTES, context)

    def _tagged(self, sealed: bytes, context: str) -> bytes:
        """What stands behind the tag, when it is its: as rows were written before they were encrypted."""
        tag, data = sealed[:TAG_BYTES], sealed[TAG_BYTES:]
        if not hmac.compare_digest(tag, tag_of(self._tag_key, data, context)):
            raise Tampered(context)
        return data


class _MessageSealer:
    """Seals and opens the parts of one message."""

    def __init__(self, codec: AesCodec, of: str, wrapped: bytes | None, cipher: AESGCM | None = None) -> None:
        self._codec, self._of, self._wrapped, self._cipher = codec, of, wrapped, cipher

    def seal(self, data: bytes, context: str) -> bytes:
        """Under the message's key; of a message without one under a table key."""
        cipher = self._unwrapped()
        if cipher is None:
            return self._codec.seal(data, context)
        nonce = os.urandom(NONCE_BYTES)
        return MESSAGE + nonce + cipher.encrypt(nonce, data, MESSAGE + context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Shredded when the message's key is gone."""
        if sealed[:KIND_BYTES] != MESSAGE:
            return self._codec.open(sealed, context)
        cipher = self._unwrapped()
        if cipher is None:
            raise Shredded(context)
        return _decrypted(cipher, sealed, KIND_BYTES, context)

    def _unwrapped(self) -> AESGCM | None:
        if self._cipher is None and self._wrapped is not None:
            self._cipher = AESGCM(self._codec.unwrap(self._wrapped, self._of))
        return self._cipher


def _decrypted(cipher: AESGCM, sealed: bytes, begins: int, context: str) -> bytes:
    header, nonce = sealed[:begins], sealed[begins : begins + NONCE_BYTES]
    try:
        return cipher.decrypt(nonce, sealed[begins + NONCE_BYTES :], header + context.encode())
    except (InvalidTag, ValueError):  # ValueError: too short to have a nonce
        raise Tampered(context.partition("\x1f")[0]) from None


def tag_of(key: bytes, data: bytes, context: str) -> bytes:
    """Of bytes as they were kept before encryption; over the context too, its length telling where the data begins."""
    row = context.encode()
    return hmac.digest(key, b"%d:%s%s" % (len(row), row, data), "sha256")[:TAG_BYTES]


def epoch_of(header: bytes | None) -> int | None:
    """The epoch that what begins so is sealed under; None of before there was encryption."""
    if header is None or bytes(header[:KIND_BYTES]) not in (TABLE, WRAPPED):
        return None
    return int.from_bytes(header[KIND_BYTES:HEADER_BYTES], "big")


def message_name(id_: str, sender_team_id: str, message_id: str | None) -> str:
    """What a message's key is bound to: the row, who sent it, and what they call it."""
    return f"message-key:{id_}\x1f{sender_team_id}\x1f{'' if message_id is None else message_id}"


def seal_json(codec: Sealer, value: Any, context: str) -> bytes:  # noqa: ANN401 - any JSON value
    """A JSON value, sealed."""
    return codec.seal(orjson.dumps(value), context)


def open_json(codec: Sealer, sealed: bytes, context: str) -> Any:  # noqa: ANN401 - as above
    """The JSON value that `seal_json` sealed."""
    return orjson.loads(codec.open(sealed, context))
