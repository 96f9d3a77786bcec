"""The key-encryption keys that a process has, by epoch, and the keys derived from them; each is read and derived once and kept."""

import hmac
import threading
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from broker.errors import Misconfigured
from broker.storage.key_sources import KEY_BYTES, KeySource, NoSource

DERIVED: Final = 0
"""The epoch of the key that is derived from the deployment's secret: always there, so that what was sealed before any other key stays readable."""


class Keyring:
    """Keys by epoch. `active` is the epoch under which is sealed; `follow` sets it as the database has it."""

    def __init__(self, secret: bytes, source: KeySource | None = None) -> None:
        """Nothing is read from the source before a key other than the derived one is asked for."""
        self.source: KeySource = source or NoSource()
        self.active = DERIVED
        self._keys: dict[int, bytes] = {DERIVED: derived(secret, "baton key-encryption key v1")}
        self._ciphers: dict[tuple[int, str], AESGCM] = {}
        self._reading = threading.Lock()

    def follow(self, epoch: int) -> None:
        """Seal under this epoch from now on; Misconfigured when this process does not have its key."""
        if epoch == self.active:
            return
        if self.key(epoch) is None:
            raise Misconfigured(
                f"The key of epoch {epoch}, which is active, is not here: give this process BATON_KEY_FILE or BATON_KEYS with it."
            )
        self.active = epoch

    def cipher(self, epoch: int, purpose: str) -> AESGCM | None:
        """AES-256-GCM under the key derived for a purpose; None when this process does not have the epoch."""
        made = self._ciphers.get((epoch, purpose))
        if made is None:
            key = self.key(epoch)
            if key is None:
                return None
            made = self._ciphers[epoch, purpose] = AESGCM(derived(key, f"baton {purpose} v1"))
        return made

    def check(self, epoch: int) -> bytes | None:
        """By which a key is recognised and nothing is learnt of it; None when it is not here."""
        key = self.key(epoch)
        return None if key is None else hmac.digest(derived(key, "baton key check v1"), b"check", "sha256")[:16]

    def key(self, epoch: int) -> bytes | None:
        """The key itself. A new one of the source is found without a restart; what was read once is kept."""
        if epoch not in self._keys:
            with self._reading:
                if epoch not in self._keys:
                    self._keys.update(self.read())
        return self._keys.get(epoch)

    def read(self) -> Mapping[int, bytes]:
        """What the source has now."""
        return self.source.keys()

    def forget(self, epoch: int) -> None:
        """Destroy a key at its source and here."""
        self.source.remove(epoch)
        self._keys.pop(epoch, None)
        self._ciphers = {place: cipher for place, cipher in self._ciphers.items() if place[0] != epoch}


def derived(key: bytes, purpose: str) -> bytes:
    """A key for one purpose: HKDF-SHA-256, the purpose as its info (RFC 5869)."""
    return HKDF(SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(key)
