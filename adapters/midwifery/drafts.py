"""What the reader of one HL7 v2 event may answer, and what its messages have in common."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias

from adapters.hl7v2 import V2Message, people
from adapters.hl7v2.people import Kin, Patient, Stay
from adapters.hl7v2.times import Moment
from adapters.identity import id_in_record, record_id
from schemas.codes import RelationshipKind
from schemas.identifiers import NHS_NUMBER
from schemas.message import Fact, Identifier, Message, Person, Professional, Relationship
from schemas.problem import Problem


@dataclass(frozen=True, slots=True)
class Told:
    """The messages an event comes to, and what a person should look at."""

    messages: tuple[Message, ...]
    warnings: tuple[Problem, ...] = ()
    by_what_it_says: bool = False
    """The ids are made of all that is told, so the same told by another message is the same (a move, in every update that follows)."""


@dataclass(frozen=True, slots=True)
class NotOurs:
    """Understood, and nothing for anybody: why, for the sender."""

    reason: str


Outcome: TypeAlias = Told | NotOurs | tuple[Problem, ...]
"""Problems, at least one of them an error: the event could not be read with enough certainty to tell anybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What most events say: who, since when, with whom. `warnings` are those of all of it."""

    message: V2Message
    patient: Person
    kin: tuple[Kin, ...]
    """Relatives with a name or number, in the order of the message; the mother of PID-21 is one."""
    stay: Stay
    happened: datetime
    warnings: tuple[Problem, ...]

    @property
    def people(self) -> tuple[Person, ...]:
        return (self.patient, *(one.person for one in self.kin))

    @property
    def relationships(self) -> tuple[Relationship, ...]:
        return tuple(one.relationship for one in self.kin if one.relationship)

    @property
    def mother(self) -> Person | None:
        """The patient's mother."""
        return next((one.person for one in self.kin if _is_mother_of(one, self.patient)), None)


def _is_mother_of(one: Kin, patient: Person) -> bool:
    said = one.relationship
    return said is not None and said.kind is RelationshipKind.MOTHER and said.to == patient.key


def read(message: V2Message, key: str = "patient") -> Read | tuple[Problem, ...]:
    """The parts of the message, or what keeps them from being told."""
    found = people.patient(message, key)
    if isinstance(found, Problem):
        return (found,)
    at, doubts = people.happened(message)
    if at is None:
        return (Problem("EVN-2", "is required: when it was recorded, or MSH-7", "required"), *doubts)
    stay = people.stay(message)
    relatives = tuple(_relatives(message, found))
    return Read(
        message=message,
        patient=found.person,
        kin=relatives,
        stay=stay,
        happened=at,
        warnings=(*doubts, *found.warnings, *stay.warnings, *(w for one in relatives for w in one.warnings)),
    )


def _relatives(message: V2Message, patient: Patient) -> Iterator[Kin]:
    """Kin whom somebody could know again. A mother named twice, in NK1 and PID-21, is one."""
    numbered = patient.mother
    for one in people.kin(message, patient.person):
        known = one.person.family or one.person.identifiers
        if one.relationship is None or one.relationship.kind is RelationshipKind.OTHER or not known:
            continue
        if numbered is not None and _is_mother_of(one, patient.person):
            identifiers = tuple(dict.fromkeys((*one.person.identifiers, *numbered.identifiers)))
            yield replace(one, person=replace(one.person, identifiers=identifiers))
            numbered = None
        else:
            yield one
    if numbered is not None:
        mother = Relationship(person=numbered.key, kind=RelationshipKind.MOTHER, to=patient.person.key)
        yield Kin(person=numbered, relationship=mother)


def instant_of(time: Moment | None) -> datetime | None:
    """The instant, or the beginning of the day where no time was given; None of less than a day."""
    if time is None or time.day is None:
        return None
    return time.local.astimezone(UTC)


def attending(message: V2Message) -> Professional | None:
    """Who is responsible for the stay (PV1-7)."""
    doctor = message.first("PV1").first(7)
    name = " ".join(filter(None, (doctor(3), doctor(2))))
    return Professional(name=name, role="Attending professional") if name else None


def parted(found: Iterator[Fact | Problem]) -> tuple[tuple[Fact, ...], tuple[Problem, ...]]:
    """Facts and warnings of what was read."""
    items = tuple(found)
    facts = tuple(item for item in items if isinstance(item, Fact))
    return facts, tuple(item for item in items if isinstance(item, Problem))


def told_once(found: Read, told: Told, what: str, value: str) -> Told:
    """The same, told once however many messages repeat it: known by the person's own number, what is told, and its value."""
    number = _lasting(found.patient)
    if number is None:
        return told
    record = record_id("hl7v2", found.message.application, found.message.facility, what, number.system, number.value)
    messages = tuple(replace(message, id=id_in_record(record, value), reference=record) for message in told.messages)
    return replace(told, messages=messages, by_what_it_says=True)


def _lasting(person: Person) -> Identifier | None:
    """The system's own number for the person, which is there before an NHS number is found; else that."""
    own = (identifier for identifier in person.identifiers if identifier.system != NHS_NUMBER)
    return next(own, next(iter(person.identifiers), None))
