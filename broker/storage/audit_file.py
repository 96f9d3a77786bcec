"""The audit as a file that can be checked without the database: JSON Lines of signed heads, places and entries."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from broker.domain.audit_check import Batch
from broker.domain.sealing import ConsistencyProof, Entry, Head, Json, Leaf, instant
from broker.errors import Invalid
from broker.storage import audit_head, signing

FORMAT: Final = "baton audit export v1"


def lines(batches: Iterable[Batch], *, public: bytes, base: Head | None, wanted: "Wanted") -> Iterator[Json]:
    """The file's lines: what it is, the head it begins behind, then the places that each head added, and the head."""
    yield {"format": FORMAT, "public_key": signing.written(public), "from": None if base is None else head_plain(base)}
    for head, leaves in batches:
        yield from (_leaf_plain(leaf, wanted) for leaf in leaves)
        if head is not None:
            yield {"head": head_plain(head)}


class Wanted:
    """The span of time that an export is about; the entries beside it are left out and keep their places."""

    def __init__(self, since: datetime | None = None, until: datetime | None = None) -> None:
        """From `since` up to but not including `until`; None is open."""
        self.since, self.until = since, until

    def has(self, entry: Entry) -> bool:
        """Whether the entry is of that span."""
        return (self.since is None or entry.at >= self.since) and (self.until is None or entry.at < self.until)


def _leaf_plain(leaf: Leaf, wanted: Wanted) -> Json:
    line: Json = {"position": leaf.position, "hash": leaf.hash.hex()}
    if leaf.entry is None or wanted.has(leaf.entry):
        line["entry"] = None if leaf.entry is None else leaf.entry.plain()
    return line


def head_plain(head: Head) -> Json:
    """A head as JSON, for a file or for somebody who keeps it elsewhere."""
    return {
        "number": head.number,
        "size": head.size,
        "root": head.root.hex(),
        "at": instant(head.at),
        "complete": head.complete,
        "key": head.key,
        "signature": head.signature.hex(),
        "peaks": None if head.peaks is None else head.peaks.hex(),
    }


class Reading:
    """An export being read: its first line at once, its batches as they are asked for."""

    def __init__(self, path: Path) -> None:
        """Invalid when it is not an export."""
        self._path = path
        first = next(self._plain(), {})
        if first.get("format") != FORMAT:
            raise Invalid(f"{path} is not an export of the audit.")
        self.base = None if first.get("from") is None else self._understood(1, lambda: head_read(first["from"]))

    def batches(self) -> Iterator[Batch]:
        """As `audit_log.batches` has them. Invalid names the first line that cannot be read."""
        leaves: list[Leaf] = []
        for number, line in enumerate(self._plain(), 1):
            if number == 1:
                continue
            if "head" in line:
                yield self._understood(number, lambda line=line: head_read(line["head"])), leaves
                leaves = []
            else:
                leaves.append(self._understood(number, lambda line=line: _leaf_read(line)))
        if leaves:
            yield None, leaves

    def _plain(self) -> Iterator[Json]:
        try:
            with self._path.open(encoding="utf-8") as file:
                for number, text in enumerate(file, 1):
                    yield self._understood(number, lambda text=text: dict(json.loads(text)))
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"{self._path} cannot be read.") from error

    def _understood(self, number: int, work: Any) -> Any:  # noqa: ANN401 - whatever the work gives
        try:
            return work()
        except (ValueError, KeyError, TypeError) as error:
            raise Invalid(f"{self._path}: line {number} is not one of an export.") from error


def head_file(path: Path) -> Head:
    """A head that was kept: as a receipt brought it, or as JSON, alone or in what `baton audit verify --json` printed. Invalid when there is none."""
    try:
        text = path.read_text(encoding="utf-8")
        received = audit_head.read(text.strip().removeprefix(f"{audit_head.NAME}:"))
        if received is not None:
            return received
        plain = json.loads(text)
        return head_read(plain.get("head", plain))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"{path} has no head of the audit in it.") from error


PROOF: Final = "baton audit proof v1"


def proof_plain(proof: ConsistencyProof) -> Json:
    """A proof as JSON."""
    return {
        "format": PROOF,
        "first": head_plain(proof.first),
        "second": head_plain(proof.second),
        "path": [step.hex() for step in proof.path],
    }


def proof_file(path: Path) -> ConsistencyProof:
    """What `proof_plain` wrote. Invalid when the file has no proof."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        steps = [bytes.fromhex(step) for step in plain["path"]]
        return ConsistencyProof(head_read(plain["first"]), head_read(plain["second"]), steps)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"{path} is not a proof about the audit.") from error


def head_read(plain: Mapping[str, Any]) -> Head:
    """What `head_plain` wrote. ValueError, KeyError or TypeError when it did not."""
    return Head(
        number=_whole(plain["number"]),
        size=_whole(plain["size"]),
        root=bytes.fromhex(plain["root"]),
        at=_time(plain["at"]),
        complete=plain["complete"] is True,
        key=str(plain["key"]),
        signature=bytes.fromhex(plain["signature"]),
        peaks=None if plain.get("peaks") is None else bytes.fromhex(plain["peaks"]),
    )


def _leaf_read(plain: Json) -> Leaf:
    entry = plain.get("entry")
    named = None if entry is None else Entry(**{**entry, "at": _time(entry["at"]), "detail": dict(entry["detail"])})
    return Leaf(_whole(plain["position"]), bytes.fromhex(plain["hash"]), named, withheld="entry" not in plain)


def _whole(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("is no whole number")
    return value


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.utcoffset() != timedelta():
        raise ValueError("is no time in UTC")
    return at
