"""The tree of the audit against RFC 9162 as it is written, and against a library of somebody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from broker.domain.merkle import EMPTY, Tree, leaf_hash, node_hash

CONTENTS = st.lists(st.binary(max_size=40), max_size=70)


def written(leaves):
    """MTH of RFC 9162, 2.1.1, word for word: split at the largest power of two smaller than the size."""
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(written(leaves[:half]), written(leaves[half:]))


@given(CONTENTS)
def test_the_root_is_the_one_of_the_rfc(contents):
    leaves = [leaf_hash(content) for content in contents]
    assert Tree().grown(leaves).root == written(leaves)


@given(CONTENTS.filter(bool))
def test_the_root_is_the_one_that_pymerkle_makes_at_every_size(contents):
    theirs, ours = InmemoryTree(algorithm="sha256"), Tree()
    for size, content in enumerate(contents, 1):
        theirs.append_entry(content)
        ours = ours.grown([leaf_hash(content)])
        assert (ours.size, ours.root) == (size, theirs.get_root(size))


@given(CONTENTS, st.integers(0, 70))
def test_growing_in_batches_or_from_written_peaks_makes_no_difference(contents, at):
    leaves = [leaf_hash(content) for content in contents]
    first = Tree().grown(leaves[:at])
    again = Tree.of(first.size, b"".join(first.peaks))
    assert again.grown(leaves[at:]) == Tree().grown(leaves)


@pytest.mark.parametrize(("size", "peaks"), [(0, b"x" * 32), (1, b""), (3, b"x" * 32), (2, b"x" * 64)])
def test_peaks_that_cannot_be_those_of_a_size_are_refused(size, peaks):
    with pytest.raises(ValueError):
        Tree.of(size, peaks)


def test_a_leaf_never_passes_for_a_node():
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)
