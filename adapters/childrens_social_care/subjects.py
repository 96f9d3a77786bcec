"""Whom a plan is about: a child of the Bundle, a child known by its NHS number alone, or one that is not born yet, by its mother."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from adapters.childrens_social_care.plans import Kind, Plan
from adapters.r4 import Parsed
from schemas.bundle.elements import Found, JsonObject, codings, day_of, object_in, text_in
from schemas.bundle.reading_people import People
from schemas.bundle.reading_relations import relationships
from schemas.codes import RelationshipKind
from schemas.events import FACT_OF
from schemas.identifiers import NHS_NUMBER
from schemas.message import Identifier, Person, Relationship
from schemas.problem import Problem

_CHILD: Final = "child"
_MOTHER: Final = "mother"
_UNBORN: Final = "unborn"

_PDS: Final = "https://api.service.nhs.uk/personal-demographics/FHIR/R4/Patient/"
"""The Personal Demographics Service names its Patients by their NHS numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The child, with everybody the Bundle names."""

    key: str
    people: tuple[Person, ...]
    relationships: tuple[Relationship, ...]

    @property
    def person(self) -> Person:
        """The child."""
        return next(person for person in self.people if person.key == self.key)


def subject_of(plan: Plan, parsed: Parsed, people: People, found: Found) -> Subject | Problem:
    """The child whom the plan is about; a problem where nobody could tell who it is."""
    reference = object_in(plan.resource, "subject") or object_in(plan.flag.resource if plan.flag else {}, "subject")
    key = people.key_of(reference)
    if key is not None:
        named = _Named(key, tuple(people.all))
    else:
        number = _number(reference)
        if number is None:
            return Problem(plan.at("subject"), "is no Patient of the Bundle and has no NHS number", "not-found")
        named = _Named(_CHILD, (Person(key=_CHILD, identifiers=(number,)), *people.all))
    related = tuple(relationships(parsed.entries, people, found))
    if plan.kind is Kind.UNBORN and not named.person.unborn:
        return _unborn(named, related, _expected(parsed, found))
    return Subject(key=named.key, people=named.people, relationships=related)


@dataclass(frozen=True, slots=True)
class _Named:
    key: str
    people: tuple[Person, ...]

    @property
    def person(self) -> Person:
        return next(person for person in self.people if person.key == self.key)


def _number(reference: JsonObject) -> Identifier | None:
    identifier = object_in(reference, "identifier")
    value = text_in(identifier, "value")
    if value is not None and text_in(identifier, "system") == NHS_NUMBER:
        return Identifier(system=NHS_NUMBER, value=value)
    written = text_in(reference, "reference") or ""
    if written.startswith(_PDS) and written != _PDS:
        return Identifier(system=NHS_NUMBER, value=written.removeprefix(_PDS))
    return None


def _unborn(mother: _Named, related: tuple[Relationship, ...], expected: date | None) -> Subject:
    """Until it has a number of its own, the plan of an unborn child is kept under its mother's."""
    if mother.key == _CHILD:
        mother = _Named(_MOTHER, (replace(mother.person, key=_MOTHER), *mother.people[1:]))
    child = Person(key=_UNBORN, unborn=True, expected=expected)
    own = Relationship(person=mother.key, kind=RelationshipKind.MOTHER, to=_UNBORN)
    return Subject(key=_UNBORN, people=(child, *mother.people), relationships=(*related, own))


def _expected(parsed: Parsed, found: Found) -> date | None:
    dates = (day for day in _dates(parsed, found) if day is not None)
    return next(dates, None)


def _dates(parsed: Parsed, found: Found) -> Iterator[date | None]:
    for entry in parsed.entries.of_type("Observation"):
        for coding in codings(object_in(entry.resource, "code")):
            if FACT_OF.get((text_in(coding, "system") or "", text_in(coding, "code") or "")) == "expected-date":
                written = text_in(entry.resource, "valueDateTime")
                yield day_of(written, f"{entry.place}.valueDateTime", found)
