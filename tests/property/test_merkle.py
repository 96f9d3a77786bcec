"""The tree of the audit against RFC 9162 as it is written, and against a library of somebody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from broker.domain.merkle import EMPTY, Tree, consistency, is_consistent, leaf_hash, node_hash

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


def proved(leaves, first):
    """The proof that the tree of these leaves begins with the tree of the first of them."""
    return [Tree().grown(leaves[start:end]).root for start, end in consistency(first, len(leaves))]


def required(first, leaves, *, whole=True):
    """SUBPROOF of RFC 9162, 2.1.4.1, word for word."""
    if first == len(leaves):
        return [] if whole else [written(leaves)]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if first <= half:
        return [*required(first, leaves[:half], whole=whole), written(leaves[half:])]
    return [*required(first - half, leaves[half:], whole=False), written(leaves[:half])]


def test_a_proof_is_the_one_of_the_rfc_and_shows_what_it_should_for_every_two_sizes():
    leaves = [leaf_hash(bytes([number])) for number in range(34)]
    for size in range(1, len(leaves) + 1):
        root = written(leaves[:size])
        for first in range(1, size + 1):
            proof = proved(leaves[:size], first)
            assert proof == required(first, leaves[:size])
            assert is_consistent(first, written(leaves[:first]), size, root, proof)


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_no_proof_shows_a_history_that_was_rewritten(first, more, data):
    size = first + more
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    at = data.draw(st.integers(0, first - 1))
    other = [*leaves[:at], leaf_hash(b"other"), *leaves[at + 1 :]]
    kept, root = written(leaves[:first]), written(other)
    assert not is_consistent(first, kept, size, root, proved(other, first))
    assert not is_consistent(first, kept, size, root, proved(leaves, first))


@given(st.integers(1, 40), st.integers(0, 40), st.data())
def test_a_proof_with_one_bit_changed_shows_nothing(first, more, data):
    leaves = [leaf_hash(bytes([number])) for number in range(first + more)]
    proof, roots = proved(leaves, first), [written(leaves[:first]), written(leaves)]
    whole = [*roots, *proof]
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 255))
    whole[at] = (int.from_bytes(whole[at]) ^ 1 << bit).to_bytes(32)
    assert not is_consistent(first, whole[0], len(leaves), whole[1], whole[2:])
    assert not is_consistent(first, roots[0], len(leaves), roots[1], [*proof, leaves[0]])


def test_a_proof_is_only_between_a_tree_and_one_as_large():
    for first, size in ((0, 3), (4, 3)):
        with pytest.raises(ValueError):
            consistency(first, size)
        assert not is_consistent(first, EMPTY, size, EMPTY, [])
