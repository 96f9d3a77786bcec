"""Who stands above whom in the picture of a household: a generation for everybody, by who is whose child and, where nobody says, by age."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.codes import RelationshipKind

PARENTS: Final = frozenset({RelationshipKind.MOTHER, RelationshipKind.FATHER, RelationshipKind.PARENT})
_BELOW: Final[Mapping[RelationshipKind, int]] = dict.fromkeys(PARENTS, 1) | {RelationshipKind.GRANDPARENT: 2}
_BESIDE: Final = frozenset({RelationshipKind.PARTNER, RelationshipKind.SIBLING})
DEEPEST: Final = 5
"""Generations that a picture tells apart; whoever is said to be their own ancestor ends here."""


@dataclass(frozen=True, slots=True)
class Tie:
    """`person` is the `kind` of `to`."""

    person: str
    kind: RelationshipKind
    to: str


@dataclass(frozen=True, slots=True)
class Children:
    """Children of the same parents, in the order in which they came."""

    parents: frozenset[str]
    children: tuple[str, ...]


def generations(people: Sequence[str], children: Collection[str], ties: Iterable[Tie]) -> tuple[tuple[str, ...], ...]:
    """The people by generation, the oldest first, each in the order in which they came. `children`: those who are not grown up."""
    known = [tie for tie in ties if tie.person in people and tie.to in people]
    level = {person: int(person in children) for person in people}
    couples = [tuple(group.parents) for group in families(people, known)]
    for _ in range(len(people) * DEEPEST):
        before = dict(level)
        _lower(level, known)
        for couple in couples:
            _even(level, couple)
        if level == before:
            break
    return tuple(tuple(one for one in people if level[one] == rank) for rank in sorted(set(level.values())))


def _lower(level: dict[str, int], ties: Iterable[Tie]) -> None:
    for tie in ties:
        if tie.kind in _BELOW:
            level[tie.to] = min(DEEPEST, max(level[tie.to], level[tie.person] + _BELOW[tie.kind]))
        elif tie.kind in _BESIDE:
            _even(level, (tie.person, tie.to))


def _even(level: dict[str, int], people: Sequence[str]) -> None:
    lowest = max(level[one] for one in people)
    for one in people:
        level[one] = lowest


def families(people: Sequence[str], ties: Iterable[Tie]) -> tuple[Children, ...]:
    """Children by who their parents are, as far as they are among these people; the children of nobody are left out."""
    parents: dict[str, set[str]] = {}
    for tie in ties:
        if tie.kind in PARENTS and tie.person in people and tie.to in people and tie.person != tie.to:
            parents.setdefault(tie.to, set()).add(tie.person)
    found: dict[frozenset[str], list[str]] = {}
    for person in people:
        if person in parents:
            found.setdefault(frozenset(parents[person]), []).append(person)
    return tuple(Children(group, tuple(members)) for group, members in found.items())
