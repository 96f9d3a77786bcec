"""What an event comes to together with the record of the Personal Demographics Service that it pointed to (PDS FHIR, R4 Patient)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, TypeAlias

from adapters.health_visiting.outcomes import PERSON, NotTold, Outcome, Told, said
from adapters.health_visiting.records import Asked, in_place, resource
from adapters.identity import message_id
from adapters.nems_subjects import nhs_number
from adapters.r4 import codes_of
from schemas.bundle.elements import Found, JsonObject, day_of, object_in, objects_in, text_in
from schemas.bundle.entries import Entry
from schemas.bundle.reading_people import People
from schemas.codes import Event
from schemas.identifiers import NHS_NUMBER
from schemas.message import Message, Person, PostalAddress
from schemas.problem import Problem

_KINDS_OF_DEATH: Final[Mapping[str, str]] = {"1": "informal", "2": "formal", "U": "removal"}
"""UKCore-DeathNotificationStatus."""

_SENSITIVE: Final = frozenset({"R", "V"})
"""HL7 Confidentiality: restricted, very restricted."""

_NEW: Final = timedelta(days=1)
"""An address that began so near to the change of the record is what changed; one that began earlier was told before."""

_NOTHING_ELSE: Final = (
    "The record says nothing new of where the person lives or by which number: there is nothing to tell."
)
_SAME_NUMBER: Final = "The record still has the number it had: there is nothing to tell."


@dataclass(frozen=True, slots=True)
class _Answered:
    """The record with the event that asked for it."""

    asked: Asked
    person: Person
    patient: JsonObject

    @property
    def moved(self) -> bool:
        """Whether the record stands under another number by now: the one asked for was superseded."""
        return nhs_number(self.person) != self.asked.number


_Reader: TypeAlias = Callable[[_Answered], tuple[Message, ...] | NotTold]


def told(asked: Asked, body: bytes) -> Outcome:
    """The messages; problems when the record cannot be read, or must not be linked to the number it was asked for."""
    patient = _patient(body)
    if not isinstance(patient, _Read):
        return patient
    person = patient.person
    if nhs_number(person) is None:
        return (Problem("Patient.identifier", "must have an NHS number", "required"),)
    answered = _Answered(asked, person, patient.entry.resource)
    if answered.moved and patient.sensitive:
        reason = "is of a sensitive record that has another number: who may know of both is for a person to decide"
        return (Problem("Patient.meta.security", reason, "security"),)
    reader = _READERS.get(asked.type)
    messages = reader(answered) if reader else NotTold(_NOTHING_ELSE)
    renamed = (_renumbered(answered),) if answered.moved else ()
    if isinstance(messages, NotTold):
        return Told(renamed, patient.warnings) if renamed else messages
    return Told((*renamed, *messages), patient.warnings)


# --- the record -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Read:
    entry: Entry
    person: Person
    sensitive: bool
    warnings: tuple[Problem, ...]


def _patient(body: bytes) -> _Read | tuple[Problem, ...]:
    parsed = resource(body, "Patient")
    if isinstance(parsed, tuple):
        return parsed
    found = Found()
    person = People(parsed.entries, found).all[0]
    problems = in_place((*parsed.warnings, *found.problems), "Patient")
    errors = tuple(problem for problem in problems if problem.severity == "error")
    if errors:
        return errors
    entry = parsed.entries.all[0]
    labels = {text_in(label, "code") for _, label in objects_in(object_in(entry.resource, "meta"), "security")}
    return _Read(
        entry,
        replace(person, key=PERSON, addresses=tuple(_homes(entry.resource, person))),
        bool(labels & _SENSITIVE),
        tuple(problem for problem in problems if problem.severity == "warning"),
    )


_ELSEWHERE: Final = frozenset({"temp", "billing", "work"})
"""Uses of an address where nobody lives: PDS holds temporary ones, for correspondence and of work too."""


def _homes(patient: JsonObject, person: Person) -> Iterator[PostalAddress]:
    """The usual addresses among those read of the person."""
    others = {
        (text_in(address, "postalCode"), _since(address))
        for _, address in objects_in(patient, "address")
        if text_in(address, "use") in _ELSEWHERE
    }
    return (address for address in person.addresses if (address.postcode, address.since) not in others)


def _since(address: JsonObject) -> date | None:
    return day_of(text_in(object_in(address, "period"), "start"), "", Found())


# --- what it tells --------------------------------------------------------------------------------------------------


def _message(answered: _Answered, event: Event, occurred: datetime, kind: str | None, person: Person) -> Message:
    return Message(
        id=message_id(answered.asked.key, event),
        event=event,
        sender=None,
        occurred=occurred,
        kind=kind,
        subjects=(PERSON,),
        people=(person,),
    )


def _renumbered(answered: _Answered) -> Message:
    """One number took the place of another. The old one is told as what it was, and is none of the person's any more."""
    kept = tuple(
        identifier
        for identifier in answered.person.identifiers
        if (identifier.system, identifier.value) != (NHS_NUMBER, answered.asked.number)
    )
    person = replace(answered.person, identifiers=kept)
    message = _message(answered, Event.IDENTIFIER_CHANGE, answered.asked.at, "replaced", person)
    return replace(message, facts=(said("previous-nhs-number", answered.asked.number),))


def _registered(answered: _Answered) -> tuple[Message, ...]:
    kind = "registered" if answered.person.practice else "removed"
    return (_message(answered, Event.GP_REGISTRATION, answered.asked.at, kind, answered.person),)


def _died(answered: _Answered) -> tuple[Message, ...]:
    """A death as the record has it; where it has none, the signal was that a death was removed."""
    kind = _kind_of_death(answered.patient)
    died = answered.person.deceased
    if kind == "removal" or (kind is None and not died):
        alive = replace(answered.person, deceased=False)
        return (_message(answered, Event.DEATH, answered.asked.at, "removal", alive),)
    person = answered.person if died else replace(answered.person, deceased=True)
    occurred = died if isinstance(died, datetime) else answered.asked.at
    return (_message(answered, Event.DEATH, occurred, kind, person),)


def _kind_of_death(patient: JsonObject) -> str | None:
    for _, outer in objects_in(patient, "extension"):
        # PDS has published it under two addresses that end so.
        if (text_in(outer, "url") or "").endswith("DeathNotificationStatus"):
            for _, inner in objects_in(outer, "extension"):
                if inner.get("url") == "deathNotificationStatus":
                    codes = codes_of(object_in(inner, "valueCodeableConcept"))
                    return next((_KINDS_OF_DEATH[code] for code in sorted(codes) if code in _KINDS_OF_DEATH), None)
    return None


def _lives_elsewhere(answered: _Answered) -> tuple[Message, ...] | NotTold:
    """An address that began with the change of the record."""
    day = answered.asked.at.date()
    new = [a for a in answered.person.addresses if a.since is not None and abs(a.since - day) <= _NEW]
    if not new:
        return NotTold(_NOTHING_ELSE)
    return (_message(answered, Event.CHANGE_OF_ADDRESS, answered.asked.at, None, answered.person),)


def _moved_house(answered: _Answered) -> tuple[Message, ...] | NotTold:
    if not answered.person.addresses:
        return NotTold(_NOTHING_ELSE)
    return (_message(answered, Event.CHANGE_OF_ADDRESS, answered.asked.at, None, answered.person),)


def _still_numbered(_: _Answered) -> NotTold:
    return NotTold(_SAME_NUMBER)


_READERS: Final[Mapping[str, _Reader]] = {
    "pds-change-of-gp": _registered,
    "pds-death-notification": _died,
    "pds-change-of-address": _moved_house,
    "pds-record-change": _lives_elsewhere,
    "nhs-number-change": _still_numbered,
    "nems-record-change": _still_numbered,
}
