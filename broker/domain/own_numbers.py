"""Numbers that an adapter read as the sender's own become those of the sender's agency, which only the caller's credentials name."""

from dataclasses import replace

from schemas.identifiers import of_agency
from schemas.message import Coding, Fact, Message, Person


def as_sent_by(message: Message, team_id: str, agency_id: str) -> Message:
    """The message as that team's: its sender, and its own numbers in the agency's systems."""
    return replace(
        message,
        sender=team_id,
        people=tuple(_person(person, agency_id) for person in message.people),
        facts=tuple(_fact(fact, agency_id) for fact in message.facts),
    )


def _person(person: Person, agency_id: str) -> Person:
    identifiers = tuple(replace(held, system=of_agency(held.system, agency_id)) for held in person.identifiers)
    return person if identifiers == person.identifiers else replace(person, identifiers=identifiers)


def _fact(fact: Fact, agency_id: str) -> Fact:
    if not isinstance(fact.value, Coding):
        return fact
    system = of_agency(fact.value.system, agency_id)
    return fact if system == fact.value.system else replace(fact, value=replace(fact.value, system=system))
