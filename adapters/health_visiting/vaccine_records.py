"""What a signal of the Immunisation FHIR API comes to together with the record it pointed to (R4 Immunization, UK Core)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from adapters.health_visiting.outcomes import OF_AN_ADULT, PERSON, NotTold, Outcome, Told, code, of_age, said
from adapters.health_visiting.records import Asked, in_place, resource
from adapters.health_visiting.vaccinations import REASONS, SNOMED
from adapters.identity import message_id
from adapters.nems_subjects import nhs_number
from adapters.r4 import codes_of
from schemas.bundle.elements import Found, JsonObject, codings, extension, instant_of, object_in, text_in
from schemas.bundle.reading_people import People
from schemas.codes import Event
from schemas.message import Coding, Fact, Message
from schemas.problem import Problem

_PROCEDURE: Final = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-VaccinationProcedure"
_GIVEN: Final = frozenset({"completed", "not-done"})
_IN_ERROR: Final = "The vaccination was recorded in error: there is nothing to tell."


def told(asked: Asked, body: bytes) -> Outcome:
    """The immunisation; problems when the record cannot be read, or is of somebody else than the signal."""
    parsed = resource(body, "Immunization")
    if isinstance(parsed, tuple):
        return parsed
    given = parsed.entries.all[0].resource
    status = text_in(given, "status")
    if status not in _GIVEN:
        return NotTold(_IN_ERROR)
    found = Found()
    people = People(parsed.entries, found)
    when = instant_of(text_in(given, "occurrenceDateTime"), "Immunization.occurrenceDateTime", found)
    problems = in_place(tuple(found.problems), "Immunization")
    errors = tuple(problem for problem in problems if problem.severity == "error")
    if errors:
        return errors
    person = next((person for person in people.all if nhs_number(person) == asked.number), None)
    if person is None:
        return (Problem("Immunization.patient", "is not the person of the signal", "conflict"),)
    if of_age(person, when or asked.at):
        return NotTold(OF_AN_ADULT)
    vaccine = _vaccine(given)
    if vaccine is None:
        return (Problem("Immunization.vaccineCode", "says neither in a code nor in words which", "required"),)
    message = Message(
        id=message_id(asked.key, Event.IMMUNISATION),
        event=Event.IMMUNISATION,
        sender=None,
        occurred=when or asked.at,
        subjects=(PERSON,),
        people=(replace(person, key=PERSON),),
        facts=(said("immunisation", vaccine), *_why_not(given)),
    )
    doubts = (*in_place(parsed.warnings, "Immunization"), *problems)
    return Told((message,), tuple(doubt for doubt in doubts if doubt.severity == "warning"))


def _vaccine(given: JsonObject) -> Coding | str | None:
    """The procedure, which says the dose too, else the product; in SNOMED CT where it is coded so."""
    for concept in (object_in(extension(given, _PROCEDURE), "valueCodeableConcept"), object_in(given, "vaccineCode")):
        found = _coding(concept) or text_in(concept, "text")
        if found:
            return found
    return None


def _coding(concept: JsonObject) -> Coding | None:
    for system in (SNOMED, None):
        for coding in codings(concept):
            theirs, value = text_in(coding, "system"), text_in(coding, "code")
            if theirs and value and system in (theirs, None):
                return Coding(system=theirs, code=value, display=text_in(coding, "display"))
    return None


def _why_not(given: JsonObject) -> Iterator[Fact]:
    if given.get("status") == "not-done":
        reasons = codes_of(object_in(given, "statusReason"))
        known = {REASONS[reason] for reason in reasons if reason in REASONS}
        yield code("not-given-reason", known.pop() if len(known) == 1 else "other")
