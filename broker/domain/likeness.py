"""Whether somebody a message names and somebody known are alike enough, by name, birth and place among twins; numbers are in `identifying.py`."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from broker.domain.identifying import birth_agrees, numbers_conflict
from broker.domain.names import given_may_agree, plain, same_family, same_name
from broker.domain.states import PersonState
from broker.domain.world import KnownPerson
from schemas.message import Person

NEVER: Final = frozenset({PersonState.MERGED, PersonState.SEALED})
"""States in which nobody is found by likeness (principle 11)."""

_PLACEHOLDERS = frozenset(
    {"", "baby", "babyboy", "babygirl", "boy", "girl", "infant", "twin", "unknown", "notknown", "unnamed"}
)
"""What stands for a given name before there is one; compared without digits (`Twin 1`)."""


def given_name(given: Sequence[str]) -> str:
    """The first given name as it compares; '' for none and for what only stands for one."""
    first = plain(given[0] if given else None)
    return "" if first.rstrip("0123456789") in _PLACEHOLDERS else first


def same_particulars(person: Person, k: KnownPerson) -> bool:
    """The same full name, and nothing that speaks against it; by a number of their own they were found or not."""
    if k.state in NEVER or k.state is PersonState.UNBORN or numbers_conflict(person, k):
        return False
    birth = birth_agrees(person, k)
    known_by_number = bool(person.identifiers)
    agrees = birth is True or (birth is None and not known_by_number)
    return agrees and same_name(person, k) and order_agrees(person, k)


def may_be_same(person: Person, k: KnownPerson) -> bool:
    if k.state in NEVER or k.state is PersonState.UNBORN or numbers_conflict(person, k):
        return False
    return same_family(person, k) and birth_agrees(person, k) is True and given_may_agree(person.given, k.given)


def order_agrees(person: Person, k: KnownPerson) -> bool:
    return None in (person.birth_order, k.birth_order) or person.birth_order == k.birth_order


def same_baby(person: Person, child: KnownPerson, born_on: date) -> bool:
    """A child of the same mother born that day, with nothing to tell the two apart."""
    if child.born is None or born_on not in (child.born, *child.also_born) or numbers_conflict(person, child):
        return False
    names = {given_name(person.given), given_name(child.given)} - {""}
    genders = {person.gender, child.gender} - {None, "unknown"}
    return len(names) < 2 and len(genders) < 2


def surely(person: Person, child: KnownPerson) -> bool:
    """Told apart from a twin still to come: by its own name or its place in the order."""
    same_order = person.birth_order is not None and person.birth_order == child.birth_order
    return same_order or (given_name(person.given) != "" and given_name(person.given) == given_name(child.given))


def one_and_the_same(person: Person, other: Person) -> bool:
    """Two entries of one message that nothing tells apart."""
    names = {given_name(person.given), given_name(other.given)} - {""}
    orders = {person.birth_order, other.birth_order} - {None}
    births = {person.birth_date, other.birth_date} - {None}
    return len(names) < 2 and len(orders) < 2 and len(births) < 2 and not person.unborn


def says_nothing(person: Person) -> bool:
    return not (person.family or person.given or person.birth_date or person.identifiers or person.unborn)
