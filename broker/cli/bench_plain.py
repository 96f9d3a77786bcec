"""Baton without encryption, without the audit, or without both: what `baton bench accept --costs` measures the service beside. Started by that alone, and no setting of the service.

`python -m broker.cli.bench_plain WITHOUT …` is `baton …` in one process; WITHOUT is a word of `Without`, joined by `+`.
"""

import os
import sys
from enum import StrEnum
from typing import Final

from broker.storage import audit, codec, row_digests
from broker.storage.codec import AesCodec, Sealer


class Without(StrEnum):
    """What is left out."""

    ENCRYPTION = "encryption"
    AUDIT = "audit"


class PlainCodec(AesCodec):
    """Keeps what it is given as it is. Lookups are hashed as ever: they are how rows are found."""

    def seal(self, data: bytes, context: str) -> bytes:  # noqa: ARG002 - the signature of every codec
        """The same bytes."""
        return data

    def open(self, sealed: bytes, context: str) -> bytes:  # noqa: ARG002 - as above
        """The same bytes."""
        return sealed

    def message(self, of: str, wrapped: bytes | None) -> Sealer:  # noqa: ARG002 - as above
        """No key of its own."""
        return self

    def new_message(self, of: str) -> tuple[bytes, Sealer]:  # noqa: ARG002 - as above
        """No key."""
        return b"", self


BENCHES: Final = ("/baton_bench_", "baton-bench-")
"""In the address of every database that a bench makes."""

_AUDITED: Final = (
    (audit, "record_each"),
    (row_digests, "note"),
    (row_digests, "note_stored"),
    (row_digests, "note_gone"),
)
"""By what everything is written down."""


def _nothing(*_: object, **__: object) -> None:
    """Nothing is written down."""


def leave_out(what: frozenset[Without]) -> None:
    """For the rest of this process."""
    if Without.ENCRYPTION in what:
        codec.AesCodec = PlainCodec  # type: ignore[misc]
    if Without.AUDIT in what:
        for module, name in _AUDITED:
            setattr(module, name, _nothing)


def main() -> None:
    """Leave it out, then do what `baton` does; everything that makes a codec is imported behind that."""
    if not any(mark in os.environ.get("BATON_DATABASE_URL", "") for mark in BENCHES):
        sys.exit("Only over a database that the bench has made for itself.")
    without, sys.argv[1:] = sys.argv[1], sys.argv[2:]
    leave_out(frozenset(map(Without, without.split("+"))))
    from broker.cli import main as baton

    baton()


if __name__ == "__main__":
    main()
