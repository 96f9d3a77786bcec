"""More of something than anybody has: what takes the square of its number to settle is refused before it is looked at."""

from collections.abc import Iterator
from typing import Final

from schemas.events import places
from schemas.message import Message
from schemas.problem import Problem

MOST: Final = 50
"""Identifiers, addresses or given names of one person. 5,000 identifiers were half a minute of one transaction."""
MOST_PEOPLE: Final = 100
"""Persons of one message. 450 were as long."""


def too_many(message: Message) -> Iterator[Problem]:
    """More persons than a family has, or persons of whom more is said than of anybody."""
    if len(message.people) > MOST_PEOPLE:
        yield Problem(places.focus("Patient"), f"are more than {MOST_PEOPLE}", "too-costly")
        return
    for index, person in enumerate(message.people):
        amounts = {"identifier": person.identifiers, "address": person.addresses, "name": person.given}
        for element, said in amounts.items():
            if len(said) > MOST:
                yield Problem(places.person(index, element), f"has more than {MOST}", "too-costly")
