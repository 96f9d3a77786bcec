"""Transfer of Care mental health discharge summaries in ITK3: the discharge, with what its coded sections say as facts.

The specification: NHS England, "Transfer of Care, Mental Health eDischarge"; its headings are those of the Professional Record Standards
Body, read in `sections`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from fhir.resources.STU3.codeableconcept import CodeableConcept
from fhir.resources.STU3.condition import Condition
from fhir.resources.STU3.encounter import Encounter
from fhir.resources.STU3.location import Location
from fhir.resources.STU3.practitioner import Practitioner

from adapters.cmht import sections
from adapters.cmht.codes import DEAD, DEAD_DESTINATION, destination
from adapters.cmht.stays import PATIENT, Told, withdrawal
from adapters.identity import digest, message_id
from adapters.itk3 import SNOMED, Document, Itk3, Section
from adapters.itk3 import sections as sections_of
from adapters.nems import Part, codes, extension, instant
from adapters.patients import name_of, person
from adapters.port import Ignored, Notifications, Quarantine, Translation
from schemas.codes import Event
from schemas.message import Coding, Fact, FactValue, Person, Professional
from schemas.problem import Problem

_DISCHARGE_SUMMARY: Final = "373942005"
_WRONG: Final = "entered-in-error"
_ANSWER: Final = "An answer to an earlier document: nothing is said of anybody."

_METHOD: Final = (
    "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-DischargeMethod-1",
    "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-DischargeMethod-1",
)


def translate(itk: Itk3) -> Translation:
    """What the document says of a discharge."""
    document = itk.document
    if document is None:
        said = itk.header.id if itk.header else None
        return Ignored(_ANSWER, key=message_id("itk3-answer", said or ""), content_key=digest(said))
    place = document.parts[0].path
    if _DISCHARGE_SUMMARY not in document.types:
        known = Problem(f"{place}.type", "is of a document that is no discharge summary", "not-supported")
        return Quarantine((known, *itk.warnings))
    if document.composition.status == _WRONG:
        return _withdrawn(itk, document)
    subject = document.subject
    if subject is None:
        missing = Problem(f"{place}.subject", "leads to no Patient in the document", "not-found")
        return Quarantine((missing, *itk.warnings))
    return _Reading(itk, document, subject, sections_of(document)).translation()


def _withdrawn(itk: Itk3, document: Document) -> Translation:
    at = document.written or itk.sent
    if at is None:
        return Quarantine((Problem(f"{document.parts[0].path}.date", "must be a time", "required"), *itk.warnings))
    own = message_id(document.id, _WRONG)
    taken_back = withdrawal(own, document.id, at, itk.sent)
    return Notifications((taken_back,), itk.warnings, key=own, content_key=document.content_key)


@dataclass(slots=True)
class _Reading:
    """One discharge summary while it is read, with what a person should look at."""

    itk: Itk3
    document: Document
    subject: Part
    sections: tuple[Section, ...]
    warnings: list[Problem] = field(default_factory=list)

    def translation(self) -> Translation:
        """The discharge as a message."""
        somebody, doubts = person(self.subject, PATIENT, self.document)
        self.warnings += (*self.itk.warnings, *doubts, *sections.doubts(self.sections))
        encounter = self._encounter()
        at = self._discharged(encounter)
        if at is None:
            missing = Problem(f"{self.document.parts[0].path}.date", "must be a time", "required")
            return Quarantine((missing, *self.warnings))
        told = Told(
            id=self.document.id,
            event=Event.MENTAL_HEALTH_DISCHARGE,
            occurred=at,
            sent=self.itk.sent,
            people=(self._as_left(somebody, encounter, at),),
            facts=tuple(dict.fromkeys(self._facts(encounter))),
            author=self._author(),
            reference=self.document.replaces,
        )
        return Notifications(
            (told.message(),), tuple(self.warnings), key=self.document.id, content_key=self.document.content_key
        )

    def _encounter(self) -> Encounter | None:
        """The stay: that of the Composition, or the only one in the document."""
        found = self.document.resolve(self.document.composition.encounter)
        stays = [part.resource for part in self.document.parts if isinstance(part.resource, Encounter)]
        if found is not None and isinstance(found.resource, Encounter):
            return found.resource
        return stays[0] if len(stays) == 1 else None

    def _discharged(self, encounter: Encounter | None) -> datetime | None:
        at = instant(encounter.period.end) if encounter and encounter.period else None
        if at is not None:
            return at
        reason = "has no stay that says when it ended; when the document was written was taken"
        self.warnings.append(Problem(f"{self.document.parts[0].path}.encounter", reason, "incomplete", "warning"))
        return self.document.written or self.itk.sent

    # --- facts

    def _facts(self, encounter: Encounter | None) -> Iterator[Fact]:
        going = destination(_disposition(encounter))
        if going is not None:
            yield _said("discharge-destination", going)
        ward = self._ward(encounter)
        if ward:
            yield _said("ward", ward)
        for part in self.document.parts:
            if isinstance(part.resource, Condition):
                named = _concept(part.resource.code)
                if named:
                    yield _said("diagnosis", named)
        yield from sections.facts(self.sections)

    def _ward(self, encounter: Encounter | None) -> str | None:
        for place in (encounter.location or ()) if encounter else ():
            part = self.document.resolve(place.location)
            if part is not None and isinstance(part.resource, Location) and part.resource.name:
                return str(part.resource.name)
        return None

    def _as_left(self, somebody: Person, encounter: Encounter | None, at: datetime) -> Person:
        """The patient; as dead where the discharge says no more than that."""
        methods = [extension(encounter, url, "valueCodeableConcept") for url in _METHOD] if encounter else []
        coded = bool(codes(*methods) & DEAD) or _disposition(encounter) == DEAD_DESTINATION
        if somebody.deceased not in (None, False) or not (coded or sections.died(self.sections)):
            return somebody
        return replace(somebody, deceased=at)

    def _author(self) -> Professional | None:
        for reference in self.document.composition.author or ():
            part = self.document.resolve(reference)
            name = name_of(part.resource) if part and isinstance(part.resource, Practitioner) else None
            text = " ".join(filter(None, (*(name.prefix or ()), *(name.given or ()), name.family))) if name else ""
            if text:
                return Professional(name=text, role="Author of the discharge summary")
        return None


def _said(code: str, value: FactValue) -> Fact:
    return Fact(code=code, value=value, about=PATIENT)


def _disposition(encounter: Encounter | None) -> str:
    stay = encounter.hospitalization if encounter else None
    concept = stay.dischargeDisposition if stay else None
    return next(iter(sorted(filter(None, codes(concept)))), "")


def _concept(concept: CodeableConcept | None) -> Coding | str | None:
    """A diagnosis as SNOMED CT has it, else in words."""
    for coding in (concept.coding or ()) if concept else ():
        if coding.system == SNOMED and coding.code:
            return Coding(system=SNOMED, code=coding.code, display=coding.display)
    return (concept.text or None) if concept else None
