"""GP Connect documents: what a Send Document or Update Record says that concerns anybody else.

The Composition's type says what a document is; neither the event's code nor `LocalExtension` may be used for it (GP
Connect Send Document). Attachments are kept in the original and never read: a PDF says nothing that is certain.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Final

from fhir.resources.STU3.patient import Patient
from fhir.resources.STU3.practitioner import Practitioner
from fhir.resources.STU3.practitionerrole import PractitionerRole

from adapters.gp import codes, drafts
from adapters.gp.drafts import Draft, Sheet
from adapters.identity import digest, message_id
from adapters.itk3 import Document, Itk3, sections
from adapters.nems import Part, instant
from adapters.patients import name_of, person
from adapters.port import Ignored, Notifications, Quarantine, Translation
from schemas.bundle.elements import JsonObject, object_in, objects_in, text_in
from schemas.codes import Event, Function
from schemas.message import Fact, Identifier, Person, Professional
from schemas.problem import Problem

PATIENT: Final = "patient"
"""Key of whom a document is about; of others it names, `person-2` and on."""

REFERRALS: Final = frozenset({"3457005", "306206005", "103696004", "306238000"})
"""SNOMED CT: patient referral, referral to service, to specialist, to social services."""
_REASONS: Final = frozenset(
    {"reason-for-referral", "referral-details", "outbound-referral", "plan-and-requested-actions"}
)
"""Sections (RecordStandardHeadings) that say what is asked of whoever a patient is referred to."""

_WRONG: Final = "entered-in-error"
_ANSWER: Final = "It acknowledges an earlier document; nobody need be told."
_NOTHING: Final = (
    "The document is for information, and has no safeguarding flag, no referral and no missed appointment: whoever it was "
    "sent to has it already."
)


def translate(itk: Itk3) -> Translation:
    """What the message says."""
    document = itk.document
    if document is None:
        header = itk.header
        said = header.response.identifier if header and header.response else ""
        return Ignored(
            _ANSWER,
            key=message_id("itk3-answer", (header.id if header else "") or "", said or ""),
            content_key=digest(said),
        )
    if document.composition.status == _WRONG:
        return _withdrawn(itk, document)
    subject = document.subject
    if subject is None:
        place = f"{document.parts[0].path}.subject"
        return Quarantine((Problem(place, "leads to no Patient in the document", "not-found"), *itk.warnings))
    return _Reading(itk, document, subject).translation()


def _withdrawn(itk: Itk3, document: Document) -> Translation:
    at = document.written or itk.sent
    if at is None:
        return Quarantine((Problem(f"{document.parts[0].path}.date", "must be a time", "required"), *itk.warnings))
    id_ = message_id(document.id, _WRONG)
    withdrawn = drafts.withdrawal(id_, document.id, at)
    return Notifications((withdrawn,), itk.warnings, key=id_, content_key=document.content_key)


class _Reading:
    """One document while it is read, with what a person should look at."""

    def __init__(self, itk: Itk3, document: Document, subject: Part) -> None:
        self.itk = itk
        self.document = document
        self.subject = subject
        self.warnings = list(itk.warnings)
        self.keys = dict(self._keys())
        self.people = {key: self._person(part, key) for part, key in self.keys.items()}

    def translation(self) -> Translation:
        said = list(self._said())
        problems = [item for item in said if isinstance(item, Problem)]
        occurred = self._occurred()
        if occurred is None:
            problems.append(Problem(f"{self.document.parts[0].path}.date", "must be a date", "required"))
        if problems or occurred is None:
            return Quarantine((*problems, *self.warnings))
        found = [item for item in said if isinstance(item, Draft)]
        if not found and self.itk.handling.for_action is not False:
            found = [self._information()]
        if not found:
            return Ignored(_NOTHING, key=self.document.id, content_key=self.document.content_key)
        sheet = Sheet(
            id=self.document.id,
            occurred=occurred,
            sent=self.itk.sent,
            people=tuple(self.people.values()),
            author=self._author(),
            reference=self.document.replaces,
            labels=self.document.labels,
        )
        return Notifications(
            drafts.messages(sheet, found),
            tuple(self.warnings),
            key=self.document.id,
            content_key=self.document.content_key,
        )

    def _keys(self) -> Iterator[tuple[Part, str]]:
        yield self.subject, PATIENT
        others = (part for part in self.document.parts if isinstance(part.resource, Patient) and part != self.subject)
        for number, part in enumerate(others, 2):
            yield part, f"person-{number}"

    def _person(self, part: Part, key: str) -> Person:
        somebody, doubts = person(part, key, self.document)
        self.warnings += doubts
        return somebody

    def _said(self) -> Iterator[Draft | Problem]:
        """What is asked first, then what is told."""
        if self.document.types & REFERRALS:
            yield self._referral()
        for part, resource in self._resources("Appointment"):
            if codes.was_missed(resource):
                yield self._missed(part, resource)
        for part, resource in self._resources("Flag"):
            if codes.is_safeguarding(resource):
                key = self._key(object_in(resource, "subject"))
                if key is None:
                    yield Problem(f"{part.path}.subject", "leads to no Patient in the document", "not-found")
                else:
                    yield drafts.concern(resource, key, part.path)

    def _resources(self, type_name: str) -> Iterator[tuple[Part, JsonObject]]:
        for part, resource in zip(self.document.parts, self.document.contents, strict=True):
            if resource["resourceType"] == type_name:
                yield part, resource

    def _key(self, reference: JsonObject) -> str | None:
        """The person whom a reference means, by its target or by an identifier."""
        part = self.document.by_reference.get(text_in(reference, "reference") or "")
        if part is not None:
            return self.keys.get(part)
        named = object_in(reference, "identifier")
        meant = (text_in(named, "system"), text_in(named, "value"))
        having = (
            key
            for key, person in self.people.items()
            if meant in {(identifier.system, identifier.value) for identifier in person.identifiers}
        )
        return next(having, None)

    def _missed(self, part: Part, appointment: JsonObject) -> Draft | Problem:
        actors = (object_in(participant, "actor") for _, participant in objects_in(appointment, "participant"))
        key = next((key for key in map(self._key, actors) if key is not None), None)
        start = _instant(text_in(appointment, "start"))
        if key is None:
            return Problem(f"{part.path}.participant", "leads to no Patient in the document", "not-found")
        if start is None:
            return Problem(f"{part.path}.start", "must be a time", "required")
        return drafts.missed(appointment, self.people[key], start, part.path)

    def _referral(self) -> Draft | Problem:
        occurred = self._occurred()
        child = occurred is not None and codes.is_child(self.people[PATIENT].birth_date, occurred.date())
        said = codes.labels(object_in(self.document.contents[0], "type"))
        for _, resource in self._resources("HealthcareService"):
            said |= codes.labels(*codes.concepts(resource, "category", "type", "specialty"))
        for _, resource in self._resources("ReferralRequest"):
            said |= codes.labels(*codes.concepts(resource, "specialty", "serviceRequested"))
        function = codes.function_of(said, child=child)
        if function is None:
            place = f"{self.document.parts[0].path}.type"
            return Problem(
                place, "asks for a service that no code names as one Baton knows, or names several", "not-supported"
            )
        return drafts.referral(function, self._reason(), PATIENT)

    def _reason(self) -> str | None:
        said = (section.text for section in sections(self.document) if section.codes & _REASONS)
        return next(filter(None, said), None)

    def _information(self) -> Draft:
        """That a document asks the person's practice for something: which document, and nothing of what is in it."""
        title = (self.document.composition.title or "").strip() or "Document"
        note = f"{title}. The document itself is not passed on: ask its sender for it."
        return Draft(
            event=Event.INFORMATION,
            about=PATIENT,
            kind=Function.GENERAL_PRACTICE,
            facts=(Fact(code="note", value=note, about=PATIENT),),
        )

    def _occurred(self) -> datetime | None:
        written: object = self.document.composition.date  # a day alone is kept as one, whatever the annotation says
        if isinstance(written, date) and not isinstance(written, datetime):
            return datetime.combine(written, time(), UTC)
        return self.document.written or self.itk.sent

    def _author(self) -> Professional | None:
        """Who wrote the document, by name and role."""
        for reference in self.document.composition.author or ():
            part = self.document.resolve(reference)
            if part is None or not isinstance(part.resource, Practitioner):
                continue
            name = name_of(part.resource)
            prefix = (name.prefix or ()) if name else ()
            text = " ".join(filter(None, (*prefix, *(name.given or ()), name.family))) if name else ""
            if text:
                return Professional(
                    name=text,
                    role=self._role(part),
                    identifier=_identifier(part.resource),
                )
        return None

    def _role(self, practitioner: Part) -> str | None:
        for part, resource in self._resources("PractitionerRole"):
            role = part.resource
            assert isinstance(role, PractitionerRole)  # by its resourceType
            if self.document.resolve(role.practitioner) == practitioner:
                said = (codes.words(concept) for concept in codes.concepts(resource, "code"))
                return next(filter(None, said), None)
        return None


def _identifier(practitioner: Practitioner) -> Identifier | None:
    for held in practitioner.identifier or ():
        if held.system and held.value:
            return Identifier(system=held.system, value=held.value)
    return None


def _instant(text: str | None) -> datetime | None:
    try:
        return instant(datetime.fromisoformat(text or ""))
    except ValueError:
        return None
