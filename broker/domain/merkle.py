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


def consistency(first: int, size: int) -> list[tuple[int, int]]:
    """Which subtrees prove that a tree of `size` leaves begins with one of `first` (RFC 9162, 2.1.4.1), as spans of leaves.

    ValueError unless 0 < first <= size.
    """
    if not 0 < first <= size:
        raise ValueError("a proof is between a tree and one that is as large or larger")
    return _proof(first, 0, size, whole=True)


def _proof(first: int, start: int, end: int, *, whole: bool) -> list[tuple[int, int]]:
    size = end - start
    if first == size:
        return [] if whole else [(start, end)]
    half = 1 << (size - 1).bit_length() - 1
    if first <= half:
        return [*_proof(first, start, start + half, whole=whole), (start + half, end)]
    return [*_proof(first - half, start + half, end, whole=False), (start, start + half)]


def is_consistent(first: int, first_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the tree with `root` begins with the one with `first_root` (RFC 9162, 2.1.4.2)."""
    if not 0 < first <= size:
        return False
    if first == size:
        return not proof and first_root == root
    path = [first_root, *proof] if first.bit_count() == 1 else [*proof]
    if not path:
        return False
    node, last = first - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, step)
        node, last = node >> 1, last >> 1
    return old == first_root and new == root and last == 0
