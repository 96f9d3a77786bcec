"""FHIR R4 messages about an Encounter, as NHS England draws HL7 v2's ADT in FHIR: a stay that began, is on leave, ended, or never was.

What happened is read from the stay itself, whatever the sender calls the event: codes of events differ from system to system, the status
of an Encounter does not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from adapters.cmht.codes import DEAD, DEAD_DESTINATION, destination
from adapters.cmht.stays import Told, minute, withdrawal
from adapters.identity import id_in_record, message_id, record_id
from adapters.port import Ignored, Notifications, Quarantine, Translation
from adapters.r4 import ForeignMessage, codes_of
from schemas.bundle.elements import Found, JsonObject, extension, instant_of, object_in, objects_in, text_in
from schemas.bundle.entries import Entry
from schemas.bundle.reading_facts import facts
from schemas.bundle.reading_header import Header
from schemas.bundle.reading_relations import relationships
from schemas.codes import Event
from schemas.message import Fact, Person
from schemas.problem import Problem

_STAYS: Final = frozenset({"IMP", "ACUTE", "NONAC"})
"""Classes (v3-ActCode) of who stays on a ward."""

_ADMITTED: Final = frozenset({"in-progress", "arrived"})
_NOT_YET: Final = frozenset({"planned", "triaged"})
_NEVER: Final = frozenset({"cancelled", "entered-in-error"})

_METHOD: Final = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-DischargeMethod"

_NO_STAY: Final = "The encounter is no stay on a ward: whoever is told of a stay is told when there is one."
_PLANNED: Final = "The stay has not begun: it is told when somebody comes on the ward."
_CHANGED: Final = "Details of a stay changed, of which nothing is told to those at home: it was told when it began."


def translate(message: ForeignMessage) -> Translation:
    """What the message says of a stay."""
    stays = [entry for entry in message.foci if entry.type == "Encounter"]
    if not stays:
        stays = list(message.of_type("Encounter")) if not message.foci else []
    if len(stays) != 1:
        reason = "leads to no one Encounter, which this adapter reads"
        return Quarantine((Problem(f"{message.header.place}.focus", reason, "not-supported"), *message.warnings))
    return _Reading(message, stays[0], Found(list(message.warnings))).translation()


@dataclass(frozen=True, slots=True)
class _Happened:
    """What a stay says happened last."""

    event: Event
    kind: str | None
    place: str
    text: str | None
    """The time of it, as it was written."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One message while it is read."""

    message: ForeignMessage
    stay: Entry
    found: Found

    def translation(self) -> Translation:
        """The stay as a message, or why nobody is told."""
        status = text_in(self.stay.resource, "status") or ""
        if status in _NEVER:
            return self._withdrawn()
        if text_in(object_in(self.stay.resource, "class"), "code") not in _STAYS:
            return self._ignored(_NO_STAY)
        if status in _NOT_YET:
            return self._ignored(_PLANNED)
        happened = self._happened(status)
        if happened is None:
            place = f"{self.stay.place}.status"
            return self._refused(Problem(place, "does not say whether somebody stays or went home", "code-invalid"))
        said = tuple(facts(self.message.parsed.entries, self.message.people, self.found))
        if self._is_change and happened.event is Event.MENTAL_HEALTH_ADMISSION and not said:
            return self._ignored(_CHANGED)
        return self._told(happened, said)

    def _told(self, happened: _Happened, said: tuple[Fact, ...]) -> Translation:
        key = self.message.people.key_of(object_in(self.stay.resource, "subject"))
        if key is None:
            return self._refused(Problem(f"{self.stay.place}.subject", "is no Patient of the message", "not-found"))
        at = self._at(happened)
        if at is None:
            return self._refused(Problem(happened.place, "is required: when it happened", "required"))
        record = self._record(happened, at)
        told = Told(
            id=self._id_in(record),
            event=happened.event,
            kind=happened.kind,
            occurred=at,
            sent=self.message.sent,
            subject=key,
            people=tuple(self._people(key, happened, at)),
            relationships=tuple(relationships(self.message.parsed.entries, self.message.people, self.found)),
            facts=(*said, *self._facts(key, happened, {fact.code for fact in said})),
            author=Header(self.message.header, self.message.parsed.entries, self.found).author(),
            reference=record,
        )
        return self._answer(told)

    def _answer(self, told: Told) -> Translation:
        if any(problem.severity == "error" for problem in self.found.problems):
            return self._refused()
        return Notifications(
            (told.message(),), self._warnings, key=told.id, content_key=self.message.parsed.content_key
        )

    def _withdrawn(self) -> Translation:
        """Of a stay that never was, that it began is taken back."""
        if self.message.sent is None:
            return self._refused(Problem("Bundle.timestamp", "is required: when the stay was taken back", "required"))
        record = record_id(*self._identity, Event.MENTAL_HEALTH_ADMISSION, "")
        own = self._id_in(record)
        taken_back = withdrawal(own, record, self.message.sent, self.message.sent)
        return Notifications((taken_back,), self._warnings, key=own, content_key=self.message.parsed.content_key)

    def _id_in(self, record: str) -> str:
        """FHIR's rule: the header keeps its id when the same message is sent again."""
        return id_in_record(record, self.message.id or self.message.parsed.content_key)

    def _record(self, happened: _Happened, at: datetime) -> str:
        """The record of what happened: a stay has one beginning and one end, and any number of leaves."""
        of_time = (minute(at),) if happened.kind else ()
        return record_id(*self._identity, happened.event, happened.kind or "", *of_time)

    def _ignored(self, reason: str) -> Ignored:
        key = message_id("encounter", self.message.id or self.message.parsed.content_key)
        return Ignored(reason, key=key, content_key=self.message.parsed.content_key)

    def _refused(self, *problems: Problem) -> Quarantine:
        errors = tuple(problem for problem in self.found.problems if problem.severity == "error")
        return Quarantine((*problems, *errors, *self._warnings))

    @property
    def _warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.found.problems if problem.severity == "warning")

    @property
    def _is_change(self) -> bool:
        """Whether the stay was told before: it is an update, or somebody moved within it."""
        return "update" in self.message.reason or len(objects_in(self.stay.resource, "location")) > 1

    @property
    def _identity(self) -> tuple[str, ...]:
        """By what the stay is known: the number its system gave it, else the id of the resource."""
        for _, identifier in objects_in(self.stay.resource, "identifier"):
            value = text_in(identifier, "value")
            if value is not None:
                return ("encounter", text_in(identifier, "system") or "", value)
        return ("encounter", "", text_in(self.stay.resource, "id") or "")

    def _happened(self, status: str) -> _Happened | None:
        period, place = object_in(self.stay.resource, "period"), f"{self.stay.place}.period"
        if status == "finished":
            return _Happened(Event.MENTAL_HEALTH_DISCHARGE, None, f"{place}.end", text_in(period, "end"))
        history = [item for _, item in objects_in(self.stay.resource, "statusHistory")]
        leaves = [object_in(item, "period") for item in history if text_in(item, "status") == "onleave"]
        last, where = (leaves[-1] if leaves else {}), f"{self.stay.place}.statusHistory"
        if status == "onleave":
            # The history holds what was; the leave that runs may stand there with its beginning, or not yet.
            began = text_in(last, "start") if text_in(last, "end") is None else None
            return _Happened(Event.MENTAL_HEALTH_LEAVE, "leave", where, began or self._sent)
        if status in _ADMITTED and text_in(last, "end") is not None:
            return _Happened(Event.MENTAL_HEALTH_LEAVE, "returned", where, text_in(last, "end"))
        if status in _ADMITTED:
            return _Happened(Event.MENTAL_HEALTH_ADMISSION, None, f"{place}.start", text_in(period, "start"))
        return None

    @property
    def _sent(self) -> str | None:
        return text_in(self.message.parsed.content, "timestamp")

    def _at(self, happened: _Happened) -> datetime | None:
        return instant_of(happened.text, happened.place, self.found)

    def _people(self, key: str, happened: _Happened, at: datetime) -> Iterator[Person]:
        stay = object_in(self.stay.resource, "hospitalization")
        methods = (self.stay.resource, stay)
        said = codes_of(*(object_in(extension(one, _METHOD), "valueCodeableConcept") for one in methods))
        died = bool(said & DEAD) or DEAD_DESTINATION in codes_of(object_in(stay, "dischargeDisposition"))
        for person in self.message.people.all:
            left = person.key == key and happened.event is Event.MENTAL_HEALTH_DISCHARGE and died
            yield replace(person, deceased=at) if left and person.deceased in (None, False) else person

    def _facts(self, key: str, happened: _Happened, said: set[str]) -> Iterator[Fact]:
        """What the stay says in elements of its own and no Observation did."""
        concept = object_in(object_in(self.stay.resource, "hospitalization"), "dischargeDisposition")
        going = next(filter(None, map(destination, sorted(codes_of(concept)))), None)
        if going and happened.event is Event.MENTAL_HEALTH_DISCHARGE and "discharge-destination" not in said:
            yield Fact(code="discharge-destination", value=going, about=key)
        ward = self._ward()
        if ward and "ward" not in said:
            yield Fact(code="ward", value=ward, about=key)

    def _ward(self) -> str | None:
        """The place of the stay that is the latest named."""
        places = [object_in(item, "location") for _, item in objects_in(self.stay.resource, "location")]
        return next(filter(None, map(self._name_of, reversed(places))), None)

    def _name_of(self, reference: JsonObject) -> str | None:
        entry = self.message.resolve(reference)
        return text_in(entry.resource, "name") if entry else text_in(reference, "display")
