"""What is sealed of the audit and how it is written for hashing and signing: entries, their places, signed tree heads."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from broker.domain.merkle import Tree, leaf_hash

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One audit row: who did, read or was refused what, when."""

    id: str
    at: datetime
    action: str
    outcome: str
    client: str | None
    team: str | None
    entity: str
    entity_id: str | None
    detail: Mapping[str, Any]

    def plain(self) -> Json:
        """Plain JSON values, the time in UTC to the microsecond."""
        return {
            "id": self.id,
            "at": instant(self.at),
            "action": self.action,
            "outcome": self.outcome,
            "client": self.client,
            "team": self.team,
            "entity": self.entity,
            "entity_id": self.entity_id,
            "detail": self.detail,
        }

    @property
    def order(self) -> tuple[datetime, str]:
        """By which the entries of one batch are put into the tree."""
        return self.at, self.id


@dataclass(frozen=True, slots=True)
class Leaf:
    """A place in the tree: the hash that was sealed, and the entry as it is now; None when there is none."""

    position: int
    hash: bytes
    entry: Entry | None
    withheld: bool = False
    """True when an export leaves the entry out on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A signed tree head: the tree as it was after a batch."""

    number: int
    size: int
    root: bytes
    at: datetime
    complete: bool
    """Whether nothing that was committed was left for the next batch."""
    key: str
    signature: bytes = b""
    peaks: bytes | None = None
    """The tree's peaks, from which the check goes on behind a fault; they prove themselves by giving the root."""

    @property
    def text(self) -> bytes:
        """What is signed: a line each for what it is, number, size, root, time, completeness and key."""
        lines = (HEAD, self.number, self.size, self.root.hex(), instant(self.at), int(self.complete), self.key)
        return "".join(f"{line}\n" for line in lines).encode()

    def tree(self) -> Tree | None:
        """The tree of this size that the head's own peaks prove; None when it has none that give its root."""
        try:
            tree = None if self.peaks is None else Tree.of(self.size, self.peaks)
        except ValueError:
            return None
        return tree if tree is not None and tree.root == self.root else None


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """That the log of one head begins with the whole log of an earlier one (RFC 9162, 2.1.4)."""

    first: Head
    second: Head
    path: Sequence[bytes]


HEAD = "baton audit head v1"


def canonical(entry: Entry) -> bytes:
    """The bytes of which a leaf is the hash: JSON in UTF-8 without spaces, names sorted."""
    return json.dumps(entry.plain(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def entry_hash(entry: Entry) -> bytes:
    """The leaf hash of an entry."""
    return leaf_hash(canonical(entry))


def instant(at: datetime) -> str:
    """A time in UTC to the microsecond, always of the same length."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
