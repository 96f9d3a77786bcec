"""A NEMS birth notification as the message it comes to.

The specification: nhsconnect/Events-Management, "PDS Birth Notification". It is sent once and never updated or deleted, says
the specification; the life cycle is read as for other events all the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Final

from fhir.resources.STU3.practitioner import Practitioner

from adapters.midwifery.family import Link, links
from adapters.midwifery.newborn import Newborn, facts, newborn, observations
from adapters.nems import EventMessage
from adapters.patients import name_of, person
from schemas.codes import Event, RelationshipKind
from schemas.events import coded
from schemas.message import Fact, Message, Person, Professional, Relationship
from schemas.problem import Problem

_MOTHER: Final = "mother"
_NUMBER_OF_BIRTHS: Final = "382341000000101"
_MOST_BABIES: Final = 9
"""More were never born alive together."""


@dataclass(frozen=True, slots=True)
class Birth:
    """The message a notification comes to, and what a person should look at."""

    message: Message
    warnings: tuple[Problem, ...]


def birth(event: EventMessage) -> Birth | tuple[Problem, ...]:
    """The message in a birth notification: a birth, or of a stillbirth the end of a pregnancy (sharing principle 14)."""
    found = links(event)
    related = [link for link in found if isinstance(link, Link)]
    if not related:
        return tuple(problem for problem in found if isinstance(problem, Problem))
    if len(related) > _MOST_BABIES:
        return (Problem("Bundle.entry", f"leads to more than {_MOST_BABIES} babies", "business-rule"),)
    read = _babies(event, related)
    babies = [baby for baby in read if isinstance(baby, Newborn)]
    if len(babies) < len(read):
        return tuple(problem for problem in read if isinstance(problem, Problem))
    mother, warnings = _mother(event, related)
    warnings.extend(warning for baby in babies for warning in baby.warnings)
    occurred = _occurred(event, babies, warnings)
    live = [baby for baby in babies if not baby.stillborn]
    if live:
        return Birth(_born(event, live, mother, occurred, related, warnings), tuple(warnings))
    if mother:
        return Birth(_ended(event, mother, occurred), tuple(warnings))
    reason = "names no mother to know her by, and of a stillbirth only the end of the pregnancy is told"
    return (Problem("Bundle.entry", reason, "required"),)


def _babies(event: EventMessage, related: list[Link]) -> list[Newborn | Problem]:
    parts = list({link.baby.path: link.baby for link in related}.values())
    keys = ["baby"] if len(parts) == 1 else [f"baby-{number}" for number in range(1, len(parts) + 1)]
    return [newborn(event, part, key) for part, key in zip(parts, keys, strict=True)]


def _mother(event: EventMessage, related: list[Link]) -> tuple[Person | None, list[Problem]]:
    """The mother; None when she is not there, or is there with nothing to know her by."""
    link = next((link for link in related if link.mother), None)
    if link is None or link.mother is None:
        return None, []
    mother, doubts = person(link.mother, _MOTHER, event)
    warnings = list(doubts)
    if link.kind is not RelationshipKind.MOTHER:
        warnings.append(
            Problem(f"{link.path}.relationship", "is not that of a mother; it was kept as another", "value", "warning")
        )
    return (mother if mother.identifiers or mother.family else None), warnings


def _occurred(event: EventMessage, babies: list[Newborn], warnings: list[Problem]) -> datetime:
    times = [baby.born for baby in babies if baby.born]
    if times:
        return min(times)
    days = [baby.person.birth_date for baby in babies if baby.person.birth_date]
    taken = "the beginning of its day" if days else "the time of the message"
    reason = f"has no time of birth; {taken} was taken"
    warnings.append(Problem(f"{babies[0].part.path}.birthDate", reason, "incomplete", "warning"))
    return datetime.combine(min(days), time(), UTC) if days else event.sent


def _born(
    event: EventMessage,
    babies: list[Newborn],
    mother: Person | None,
    occurred: datetime,
    related: list[Link],
    warnings: list[Problem],
) -> Message:
    said: list[Fact] = []
    for baby in babies:
        told, doubts = facts(event, baby)
        said.extend(told)
        warnings.extend(doubts)
    kinds = {link.baby.path: link.kind for link in related}
    return Message(
        id=event.id,
        event=Event.BIRTH,
        sender=None,
        occurred=occurred,
        sent=event.sent,
        subjects=tuple(baby.person.key for baby in babies),
        people=(*(baby.person for baby in babies), *((mother,) if mother else ())),
        relationships=tuple(
            Relationship(person=_MOTHER, kind=kinds[baby.part.path], to=baby.person.key) for baby in babies if mother
        ),
        facts=(*said, *(_number_of_births(event, related) if mother else ())),
        author=_author(event),
        reference=event.reference,
    )


def _ended(event: EventMessage, mother: Person, occurred: datetime) -> Message:
    """No name, number or measure of the baby: how a pregnancy ended is the mother's to tell."""
    return Message(
        id=event.id,
        event=Event.PREGNANCY_END,
        sender=None,
        occurred=occurred,
        sent=event.sent,
        subjects=(_MOTHER,),
        people=(mother,),
        author=_author(event),
        reference=event.reference,
    )


def _number_of_births(event: EventMessage, related: list[Link]) -> Iterator[Fact]:
    """How many were born, of which this notification is one: PDS sends one for each."""
    mother = next(link.mother for link in related if link.mother)
    for _, observation in observations(event, mother, _NUMBER_OF_BIRTHS):
        value = observation.valueQuantity.value if observation.valueQuantity else None
        if isinstance(value, Decimal) and value in range(1, 10):
            yield Fact(code="number-of-fetuses", value=int(value), about=_MOTHER)


def _author(event: EventMessage) -> Professional | None:
    """Who notified the birth."""
    part = event.resolve(event.header.enterer)
    name = name_of(part.resource) if part and isinstance(part.resource, Practitioner) else None
    text = " ".join(filter(None, (*(name.given or ()), name.family))) if name else ""
    return Professional(name=text, role="Notifying practitioner") if text else None


def withdrawal(event: EventMessage) -> Message:
    """The message that takes an earlier birth notification back."""
    return Message(
        id=event.id,
        event=Event.WITHDRAW,
        sender=None,
        occurred=event.sent,
        sent=event.sent,
        subjects=(),
        people=(),
        facts=(Fact(code="withdraw-reason", value=coded("withdraw-reason", "untrue")),),
        reference=event.reference,
    )
