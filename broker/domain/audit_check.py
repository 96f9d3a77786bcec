"""Whether a sealed audit is what was signed: batch by batch, with the first wrong position and what is wrong there."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from broker.domain.merkle import Tree
from broker.domain.sealing import Head, Leaf, entry_hash, instant

LATE = timedelta(hours=2)
"""An entry may be this much older than a complete head that lacks it: no transaction lasts so long, and of two processes whose clocks are an
hour apart one seals what the other wrote a while ago."""


class Kind(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"
    REORDERED = "reordered"
    HEAD = "head"
    """A tree head that does not follow from the one before, or from one that was kept elsewhere."""
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One finding. `position` is None where it is about a head, or about an entry that has no place."""

    kind: Kind
    what: str
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found up to and with one batch."""

    size: int
    head: Head | None
    """The last head so far."""
    faults: Sequence[Fault]
    """Of this batch alone, in the order of their positions."""


Batch: TypeAlias = tuple[Head | None, Sequence[Leaf]]
"""The leaves that a head added, and the head; None for leaves behind the last head."""

Signed: TypeAlias = Callable[[Head], bool]


@dataclass(frozen=True, slots=True)
class _State:
    """How far the check has come. `tree` is None behind a fault for as long as no head brings its own proof."""

    tree: Tree | None
    size: int
    head: Head | None
    complete_at: datetime | None


def check(
    batches: Iterable[Batch],
    *,
    signed: Signed,
    base: Head | None = None,
    kept: Head | None = None,
    late: timedelta = LATE,
) -> Iterator[Checked]:
    """Check batches one by one, holding no more than one.

    `signed` says whether a head's signature is right. `base` is the head before the first batch, where that is not the
    beginning; `kept` is one that somebody kept elsewhere: the tree must have been that tree when it had its size.
    """
    state, found = _begin(base, signed)
    if kept is not None:
        found += _begin_with(kept, state, signed)
    if found:
        yield Checked(state.size, state.head, found)
    for head, leaves in batches:
        if head is None:
            yield Checked(state.size, state.head, [_unheaded(leaf) for leaf in leaves])
            continue
        before = state
        state, found = _batch(before, head, leaves, signed, late)
        if kept is not None:
            found += _against(kept, before, leaves, state.size)
        yield Checked(state.size, state.head, found)
    if kept is not None and kept.size > state.size:
        what = f"the log has {state.size} sealed entries and the head kept elsewhere {kept.size}: its end was cut off"
        yield Checked(state.size, state.head, [Fault(kind=Kind.MISSING, what=what, position=state.size)])


def _begin(base: Head | None, signed: Signed) -> tuple[_State, list[Fault]]:
    if base is None:
        return _State(Tree(), 0, None, None), []
    state = _State(base.tree(), base.size, base, base.at if base.complete else None)
    found = [] if signed(base) else [_bad_signature(base)]
    if state.tree is None:
        found.append(_unproved(base))
    return state, found


def _begin_with(kept: Head, state: _State, signed: Signed) -> list[Fault]:
    found = []
    if not signed(kept):
        found.append(Fault(kind=Kind.SIGNATURE, what="the head kept elsewhere is not signed with a key that is known"))
    if kept.size < state.size:
        found.append(Fault(kind=Kind.HEAD, what="the head kept elsewhere is of before this part, which cannot show it"))
    if kept.size == state.size and state.tree is not None and kept.root != state.tree.root:
        found.append(_other_log(kept))
    return found


def _batch(
    state: _State, head: Head, leaves: Sequence[Leaf], signed: Signed, late: timedelta
) -> tuple[_State, list[Fault]]:
    found = _follows(state.head, head)
    if not signed(head):
        found.append(_bad_signature(head))
    if head.peaks is not None and head.tree() is None:
        found.append(_unproved(head))
    gaps = _gaps(state.size, head.size, leaves)
    found += gaps
    tree = None if gaps or state.tree is None else state.tree.grown(leaf.hash for leaf in leaves)
    if tree is not None and tree.root == head.root:
        found += _entries(leaves)
    elif state.tree is not None and not gaps:
        found += _displaced(state.tree, head, leaves)
    else:
        found += _entries(leaves)  # nothing is known of the tree here; each entry still has its own hash
    found += _backdated(state, head, leaves, late)
    proved = tree if tree is not None and tree.root == head.root else head.tree()
    complete_at = head.at if head.complete else state.complete_at
    return _State(proved, head.size, head, complete_at), sorted(found, key=_place)


def _place(fault: Fault) -> int:
    return -1 if fault.position is None else fault.position


def _follows(last: Head | None, head: Head) -> list[Fault]:
    """Numbers count up by one, and every head has something new."""
    found, expected = [], last.number + 1 if last else 1
    if head.number != expected:
        found.append(Fault(kind=Kind.HEAD, what=f"head {head.number} stands where head {expected} should be"))
    if head.size <= (last.size if last else 0):
        found.append(Fault(kind=Kind.HEAD, what=f"head {head.number} does not cover more than the one before"))
    return found


def _bad_signature(head: Head) -> Fault:
    return Fault(
        kind=Kind.SIGNATURE, what=f"head {head.number} is not signed with a key that is known (its: {head.key})"
    )


def _unproved(head: Head) -> Fault:
    return Fault(kind=Kind.HEAD, what=f"head {head.number}: its subtrees do not give its root")


def _gaps(first: int, end: int, leaves: Sequence[Leaf]) -> list[Fault]:
    """Positions between two heads that have no leaf, or more than one, or stand in another order, as in an export they may."""
    positions = [leaf.position for leaf in leaves]
    found, expected = [], first
    for position in [*sorted(positions), end]:
        if position > expected:
            what = f"{position - expected} place(s) of the log are empty"
            found.append(Fault(kind=Kind.MISSING, what=what, position=expected))
        elif position < expected:
            found.append(Fault(kind=Kind.ADDED, what="this place is there more than once", position=position))
        expected = max(expected, position + (position != end))
    if not found and positions != sorted(positions):
        displaced = min(one for one, due in zip(positions, sorted(positions), strict=True) if one != due)
        found.append(Fault(kind=Kind.REORDERED, what="places were put in another order from here", position=displaced))
    return found


def _entries(leaves: Sequence[Leaf]) -> list[Fault]:
    """Entries against the hashes that were sealed."""
    gone = [leaf for leaf in leaves if leaf.entry is None and not leaf.withheld]
    wrong = [(leaf, now) for leaf in leaves if leaf.entry and (now := entry_hash(leaf.entry)) != leaf.hash]
    found = [
        _fault(Kind.MISSING, leaf, "the entry that was sealed here is gone, or cannot be read any more")
        for leaf in gone
    ]
    if wrong and sorted(now for _, now in wrong) == sorted(leaf.hash for leaf, _ in wrong):
        return [*found, _fault(Kind.REORDERED, wrong[0][0], f"{len(wrong)} entries stand in each other's places")]
    return [*found, *(_fault(Kind.CHANGED, leaf, "the entry is not what was sealed") for leaf, _ in wrong)]


def _fault(kind: Kind, leaf: Leaf, what: str) -> Fault:
    name = f" (entry {leaf.entry.id})" if leaf.entry else ""
    return Fault(kind=kind, what=what + name, position=leaf.position)


def _displaced(tree: Tree, head: Head, leaves: Sequence[Leaf]) -> list[Fault]:
    """Why hashes do not give the signed root: the entries tell where they still do, as they are or in a batch's order."""
    entries = [leaf.entry for leaf in leaves if leaf.entry is not None]
    if entries and len(entries) == len(leaves):
        hashes = [entry_hash(entry) for entry in entries]
        if tree.grown(hashes).root == head.root:
            pairs = zip(leaves, hashes, strict=True)
            what = "the hash that was sealed here was replaced; the entry itself is as it was"
            return [_fault(Kind.CHANGED, leaf, what) for leaf, now in pairs if leaf.hash != now]
        ordered = [entry_hash(entry) for entry in sorted(entries, key=lambda entry: entry.order)]
        if tree.grown(ordered).root == head.root:
            first = next(leaf for leaf, now, then in zip(leaves, hashes, ordered, strict=True) if now != then)
            return [_fault(Kind.REORDERED, first, "entries were put in another order from here")]
    if not leaves:
        return []  # a head that covers nothing new, which was said of it
    start, end = leaves[0].position, leaves[-1].position
    what = f"positions {start} to {end} are not what head {head.number} was signed over: entries were replaced, added or removed"
    wrong = _entries(leaves)
    return wrong or [Fault(kind=Kind.CHANGED, what=what, position=start)]


def _backdated(state: _State, head: Head, leaves: Sequence[Leaf], late: timedelta) -> list[Fault]:
    """Entries of a time at which a complete head had been signed without them.

    Unless the heads around them, which only the key can sign, say that the clock was put back.
    """
    if state.complete_at is None or state.head is None:
        return []
    at = min(state.complete_at, state.head.at, head.at)
    what = (
        f"the entry claims a time long before {instant(at)}, when a head without it was signed as complete: it was added, "
        "or the clock of who wrote it was behind"
    )
    return [_fault(Kind.ADDED, leaf, what) for leaf in leaves if leaf.entry and leaf.entry.at < at - late]


def _unheaded(leaf: Leaf) -> Fault:
    return _fault(Kind.ADDED, leaf, "this place is behind the last signed head")


def _against(kept: Head, before: _State, leaves: Sequence[Leaf], size: int) -> list[Fault]:
    """Whether the tree, when it had the kept head's size, was the kept head's tree."""
    if not before.size < kept.size <= size or before.tree is None:
        return []
    then = before.tree.grown(leaf.hash for leaf in leaves[: kept.size - before.size])
    return [] if (then.size, then.root) == (kept.size, kept.root) else [_other_log(kept)]


def _other_log(kept: Head) -> Fault:
    what = (
        f"at {kept.size} entries the log is not the one of head {kept.number} that was kept elsewhere: it was rewritten"
    )
    return Fault(kind=Kind.HEAD, what=what)


def summary(batches: Iterable[Checked], most: int) -> tuple[Checked, int]:
    """The last state with the first `most` faults of all, and how many there were."""
    last, faults, count = Checked(0, None, []), list[Fault](), 0
    for checked in batches:
        last, count = checked, count + len(checked.faults)
        faults += list(checked.faults)[: most - len(faults)]
    return replace(last, faults=faults), count
