"""HL7 v2 ADT of a mental health trust's own system: who came on a ward, has leave, is back, went home; and what is taken back.

HL7 v2.8.2 chapter 3. A cancellation names what it cancels by the stay; of leave by the time at which it had been, too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from adapters.cmht.codes import DEAD, DEAD_DESTINATION, destination, statement
from adapters.cmht.stays import PATIENT, Told, minute, withdrawal
from adapters.hl7v2 import TRAINING, V2Message
from adapters.hl7v2.people import Kin, happened, kin, patient, sent, stay, time_at, zone_of
from adapters.hl7v2.people import Stay as Visit
from adapters.hl7v2.records import id_of, record_of
from adapters.hl7v2.structure import Field
from adapters.hl7v2.times import Moment
from adapters.identity import record_id
from adapters.port import Ignored, Notifications, Quarantine, Translation
from schemas.codes import FACT_SYSTEM, Event
from schemas.events import FACTS, FactType
from schemas.message import Fact, Message, Person, Professional
from schemas.problem import Problem

_TOLD: Final[Mapping[str, tuple[Event, str | None]]] = {
    "A01": (Event.MENTAL_HEALTH_ADMISSION, None),
    "A06": (Event.MENTAL_HEALTH_ADMISSION, None),  # an outpatient stays
    "A21": (Event.MENTAL_HEALTH_LEAVE, "leave"),
    "A22": (Event.MENTAL_HEALTH_LEAVE, "returned"),
    "A03": (Event.MENTAL_HEALTH_DISCHARGE, None),
    "A07": (Event.MENTAL_HEALTH_DISCHARGE, None),  # an inpatient comes as an outpatient now
}
_CANCELS: Final[Mapping[str, str]] = {"A11": "A01", "A13": "A03", "A52": "A21", "A53": "A22"}
"""The trigger that is taken back."""
_LEAVES: Final[Mapping[str, str]] = {"A21": "leave", "A22": "return"}

"""Processing ids (table 0103) of messages for training and debugging."""

_NOT_TOLD: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("A02", "A12", "A09", "A10", "A15", "A17", "A26", "A32", "A33"),
        "Somebody moved, or did not move, within the hospital: those at home learn of admission, leave and discharge.",
    ),
    **dict.fromkeys(
        ("A04", "A05", "A14", "A16", "A25", "A27", "A38"),
        "Somebody is expected on or off the ward, or came as an outpatient: it is told when they stay or go home.",
    ),
    **dict.fromkeys(
        ("A08", "A28", "A31"),
        "A record was added or changed: practice, address and name are told by general practice and the national feeds.",
    ),
}

_NOT_STAYING: Final[Mapping[str, str]] = {
    **dict.fromkeys(("O", "R"), "outpatient"),
    "E": "emergency",
    "P": "preadmission",
    "C": "commercial account",
}
"""Patient classes (table 0004) of who does not stay on a ward; any other is taken for a stay."""

_MENTAL_HEALTH: Final = range(700, 730)
"""TREATMENT FUNCTION CODEs of mental health and learning disability."""
_FUNCTION_LENGTH: Final = 3

_ICD10: Final = frozenset({"I10", "ICD10", "ICD-10"})
_BATON: Final = frozenset({"BATON", FACT_SYSTEM.upper()})
_SAYABLE: Final = frozenset({FactType.STATEMENT, FactType.TEXT})
"""Facts an OBX may say: what is known in words."""


def translate(message: V2Message) -> Translation:
    """What the message says of a stay."""
    if message.type != "ADT":
        return Quarantine((Problem("MSH-9", "is of a type that is not ADT", "not-supported"), *message.warnings))
    if message.tells_of_nobody:
        return Ignored(TRAINING, key=message.key, content_key=message.content_key)
    reading = _Reading(message, stay(message))
    if message.trigger in _NOT_TOLD:
        return Ignored(_NOT_TOLD[message.trigger], key=message.key, content_key=message.content_key)
    if message.trigger not in _TOLD and message.trigger not in _CANCELS:
        unread = Problem("MSH-9", "is of an event that this adapter does not read", "not-supported")
        return Quarantine((unread, *message.warnings))
    if reading.visit.patient_class in _NOT_STAYING:
        kind = _NOT_STAYING[reading.visit.patient_class]
        reason = f"The patient class says {kind}: whoever is told of a stay is told when there is one."
        return Ignored(reason, key=message.key, content_key=message.content_key)
    return reading.cancelled() if message.trigger in _CANCELS else reading.told()


@dataclass(frozen=True, slots=True)
class _Reading:
    """One ADT message while it is read."""

    message: V2Message
    visit: Visit

    def told(self) -> Translation:
        """What happened, as a message."""
        who = patient(self.message, PATIENT)
        if isinstance(who, Problem):
            return Quarantine((who, *self.message.warnings))
        event, kind = _TOLD[self.message.trigger]
        at, doubts = self._when(event)
        if at is None:
            return Quarantine((_NO_TIME, *doubts, *self.message.warnings))
        related = [one for one in kin(self.message, who.person) if _is_known(one)]
        record = self._record(self.message.trigger, at)
        told = Told(
            id=id_of(self.message, record),
            event=event,
            kind=kind,
            occurred=at,
            sent=sent(self.message),
            people=(self._person(who.person, event, at), *(one.person for one in related)),
            relationships=tuple(one.relationship for one in related if one.relationship),
            facts=tuple(self._said(event)),
            author=self._author(),
            reference=record,
        )
        doubted = (doubt for one in related for doubt in one.warnings)
        return self._answer(told.message(), (*who.warnings, *doubted, *doubts, *self._questions()))

    def cancelled(self) -> Translation:
        """The withdrawal of what did not happen: of an admission or discharge by its stay, of leave by its time besides."""
        cancelled, doubts = happened(self.message)
        stated = _at(time_at(self.message.first("EVN"), 6, zone_of(self.message), []))
        trigger = _CANCELS[self.message.trigger]
        at = stated if trigger in _LEAVES else cancelled
        record = self._record(trigger, at) if at else None
        if record is None or cancelled is None:
            return Quarantine((_NOT_NAMED if self.visit.number else _NO_VISIT, *doubts, *self.message.warnings))
        message = withdrawal(id_of(self.message, record), record, sent(self.message) or cancelled, sent(self.message))
        return self._answer(message, doubts)

    def _answer(self, message: Message, warnings: tuple[Problem, ...]) -> Translation:
        every = dict.fromkeys((*self.message.warnings, *self.visit.warnings, *warnings))
        return Notifications((message,), tuple(every), key=message.id, content_key=self.message.content_key)

    def _record(self, trigger: str, at: datetime) -> str | None:
        """The record that a trigger made of the stay; None of a stay without a number."""
        if trigger not in _LEAVES or not self.visit.number:
            return record_of(self.message, self.visit)
        # A stay has one beginning and one end, and any number of leaves.
        parts = (self.message.application, self.message.facility, _LEAVES[trigger], self.visit.number, minute(at))
        return record_id("hl7v2", *parts)

    def _own_time(self, event: Event) -> Moment | None:
        times = {
            Event.MENTAL_HEALTH_ADMISSION: self.visit.admitted,
            Event.MENTAL_HEALTH_DISCHARGE: self.visit.discharged,
        }
        return times.get(event)

    def _when(self, event: Event) -> tuple[datetime | None, tuple[Problem, ...]]:
        """The time the stay itself states, else that of the event."""
        own = _at(self._own_time(event))
        return (own, ()) if own else happened(self.message)

    def _person(self, person: Person, event: Event, at: datetime) -> Person:
        pv1 = self.message.first("PV1")
        died = pv1.text(36) in DEAD or pv1.text(37) == DEAD_DESTINATION
        if event is Event.MENTAL_HEALTH_DISCHARGE and died and person.deceased in (None, False):
            return replace(person, deceased=at)
        return person

    def _author(self) -> Professional | None:
        """The attending doctor (PV1-7)."""
        doctor = self.message.first("PV1").first(7)
        name = " ".join(filter(None, (doctor(6), doctor(3), doctor(2))))
        return Professional(name=name, role="Attending doctor") if name.strip() else None

    def _said(self, event: Event) -> Iterator[Fact]:
        going = event is Event.MENTAL_HEALTH_DISCHARGE
        where = destination(self.message.first("PV1").text(37)) if going else None
        if where is not None:
            yield Fact(code="discharge-destination", value=where, about=PATIENT)
        if self.visit.ward:
            yield Fact(code="ward", value=self.visit.ward, about=PATIENT)
        until = time_at(self.message.first("PV2"), 47, zone_of(self.message), [])
        if self.message.trigger == "A21" and until is not None and _at(until):
            yield Fact(code="leave-until", value=_at(until) or until.local, about=PATIENT)
        for segment in self.message.all("DG1"):
            named = _diagnosis(segment.first(3)) or segment.text(4)
            if named:
                yield Fact(code="diagnosis", value=named, about=PATIENT)
        yield from self._observed()

    def _observed(self) -> Iterator[Fact]:
        """OBX with a code of Baton's list of facts (OBX-3.3 `BATON`), which HL7 has none for: risk at home, safety of staff."""
        for segment in self.message.all("OBX"):
            code, system = segment.text(3), segment.text(3, 3).upper()
            known = FACTS.get(code) if system in _BATON else None
            if known is None or known.type not in _SAYABLE:
                continue
            words = " ".join(filter(None, (field(1) for field in segment.all(5))))
            value = statement("none" if words.upper() in ("N", "NO", "FALSE") else words)
            if value is not None and (value is not False or known.type is FactType.STATEMENT):
                yield Fact(code=code, value=value, about=PATIENT)

    def _questions(self) -> Iterator[Problem]:
        service = self.visit.service
        if (
            service.isascii()
            and service.isdigit()
            and len(service) == _FUNCTION_LENGTH
            and int(service) not in _MENTAL_HEALTH
        ):
            reason = "is no treatment function of mental health; it was told as of a mental health ward"
            yield Problem("PV1-10", reason, "code-invalid", "warning")


_NO_TIME: Final = Problem("EVN", "is required with a time: nothing else says when it happened", "required")
_NO_VISIT: Final = Problem("PV1-19", "is required: the visit whose event is cancelled", "required")
_NOT_NAMED: Final = Problem("EVN-6", "is required: when what is cancelled had been", "required")


def _at(moment: Moment | None) -> datetime | None:
    """The instant; of a day alone, its beginning where it was written."""
    if moment is None or moment.day is None:
        return None
    return moment.at or moment.local.astimezone(UTC)


def _is_known(one: Kin) -> bool:
    """Whether anybody could tell who it is: a next of kin is often a telephone number."""
    return bool(one.person.identifiers or one.person.family)


def _diagnosis(field: Field) -> str:
    """The words of a coded diagnosis; the code itself where it is ICD-10 and has none."""
    return field(2) or (field(1) if field(3).upper() in _ICD10 else "")
