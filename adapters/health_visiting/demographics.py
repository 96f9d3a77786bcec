"""What the Spine says of a person in NEMS events: another practice, another address, a death, a record that changed.

The specification: nhsconnect/Events-Management, "PDS Change of GP", "PDS Change of Address", "PDS Death Notification", "PDS Record
Change". Each is sent once, as `new`; what a later one says takes the place of what an earlier one said.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from fhir.resources.STU3.communication import Communication
from fhir.resources.STU3.episodeofcare import EpisodeOfCare
from fhir.resources.STU3.organization import Organization
from fhir.resources.STU3.patient import Patient

from adapters.health_visiting.lifecycle import changed_at, happening, midnight
from adapters.health_visiting.outcomes import PERSON, Outcome, Told, said
from adapters.health_visiting.pointers import of_spine
from adapters.nems import HEADER, EventMessage, codes, extension
from adapters.nems_subjects import Subject, nhs_number, subject
from adapters.patients import ods_code
from adapters.port import Lookup
from schemas.codes import Event
from schemas.message import Fact, Message, Person
from schemas.problem import Problem

_DEATH: Final = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-DeathNotificationStatus-1"
_KINDS: Final[Mapping[str | None, str]] = {"1": "informal", "2": "formal", "U": "removal"}
"""CareConnect-DeathNotificationStatus-1; `U`, by which a death is taken back, stands in the specification alone."""

_PRIMARY_CARE: Final = "1"
"""EMS-PDS-PatientCareProvisionType-1: the registration that ended."""


def change_of_gp(event: EventMessage) -> Outcome:
    """A registration with a practice; a removal from the list where the event names none that takes the person."""
    who = _subject(event)
    if not isinstance(who, Subject):
        return who
    left = _practice_left(event)
    previous = (said("previous-practice", left),) if left else ()
    if who.person.practice is None and left is not None:
        removed = replace(who.person, practice=left)
        return _told(event, who, removed, Event.GP_REGISTRATION, "removed", event.sent, ())
    return _told(event, who, who.person, Event.GP_REGISTRATION, "registered", event.sent, previous)


def _practice_left(event: EventMessage) -> str | None:
    """ODS code of the practice whose registration ended."""
    for part in event.parts:
        if isinstance(part.resource, EpisodeOfCare) and _PRIMARY_CARE in codes(*(part.resource.type or ())):
            practice = event.resolve(part.resource.managingOrganization)
            if practice and isinstance(practice.resource, Organization):
                return ods_code(practice.resource)
    return None


def change_of_address(event: EventMessage) -> Outcome:
    """Another usual address. Since when the person lives there stands in the address; the event is the change of the record."""
    who = _subject(event)
    if not isinstance(who, Subject):
        return who
    if not who.person.addresses:
        return (Problem(f"{who.part.path}.address", "has none that is not an old one", "required"), *who.warnings)
    return _told(event, who, who.person, Event.CHANGE_OF_ADDRESS, None, event.sent, ())


def death(event: EventMessage) -> Outcome:
    """A death believed (informal) or registered (formal), or that a death was recorded in error (removal)."""
    who = _subject(event)
    if not isinstance(who, Subject):
        return who
    kind = "removal" if event.change == "delete" else _kind_of_death(who)
    place = f"{who.part.path}.extension('{_DEATH}')"
    if kind is None and not who.person.deceased:
        return (Problem(place, "must be 1 (informal), 2 (formal) or U (removed)", "code-invalid"), *who.warnings)
    if kind is None:
        doubt = Problem(place, "does not say whether the death is registered", "code-invalid", "warning")
        who = replace(who, warnings=(*who.warnings, doubt))
    return _death(event, who, kind)


def _death(event: EventMessage, who: Subject, kind: str | None) -> Outcome:
    if kind == "removal":
        return _told(event, who, replace(who.person, deceased=False), Event.DEATH, kind, changed_at(event), ())
    died = who.person.deceased
    person = who.person if died else replace(who.person, deceased=True)
    occurred = died if isinstance(died, datetime) else midnight(died) or changed_at(event)
    return _told(event, who, person, Event.DEATH, kind, occurred, ())


def _kind_of_death(who: Subject) -> str | None:
    patient = who.part.resource
    assert isinstance(patient, Patient)  # as `subject` made sure
    outer = next((given for given in patient.extension or () if given.url == _DEATH), None)
    status = codes(extension(outer, "deathNotificationStatus", "valueCodeableConcept")) if outer else set()
    return _KINDS.get(status.pop()) if len(status) == 1 else None


def record_change(event: EventMessage) -> Lookup | Outcome:
    """A record that changed. The event says no more, by design: the record itself says whether it has another number now."""
    who = _subject(event)
    if not isinstance(who, Subject):
        return who
    number = nhs_number(who.person)
    if number is None:
        return (Problem(f"{who.part.path}.identifier", "must have an NHS number", "required"),)
    return of_spine(number)


def _subject(event: EventMessage) -> Subject | tuple[Problem, ...]:
    """The Patient that the focus is, or that the Communication in focus is about."""
    focus = event.resolve(next(iter(event.header.focus or ()), None))
    if focus and isinstance(focus.resource, Communication):
        return subject(event, event.resolve(focus.resource.subject), f"{focus.path}.subject")
    return subject(event, focus, f"{HEADER}.focus")


def _told(
    event: EventMessage,
    who: Subject,
    person: Person,
    what: Event,
    kind: str | None,
    occurred: datetime,
    facts: tuple[Fact, ...],
) -> Told:
    message = Message(
        id=happening(event),
        event=what,
        sender=None,
        occurred=occurred,
        sent=event.sent,
        kind=kind,
        subjects=(PERSON,),
        people=(person,),
        facts=facts,
    )
    return Told((message,), who.warnings)


READERS: Final[Mapping[str, Callable[[EventMessage], Outcome | Lookup]]] = {
    "pds-change-of-gp-1": change_of_gp,
    "pds-change-of-address-1": change_of_address,
    "pds-death-notification-1": death,
    "pds-record-change-1": record_change,
}
