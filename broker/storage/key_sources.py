"""Where key-encryption keys come from: settings, a file, a key management service that wraps those of the file. What is done with them: `keyring`."""

import base64
import binascii
import json
import os
import secrets
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from broker.errors import Misconfigured
from broker.settings import Settings

KEY_BYTES: Final = 32
COMMAND_SECONDS: Final = 30
"""Longest wait for a key management service: it is asked at start and at a rotation, never for a message."""


class KeySource(Protocol):
    """Gives the keys that there are, by epoch (1 and up). Epoch 0 is the one derived from the secret key and needs no source."""

    def keys(self) -> Mapping[int, bytes]:
        """All of them, read anew. Misconfigured when they cannot be had."""

    def add(self) -> int:
        """Make and keep a new key; its epoch. Misconfigured, saying what to do, where a person has to."""

    def remove(self, epoch: int) -> None:
        """Destroy a key. Misconfigured, saying what to do, where a person has to."""


class Wrapper(Protocol):
    """A key management service: wraps and unwraps a key, and keeps its own to itself."""

    def wrap(self, key: bytes) -> bytes:
        """The key as only the service can read it."""

    def unwrap(self, wrapped: bytes) -> bytes:
        """The key again. Misconfigured when the service refuses."""


class KeysInSettings:
    """`BATON_KEYS`: each as `epoch:base64`, separated by spaces or commas."""

    def __init__(self, text: str) -> None:
        """As the setting has it."""
        self._text = text

    def keys(self) -> Mapping[int, bytes]:
        """Misconfigured when one is not understood; what it says is never repeated."""
        found: dict[int, bytes] = {}
        for item in self._text.replace(",", " ").split():
            number, _, key = item.partition(":")
            epoch = _epoch(number, "BATON_KEYS")
            if epoch in found:
                raise Misconfigured(f"BATON_KEYS has epoch {epoch} twice: keep one.")
            found[epoch] = _key(key, f"epoch {epoch} of BATON_KEYS")
        return found

    def add(self) -> int:
        """A program cannot set its own environment."""
        newest = max(self.keys(), default=0)
        raise Misconfigured(
            f"BATON_KEYS has no key newer than the active one: add {newest + 1}:… of `openssl rand -base64 32` "
            "to it in every process, restart them, then rotate."
        )

    def remove(self, epoch: int) -> None:
        """As above."""
        raise Misconfigured(f"Take epoch {epoch} out of BATON_KEYS of every process, and out of where it is kept.")


class KeyFile:
    """`BATON_KEY_FILE`: JSON `{"keys": [{"epoch": 1, "key": base64}]}`, with `wrapped` for `key` where a service wraps them."""

    def __init__(self, path: Path, wrapper: Wrapper | None = None) -> None:
        """`wrapper`: the key management service, so that the file alone opens nothing."""
        self._path = path
        self._wrapper = wrapper

    def keys(self) -> Mapping[int, bytes]:
        """None when there is no file yet. Misconfigured when it is not one of ours, or others on the machine may read keys in it."""
        return {epoch: self._opened(epoch, entry) for epoch, entry in self._entries().items()}

    def add(self) -> int:
        """A random key with the next epoch, written beside the others and on disk when this returns."""
        entries = self._entries()
        epoch, key = max(entries, default=0) + 1, secrets.token_bytes(KEY_BYTES)
        if self._wrapper is None:
            entries[epoch] = {"key": base64.b64encode(key).decode()}
        else:
            entries[epoch] = {"wrapped": base64.b64encode(self._wrapper.wrap(key)).decode()}
        self._write(entries)
        return epoch

    def remove(self, epoch: int) -> None:
        """Write the file without it. Copies of the file are the operator's to destroy."""
        entries = self._entries()
        entries.pop(epoch, None)
        self._write(entries)

    def _entries(self) -> dict[int, dict[str, str]]:
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Misconfigured(f"BATON_KEY_FILE cannot be read ({type(error).__name__}).") from error
        if self._wrapper is None and self._path.stat().st_mode & 0o077:
            raise Misconfigured("BATON_KEY_FILE may be read by others on this machine: chmod 600 it.")
        try:
            listed: list[dict[str, Any]] = json.loads(text)["keys"]
            return {_epoch(str(one["epoch"]), "BATON_KEY_FILE"): one for one in listed}
        except (ValueError, KeyError, TypeError) as error:
            raise Misconfigured("BATON_KEY_FILE is no key file: see docs/encryption.md.") from error

    def _opened(self, epoch: int, entry: Mapping[str, str]) -> bytes:
        name = f"epoch {epoch} of BATON_KEY_FILE"
        if "wrapped" not in entry:
            return _key(entry.get("key", ""), name)
        if self._wrapper is None:
            raise Misconfigured(f"{name} is wrapped: set BATON_KEY_COMMAND to what unwraps it.")
        key = self._wrapper.unwrap(_bytes(entry["wrapped"], name))
        if len(key) != KEY_BYTES:
            raise Misconfigured(f"BATON_KEY_COMMAND did not give a key of {KEY_BYTES} bytes for {name}.")
        return key

    def _write(self, entries: Mapping[int, Mapping[str, str]]) -> None:
        """Whole or not at all: a new file, synced, in the place of the old one, and the folder synced."""
        listed = [{**entries[epoch], "epoch": epoch} for epoch in sorted(entries)]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"keys": listed}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Command:
    """`BATON_KEY_COMMAND`: run with `wrap` or `unwrap` after its own arguments; base64 in on standard input, base64 out on standard output."""

    def __init__(self, line: str) -> None:
        """As a shell would split it; no shell runs it."""
        self._argv = shlex.split(line)

    def wrap(self, key: bytes) -> bytes:
        """What the command makes of the key."""
        return self._asked("wrap", key)

    def unwrap(self, wrapped: bytes) -> bytes:
        """What the command makes of the wrapped key."""
        return self._asked("unwrap", wrapped)

    def _asked(self, verb: str, data: bytes) -> bytes:
        name = f"the answer of BATON_KEY_COMMAND to {verb}"
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own command, from the settings, without a shell
                [*self._argv, verb],
                input=base64.b64encode(data) + b"\n",
                capture_output=True,
                timeout=COMMAND_SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Misconfigured(f"BATON_KEY_COMMAND could not {verb} a key ({type(error).__name__}).") from None
        return _bytes(done.stdout.decode("ascii", "replace").strip(), name)


class NoSource:
    """Neither setting: everything is sealed under the key derived from the secret key, which cannot be rotated."""

    def keys(self) -> Mapping[int, bytes]:
        """None."""
        return {}

    def add(self) -> int:
        """Refuse, saying what to set."""
        raise Misconfigured(
            "There is nowhere to keep a key: set BATON_KEY_FILE (or BATON_KEYS) in every process, restart them, then rotate."
        )

    def remove(self, epoch: int) -> None:
        """Refuse."""
        raise Misconfigured(f"Epoch {epoch} is not kept anywhere this broker knows of.")


def source(settings: Settings) -> KeySource:
    """The one that the settings name; Misconfigured when they name two."""
    if settings.keys is not None and settings.key_file is not None:
        raise Misconfigured("BATON_KEYS and BATON_KEY_FILE are both set: keep one.")
    if settings.key_command is not None and settings.key_file is None:
        raise Misconfigured("BATON_KEY_COMMAND needs BATON_KEY_FILE, which keeps what it wraps.")
    if settings.keys is not None:
        return KeysInSettings(settings.keys.get_secret_value())
    if settings.key_file is not None:
        return KeyFile(settings.key_file, Command(settings.key_command) if settings.key_command else None)
    return NoSource()


def _epoch(text: str, where: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 2**32:
        raise Misconfigured(f"{where} has an epoch that is no number from 1 on.")
    return int(text)


def _key(text: str, name: str) -> bytes:
    key = _bytes(text, name)
    if len(key) != KEY_BYTES:
        raise Misconfigured(
            f"The key with {name} is not {KEY_BYTES} bytes in base64: make it with `openssl rand -base64 32`."
        )
    return key


def _bytes(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Misconfigured(f"What is kept as {name} is not base64.") from None
