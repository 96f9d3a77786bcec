"""The Merkle tree of RFC 9162 (section 2.1): leaf and node hashes, and a tree that grows by its right edge alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

EMPTY = sha256(b"").digest()
"""Root of the tree without leaves."""

WIDTH = 32
"""Bytes of a hash."""


def leaf_hash(content: bytes) -> bytes:
    """Hash of a leaf; its prefix keeps it from passing for a node."""
    return sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of two subtrees side by side."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree by its size and its peaks: the perfect subtrees it consists of, one for each 1 in the size, the largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Refuse peaks that cannot be those of this size."""
        if len(self.peaks) != self.size.bit_count():
            raise ValueError("a tree has one peak for each 1 in its size")

    @classmethod
    def of(cls, size: int, peaks: bytes) -> Self:
        """The tree whose peaks were written one after the other. ValueError when they do not fit its size."""
        return cls(size, tuple(peaks[at : at + WIDTH] for at in range(0, len(peaks), WIDTH)))

    def grown(self, leaves: Iterable[bytes]) -> "Tree":
        """The tree with these leaf hashes to the right: one or two hashes a leaf, whatever its size."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            node, carried = leaf, size
            while carried & 1:
                node = node_hash(peaks.pop(), node)
                carried >>= 1
            peaks.append(node)
            size += 1
        return Tree(size, tuple(peaks))

    @property
    def root(self) -> bytes:
        """The tree head."""
        return _folded(self.peaks)


def _folded(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY
    *others, root = peaks
    for peak in reversed(others):
        root = node_hash(peak, root)
    return root
