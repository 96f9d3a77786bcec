"""The check of a sealed audit: an honest log has no fault, and whatever is done to it is found where it was done."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.audit_check import Kind, check, summary
from broker.domain.merkle import Tree
from broker.domain.sealing import Entry, Head, Leaf, canonical, entry_hash
from tests.conftest import NOON

RIGHT, WRONG = b"right", b"wrong"


def entry(number, **changes):
    made = Entry(
        id=f"{number:04d}",
        at=NOON + timedelta(seconds=number),
        action="read",
        outcome="success",
        client="a-system",
        team="a-team",
        entity="task",
        entity_id=f"task-{number}",
        detail={"found": ["b", "a"]},
    )
    return replace(made, **changes)


def sealed(*sizes, first=0, tree=None, number=1):
    """Batches of so many entries each, as a sealer that is always there makes them."""
    tree = tree or Tree()
    batches: list[tuple[Head, list[Leaf]]] = []
    for size in sizes:
        entries = [entry(first + tree.size + index) for index in range(size)]
        leaves = [Leaf(tree.size + index, entry_hash(each), each) for index, each in enumerate(entries)]
        tree = tree.grown(leaf.hash for leaf in leaves)
        head = Head(
            number=number + len(batches),
            size=tree.size,
            root=tree.root,
            at=entries[-1].at,
            complete=True,
            key="k",
            signature=RIGHT,
            peaks=b"".join(tree.peaks),
        )
        batches.append((head, leaves))
    return batches


def found(batches, **options):
    """Every fault as its kind and position."""
    last, count = summary(check(batches, signed=lambda head: head.signature == RIGHT, **options), 1000)
    assert count == len(last.faults)
    return [(fault.kind, fault.position) for fault in last.faults]


def with_leaf(batches, position, **changes):
    """The log with one leaf changed."""
    return [
        (head, [replace(leaf, **changes) if leaf.position == position else leaf for leaf in leaves])
        for head, leaves in batches
    ]


LOG = sealed(3, 1, 4)


@given(st.lists(st.integers(1, 9), max_size=9))
def test_an_honest_log_has_no_fault(sizes):
    batches = sealed(*sizes)
    assert found(batches) == []
    for head, _ in batches:
        assert found(batches, kept=head) == []


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.data())
def test_whatever_is_done_to_one_place_is_found_at_it(sizes, data):
    position = data.draw(st.integers(0, sum(sizes) - 1))
    other = entry(position, entity_id="another")
    for changes, kind in (
        ({"entry": other}, Kind.CHANGED),
        ({"entry": None}, Kind.MISSING),
        ({"hash": entry_hash(other)}, Kind.CHANGED),
    ):
        assert found(with_leaf(sealed(*sizes), position, **changes)) == [(kind, position)]


@given(st.lists(st.integers(1, 5), min_size=2, max_size=5), st.data())
def test_an_entry_changed_with_its_hash_is_found_in_its_batch(sizes, data):
    """Nothing is left of what stood there, so that all that is known is between which heads it stood."""
    position = data.draw(st.integers(0, sum(sizes) - 1))
    other, batches = entry(position, entity_id="another"), sealed(*sizes)
    changed = with_leaf(batches, position, entry=other, hash=entry_hash(other))
    [leaves] = [leaves for _, leaves in batches if leaves[0].position <= position <= leaves[-1].position]
    assert found(changed) == [(Kind.CHANGED, leaves[0].position)]


@pytest.mark.parametrize("sort", ["places", "entries"])
def test_two_that_changed_places_are_found_where_the_first_was(sort):
    head, leaves = sealed(6)[0]
    a, b = leaves[2], leaves[4]
    if sort == "places":  # entry and hash together, as when two positions are swapped
        a, b = Leaf(2, b.hash, b.entry), Leaf(4, a.hash, a.entry)
    else:
        a, b = Leaf(2, a.hash, b.entry), Leaf(4, b.hash, a.entry)
    assert found([(head, [*leaves[:2], a, leaves[3], b, leaves[5]])]) == [(Kind.REORDERED, 2)]


def test_a_place_that_was_taken_out_is_missing_and_later_heads_are_still_checked():
    first, (head, _leaves), last = sealed(3, 1, 4)
    assert found([first, (head, []), last]) == [(Kind.MISSING, 3)]
    assert found([first, (head, []), *with_leaf([last], 6, entry=entry(99))]) == [(Kind.MISSING, 3), (Kind.CHANGED, 6)]


def test_places_of_an_export_that_stand_twice_or_in_another_order_are_named():
    first, (head, leaves) = sealed(3, 4)
    assert found([first, (head, [*leaves, leaves[2]])]) == [(Kind.ADDED, 5)]
    assert found([first, (head, [first[1][1], *leaves])]) == [(Kind.ADDED, 1)]
    assert found([first, (head, [leaves[0], leaves[2], leaves[1], leaves[3]])]) == [(Kind.REORDERED, 4)]
    assert found([first, (head, [leaves[0], leaves[0], leaves[1]])]) == [(Kind.ADDED, 3), (Kind.MISSING, 5)]


def test_a_place_behind_the_last_head_was_added():
    extra = Leaf(8, entry_hash(entry(8)), entry(8))
    assert found([*LOG, (None, [extra])]) == [(Kind.ADDED, 8)]


def test_an_entry_of_a_time_that_was_complete_without_it_was_added():
    old = entry(77, at=NOON - timedelta(days=3))
    tree = Tree().grown(leaf.hash for _, leaves in LOG for leaf in leaves)
    [(head, _)] = sealed(1, tree=tree, number=4)
    grown = tree.grown([entry_hash(old)])
    honest = replace(head, root=grown.root, peaks=b"".join(grown.peaks))
    assert found([*LOG, (honest, [Leaf(8, entry_hash(old), old)])]) == [(Kind.ADDED, 8)]
    unfinished = [(replace(each, complete=False), leaves) for each, leaves in LOG]
    assert found([*unfinished, (honest, [Leaf(8, entry_hash(old), old)])]) == []  # a sealer that had to catch up


def test_heads_follow_each_other():
    first, second, third = LOG
    assert found([first, third])[0] == (Kind.HEAD, None)
    assert found([first, (replace(second[0], number=3), second[1])]) == [(Kind.HEAD, None)]
    assert (Kind.HEAD, None) in found([first, second, (replace(third[0], size=4), [])])
    assert found([first, (replace(second[0], peaks=first[0].peaks), second[1]), third]) == [(Kind.HEAD, None)]


def test_a_signature_that_is_not_right_is_named_for_each_head():
    forged = [(replace(head, signature=WRONG), leaves) for head, leaves in LOG]
    assert found(forged) == [(Kind.SIGNATURE, None)] * 3


def test_a_log_that_was_cut_off_or_rewritten_is_not_the_one_of_a_head_kept_elsewhere():
    kept = LOG[-1][0]
    assert found(LOG[:2], kept=kept) == [(Kind.MISSING, 4)]
    assert found(sealed(3, 1, 4, first=50), kept=kept) == [(Kind.HEAD, None)]
    assert found(sealed(2, 2, 4, 5), kept=kept) == []  # the same entries under other heads
    assert found(LOG, kept=replace(kept, signature=WRONG)) == [(Kind.SIGNATURE, None)]


def test_a_part_is_checked_from_the_head_before_it():
    assert found(LOG[1:], base=LOG[0][0]) == []
    assert found(LOG[1:], base=replace(LOG[0][0], peaks=LOG[1][0].peaks))[0] == (Kind.HEAD, None)
    assert found(LOG[2:], base=LOG[0][0])[0] == (Kind.HEAD, None)
    assert found(LOG[1:], base=LOG[0][0], kept=LOG[0][0]) == []
    assert found(LOG[1:], base=LOG[0][0], kept=LOG[1][0]) == []
    assert found(LOG[1:], base=LOG[0][0], kept=replace(LOG[0][0], root=bytes(32))) == [(Kind.HEAD, None)]
    assert found(LOG[2:], base=LOG[1][0], kept=LOG[0][0]) == [(Kind.HEAD, None)]
    withheld = with_leaf(LOG, 1, entry=None, withheld=True)
    assert found(withheld) == []


def test_an_entry_is_written_in_one_way():
    assert canonical(entry(1, detail={"b": 1, "a": [True, None, "é"]})).decode() == (
        '{"action":"read","at":"2026-03-02T12:00:01.000000Z","client":"a-system","detail":{"a":[true,null,"é"],"b":1},'
        '"entity":"task","entity_id":"task-1","id":"0001","outcome":"success","team":"a-team"}'
    )


def test_what_is_signed_of_a_head_is_text_for_people():
    head = replace(LOG[0][0], root=bytes(32))
    assert head.text.decode().splitlines() == [
        "baton audit head v1",
        "1",
        "3",
        "00" * 32,
        "2026-03-02T12:00:02.000000Z",
        "1",
        "k",
    ]
