"""NEMS Vaccinations: a vaccine that was given, or was due and not given.

The specification: nhsconnect/Events-Management, "Vaccinations".
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fhir.resources.STU3.codeableconcept import CodeableConcept
from fhir.resources.STU3.immunization import Immunization

from adapters.health_visiting.lifecycle import changed_at, midnight, record, withdrawal
from adapters.health_visiting.outcomes import OF_AN_ADULT, PERSON, NotTold, Outcome, Told, code, of_age, said
from adapters.nems import HEADER, EventMessage, codes, extension, instant
from adapters.nems_subjects import Subject, subject
from schemas.codes import Event
from schemas.message import Coding, Fact, Message
from schemas.problem import Problem

_PROCEDURE: Final = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-VaccinationProcedure-1"
SNOMED: Final = "http://snomed.info/sct"

REASONS: Final[Mapping[str | None, str]] = {
    "310376006": "declined",  # Immunization consent not given
    "266758009": "contraindicated",  # Immunization contraindicated
    "213257006": "unwell",  # Generally unwell
    "281399006": "not-brought",  # Did not attend: nobody of an age to be vaccinated here comes alone
    "PATOBJ": "declined",
    "RELIG": "declined",
    "IMMUNE": "contraindicated",
    "MEDPREC": "contraindicated",
}
"""SNOMED CT, and HL7's own reasons; any other is `other`."""

_NEVER_TOLD: Final = "The vaccination was recorded in error, and nobody was told of it before."


def vaccination(event: EventMessage) -> Outcome:
    """The vaccination in the event, with why it was not given if it was not."""
    part = event.resolve(next(iter(event.header.focus or ()), None))
    if part is None or not isinstance(part.resource, Immunization):
        return (Problem(f"{HEADER}.focus", "leads to no Immunization in the Bundle", "not-found"),)
    of = record(event, part.resource.identifier)
    if event.change == "delete" or part.resource.status == "entered-in-error":
        return NotTold(_NEVER_TOLD) if event.change == "new" else Told((withdrawal(of),))
    who = subject(event, event.resolve(part.resource.patient), f"{part.path}.patient")
    if not isinstance(who, Subject):
        return who
    vaccine = _vaccine(part.resource)
    if vaccine is None:
        return (Problem(f"{part.path}.vaccineCode", "says neither in a code nor in words which", "required"),)
    at = instant(part.resource.date) or midnight(part.resource.date)
    if of_age(who.person, at or event.sent):
        return NotTold(OF_AN_ADULT)
    message = Message(
        id=of.message,
        event=Event.IMMUNISATION,
        sender=None,
        occurred=at or changed_at(event),
        sent=event.sent,
        subjects=(PERSON,),
        people=(who.person,),
        facts=(said("immunisation", vaccine), *_why_not(part.resource)),
        reference=of.id,
    )
    return Told((message,), (*who.warnings, *_doubts(part.resource, part.path, dated=at is not None)))


def _vaccine(given: Immunization) -> Coding | str | None:
    """The procedure, which says the dose too, else the product; in SNOMED CT where it is coded so."""
    for concept in (extension(given, _PROCEDURE, "valueCodeableConcept"), given.vaccineCode):
        found = _coding(concept) or (concept.text if concept else None)
        if found:
            return found
    return None


def _coding(concept: CodeableConcept | None) -> Coding | None:
    coded: list[Any] = [coding for coding in (concept.coding or () if concept else ()) if coding.system and coding.code]
    best = next((coding for coding in coded if coding.system == SNOMED), coded[0] if coded else None)
    return Coding(system=best.system, code=best.code, display=best.display) if best else None


def _why_not(given: Immunization) -> Iterator[Fact]:
    if given.notGiven:
        reasons = codes(*(given.explanation.reasonNotGiven or ())) if given.explanation else set()
        known = {REASONS[reason] for reason in reasons if reason in REASONS}
        yield code("not-given-reason", known.pop() if len(known) == 1 else "other")


def _doubts(given: Immunization, path: str, *, dated: bool) -> Iterator[Problem]:
    if not dated:
        reason = "is not given as a whole date; the time of the change was taken"
        yield Problem(f"{path}.date", reason, "incomplete", "warning")
    if given.notGiven and not (given.explanation and given.explanation.reasonNotGiven):
        reason = "is missing, so that why it was not given is told as another reason"
        yield Problem(f"{path}.explanation.reasonNotGiven", reason, "incomplete", "warning")
