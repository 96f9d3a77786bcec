"""An R4 message Bundle read into a `Message`; whether that says what its event asks for is for `schemas.events`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from schemas.bundle import profile
from schemas.bundle.elements import (
    Found,
    JsonObject,
    code_in,
    codings,
    extension,
    instant_of,
    object_in,
    objects_in,
    text_in,
)
from schemas.bundle.entries import Entries, Entry
from schemas.bundle.foci import FOCUS_TYPES, FocusType
from schemas.bundle.labels import labels
from schemas.bundle.reading_facts import facts, native_facts
from schemas.bundle.reading_header import Header
from schemas.bundle.reading_people import People
from schemas.bundle.reading_relations import household, relationships
from schemas.codes import SYSTEMS, Event
from schemas.events import SPECS, EventSpec
from schemas.events.specification import Time
from schemas.message import Fact, Message
from schemas.problem import Problem

_EVENTS: Final = {event.value: event for event in Event}


def read(bundle: JsonObject) -> tuple[Message | None, list[Problem]]:
    """The message in a Bundle whose structure was checked, and everything wrong with how it says it.

    The message is None when there is no header or no event to read it by. With errors beside it, it must not be used
    for more than answering. Total: never raises, whatever the object holds.
    """
    found = Found()
    entries = Entries(bundle, found)
    if bundle.get("type") != "message":
        found.error("Bundle.type", "must be message")
    entries.check_references(found)
    header = entries.all[0] if entries.all and entries.all[0].type == "MessageHeader" else None
    if header is None:
        found.error("Bundle.entry[0].resource", "must be the MessageHeader", "structure")
        return None, found.problems
    if any(entry is not header for entry in entries.of_type("MessageHeader")):
        found.error("Bundle.entry", "holds more than one MessageHeader", "structure")
    event = _event(header, found)
    message = None if event is None else _Reading(bundle, entries, header, SPECS[event], found).message()
    return message, found.problems


def _event(header: Entry, found: Found) -> Event | None:
    place = f"{header.place}.eventCoding"
    coding = object_in(header.resource, "eventCoding")
    code = code_in(coding, "code", place, found)
    if text_in(coding, "system") != SYSTEMS[Event]:
        found.error(f"{place}.system", f"must be {SYSTEMS[Event]}", "not-supported")
    elif code not in _EVENTS:
        found.error(f"{place}.code", "is no event of the published list", "not-supported")
    else:
        return _EVENTS[code or ""]
    return None


@dataclass(frozen=True, slots=True)
class _Reading:
    """One Bundle with a known event while it is read."""

    bundle: JsonObject
    entries: Entries
    header: Entry
    spec: EventSpec
    found: Found

    def message(self) -> Message:
        people = People(self.entries, self.found)
        listed = list(self._listed())
        foci = [entry for entry in listed if entry.type == self.spec.focus]
        if not foci:
            self.found.error(
                f"{self.header.place}.focus", f"must refer to a resource of type {self.spec.focus}", "required"
            )
        kind = self._kind(foci)
        header, resource = Header(self.header, self.entries, self.found), self.header.resource
        sent = instant_of(text_in(self.bundle, "timestamp"), "Bundle.timestamp", self.found)
        members = tuple(household(self.entries, people, self.found))
        return Message(
            id=self._id(),
            event=self.spec.event,
            sender=header.team(object_in(resource, "sender"), f"{self.header.place}.sender"),
            occurred=self._occurred(foci, kind, sent),
            sent=sent,
            kind=kind,
            subjects=self._subjects(listed, foci, people) or self._everybody(tuple(m.person for m in members)),
            people=tuple(people.all),
            relationships=tuple(relationships(self.entries, people, self.found)),
            household=members,
            facts=self._facts(foci, people),
            author=header.author(),
            basis=header.basis(),
            priority=header.priority(foci),
            to=tuple(header.addressed()),
            reference=text_in(extension(resource, profile.REFERENCE), "valueId"),
            conversation=text_in(extension(resource, profile.CONVERSATION), "valueString"),
            labels=labels(self.bundle, self.entries.all, self.found),
            kept_from=tuple(header.kept_from(people)),
        )

    def _id(self) -> str:
        identity = text_in(self.header.resource, "id")
        if identity is None:
            self.found.error(
                f"{self.header.place}.id", "is required: with the sender it identifies the message", "required"
            )
        return identity or ""

    def _listed(self) -> Iterator[Entry]:
        """What the header's focus refers to; a reference that does not resolve was named already."""
        listed = [reference for _, reference in objects_in(self.header.resource, "focus")]
        if not listed:
            self.found.error(f"{self.header.place}.focus", "is required", "required")
        for reference in listed:
            entry = self.entries.resolve(reference)
            if entry is not None:
                yield entry

    @property
    def _shape(self) -> FocusType:
        return FOCUS_TYPES[self.spec.focus]

    def _subjects(self, listed: list[Entry], foci: list[Entry], people: People) -> tuple[str, ...]:
        """Patients in the focus are the subjects; otherwise whom the other focus resources are about."""
        patients = [people.key_at(entry) for entry in listed if entry.type == "Patient"]
        subjects = patients or [self._subject(entry, people) for entry in foci]
        return tuple(dict.fromkeys(key for key in subjects if key is not None))

    def _subject(self, focus: Entry, people: People) -> str | None:
        named: JsonObject = {}
        if self.spec.focus == "Appointment":
            actors = [object_in(participant, "actor") for _, participant in objects_in(focus.resource, "participant")]
            return next((key for key in map(people.key_of, actors) if key is not None), None)
        if self._shape.subject is not None:
            named = object_in(focus.resource, self._shape.subject)
        key = people.key_of(named)
        if named and key is None:
            self.found.error(f"{focus.place}.{self._shape.subject}", "must be a Patient of the message", "not-found")
        return key

    def _everybody(self, members: tuple[str, ...]) -> tuple[str, ...]:
        """Whom a statement about a household is about when it names nobody in particular."""
        return tuple(dict.fromkeys(members)) if self.spec.focus == "Group" else ()

    def _kind(self, foci: list[Entry]) -> str | None:
        kinds, element = self.spec.kinds, self._shape.kind or "reason"
        for entry in foci if self._shape.kind else [self.header]:
            single = object_in(entry.resource, element)
            concepts = [single] if single else [concept for _, concept in objects_in(entry.resource, element)]
            for coding in (coding for concept in concepts for coding in codings(concept)):
                if kinds is not None and text_in(coding, "system") == kinds.values.system:
                    return code_in(coding, "code", f"{entry.place}.{element}", self.found)
        return None

    def _occurred(self, foci: list[Entry], kind: str | None, sent: datetime | None) -> datetime:
        """The time the header states, else that of the focus, else when the message was sent."""
        stated = text_in(extension(self.header.resource, profile.OCCURRED), "valueDateTime")
        texts = [(f"{self.header.place}.extension", stated), *self._times(foci, kind)]
        moments = (instant_of(text, place, self.found) for place, text in texts if text is not None)
        occurred = next((moment for moment in moments if moment is not None), sent)
        if occurred is None:
            self.found.error(
                self.header.place, "gives no time of the event, and the Bundle has no timestamp", "required"
            )
        return occurred or datetime.fromtimestamp(0, UTC)

    def _times(self, foci: list[Entry], kind: str | None) -> Iterator[tuple[str, str | None]]:
        if self.spec.time is Time.HEADER:
            return
        ended = self.spec.time is Time.END or kind in self.spec.ending_kinds
        for focus in foci:
            if self.spec.focus == "Patient":
                yield from _times_of_patient(self.spec.event, focus)
            elif self._shape.in_period:
                period = object_in(focus.resource, "period")
                yield f"{focus.place}.period", text_in(period, "end" if ended else "start")
            elif self._shape.start is not None:
                yield f"{focus.place}.{self._shape.start}", text_in(focus.resource, self._shape.start)

    def _facts(self, foci: list[Entry], people: People) -> tuple[Fact, ...]:
        observed = list(facts(self.entries, people, self.found))
        said = {fact.code for fact in observed}
        native: list[Fact] = []
        for focus in foci:
            about = None if self.spec.focus in ("Patient", "Group") else self._subject_quietly(focus, people)
            native += native_facts(self.spec.event, focus, about, self.found)
        return (*observed, *(fact for fact in native if fact.code not in said))

    def _subject_quietly(self, focus: Entry, people: People) -> str | None:
        return None if self._shape.subject is None else people.key_of(object_in(focus.resource, self._shape.subject))


def _times_of_patient(event: Event, focus: Entry) -> Iterator[tuple[str, str | None]]:
    """When a Patient's own elements say that the event was."""
    if event is Event.BIRTH:
        born = extension(object_in(focus.resource, "_birthDate"), profile.BIRTH_TIME)
        yield f"{focus.place}.birthDate", text_in(born, "valueDateTime") or text_in(focus.resource, "birthDate")
    elif event is Event.DEATH:
        yield f"{focus.place}.deceasedDateTime", text_in(focus.resource, "deceasedDateTime")
    elif event is Event.CHANGE_OF_ADDRESS:
        for index, address in objects_in(focus.resource, "address"):
            if text_in(object_in(address, "period"), "end") is None:
                yield f"{focus.place}.address[{index}].period", text_in(object_in(address, "period"), "start")
