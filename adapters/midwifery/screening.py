"""Outcomes of newborn screening as NEMS tells them: hearing, physical examination (NIPE), blood spot.

The specification: nhsconnect/Events-Management, "Newborn Hearing", "NIPE Outcome", "Blood Spot Test Outcome". A result that changed
comes as `new` again, known by the identifier of its Encounter, which the publisher maintains.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final

from fhir.resources.STU3.codeableconcept import CodeableConcept
from fhir.resources.STU3.diagnosticreport import DiagnosticReport
from fhir.resources.STU3.encounter import Encounter
from fhir.resources.STU3.observation import Observation
from fhir.resources.STU3.patient import Patient
from fhir.resources.STU3.practitioner import Practitioner
from fhir.resources.STU3.procedure import Procedure

from adapters.identity import id_in_record, record_id
from adapters.nems import EventMessage, Part, codes, instant
from adapters.nems_subjects import Subject, subject
from adapters.patients import name_of
from schemas.codes import Event
from schemas.events import coded
from schemas.message import Coding, Fact, Message, Professional
from schemas.problem import Problem

EVENTS: Final = ("newborn-hearing-1", "nipe-outcome-1", "blood-spot-test-outcome-1")

_CHILD: Final = "child"
_PROGRAMME_OUTCOME: Final = "276771000000107"
"""SNOMED CT: what became of the hearing screening as a whole, which is an Observation; each test is a Procedure."""
_WRONG: Final = frozenset({"entered-in-error", "cancelled"})


@dataclass(frozen=True, slots=True)
class Screening:
    """The message that results come to, and what a person should look at."""

    message: Message
    warnings: tuple[Problem, ...]


def screening(event: EventMessage) -> Screening | tuple[Problem, ...]:
    """The message in an event about a result: a measurement, or of a deletion a withdrawal of all that was told of it."""
    found = ((part.resource, part.path) for part in event.parts)
    encounter, path = next(((one, place) for one, place in found if isinstance(one, Encounter)), (None, ""))
    if encounter is None:
        return (Problem("Bundle.entry", "has no Encounter, by which the result is known again", "required"),)
    record, doubts = _record(event, encounter, path)
    if event.change == "delete":
        return Screening(_withdrawal(event, record), doubts)
    child = subject(event, _child(event, encounter), f"{path}.subject", _CHILD)
    if not isinstance(child, Subject):
        return child
    outcomes = tuple(_outcomes(event))
    facts = tuple(fact for fact in outcomes if isinstance(fact, Fact))
    if not facts:
        return (Problem("Bundle.entry", "has no outcome of any test", "required"), *doubts)
    message = Message(
        id=_id(event, record),
        event=Event.MEASUREMENT,
        sender=None,
        occurred=_occurred(event, encounter, facts),
        sent=event.sent,
        subjects=(_CHILD,),
        people=(child.person,),
        facts=facts,
        author=_author(event, encounter),
        reference=record,
    )
    return Screening(
        message, (*doubts, *child.warnings, *(problem for problem in outcomes if isinstance(problem, Problem)))
    )


def _record(event: EventMessage, encounter: Encounter, path: str) -> tuple[str, tuple[Problem, ...]]:
    named = next((identifier for identifier in encounter.identifier or () if identifier.value), None)
    if named is not None:
        return record_id("nems", event.code, named.system or "", named.value or ""), ()
    reason = "is missing: the result is known by the id of its Encounter, which need not last"
    doubt = Problem(f"{path}.identifier", reason, "required", "warning")
    return record_id("nems", event.code, encounter.id or ""), (doubt,)


def _id(event: EventMessage, record: str) -> str:
    """The same change of the record is the same message: `lastUpdated` says when it changed (Message Sequencing)."""
    changed = event.header.meta.lastUpdated if event.header.meta else None
    return id_in_record(record, event.change, str(instant(changed) or event.header.id))


def _withdrawal(event: EventMessage, record: str) -> Message:
    return Message(
        id=_id(event, record),
        event=Event.WITHDRAW,
        sender=None,
        occurred=event.sent,
        sent=event.sent,
        subjects=(),
        people=(),
        facts=(Fact(code="withdraw-reason", value=coded("withdraw-reason", "untrue")),),
        reference=record,
    )


def _child(event: EventMessage, encounter: Encounter) -> Part | None:
    """Whom the Encounter is of; where it does not say, the one Patient there is."""
    patients = [part for part in event.parts if isinstance(part.resource, Patient)]
    if encounter.subject is None and len(patients) == 1:
        return patients[0]
    return event.resolve(encounter.subject)


def _outcomes(event: EventMessage) -> Iterator[Fact | Problem]:
    for part in event.parts:
        resource = part.resource
        if isinstance(resource, Procedure) and resource.status not in _WRONG:
            yield _fact(resource.outcome, f"{part.path}.outcome", resource.performedDateTime)
        elif isinstance(resource, Observation) and _says_the_whole(resource):
            yield _fact(resource.valueCodeableConcept, f"{part.path}.valueCodeableConcept", resource.effectiveDateTime)


def _says_the_whole(observation: Observation) -> bool:
    return _PROGRAMME_OUTCOME in codes(observation.code) and observation.status not in _WRONG


def _fact(concept: CodeableConcept | None, path: str, at: object) -> Fact | Problem:
    written = (concept.coding or ()) if concept else ()
    value: Coding | str = next(
        (Coding(system=one.system, code=one.code, display=one.display) for one in written if one.system and one.code),
        (concept.text if concept else None) or "",
    )
    if isinstance(value, str) and not value.strip():
        return Problem(path, "says no outcome, and the test was left out", "required", "warning")
    return Fact(code="screening-outcome", value=value, about=_CHILD, at=instant(at) or _day(at))


def _day(value: object) -> date | None:
    """A whole date; the models keep `2017-10` as text."""
    return value if isinstance(value, date) and not isinstance(value, datetime) else None


def _occurred(event: EventMessage, encounter: Encounter, facts: tuple[Fact, ...]) -> datetime:
    """When the child was seen, else the last test, else when the report was issued, else when it was told of."""
    period = encounter.period
    issued = [part.resource.issued for part in event.parts if isinstance(part.resource, DiagnosticReport)]
    tests = [_moment(fact.at) for fact in facts]
    said = (_moment(period.start) if period else None, max(filter(None, tests), default=None), *map(_moment, issued))
    return next((at for at in said if at is not None), event.sent)


def _moment(value: object) -> datetime | None:
    day = _day(value)
    return datetime.combine(day, time(), UTC) if day else instant(value)


def _author(event: EventMessage, encounter: Encounter) -> Professional | None:
    for participant in encounter.participant or ():
        part = event.resolve(participant.individual)
        name = name_of(part.resource) if part and isinstance(part.resource, Practitioner) else None
        if name and (name.family or name.given):
            return Professional(name=" ".join(filter(None, (*(name.given or ()), name.family))), role="Screener")
    return None
