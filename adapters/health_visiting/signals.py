"""Signals of the Multicast Notification Service (MNS): CloudEvents of both versions and R4 notification Bundles, as one value.

The specification: NHSDigital/multicast-notification-service. A signal says of what type it is, whom it is about and where
the record stands; what each type comes to is said in `pointers`. CloudEvents are taken without their media type too:
MNS has published the first version as `application/json`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, TypeAlias

from adapters.identity import digest, message_id
from adapters.r4 import instant
from schemas.bundle.elements import JsonObject, object_in, objects_in, text_in
from schemas.identifiers import MalformedError, NhsNumber
from schemas.problem import Problem

_BEFORE_NUMBER: Final = re.compile(r"(?:https://fhir\.nhs\.uk/Id/nhs-number\|)?(?P<number>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One MNS event, whichever way it was carried."""

    type: str
    """As MNS names it, e.g. `pds-change-of-gp-2`."""
    id: str
    at: datetime
    number: str
    """NHS number of whom it is about."""
    family: str | None = None
    born: date | None = None
    reference: str | None = None
    """Address of the record: dataref, data.fullUrl or the focus."""
    data: JsonObject = field(default_factory=dict)
    """What a CloudEvent of the first version says itself."""
    record: JsonObject | None = None
    """The record, when the signal brought it along (hydrated)."""
    place: str = ""
    """Where its type stands, for problems."""

    @property
    def key(self) -> str:
        """The same for an event as CloudEvent and as R4 Bundle; `source` is spelt in two ways there and not part of it."""
        return message_id("mns", self.type, self.id)

    @property
    def content_key(self) -> str:
        """Digest of all it says, whichever way it was carried."""
        born = self.born.isoformat() if self.born else None
        who = [self.number, self.family, born]
        return digest([self.type, self.at.isoformat(), who, self.reference, self.data, self.record])


@dataclass(frozen=True, slots=True)
class NoEvent:
    """What MNS sends about a subscription itself."""


Read: TypeAlias = Signal | NoEvent | tuple[Problem, ...]


# --- CloudEvents ----------------------------------------------------------------------------------------------------


def cloud_event(event: JsonObject) -> Read:
    """The signal in a CloudEvent: its subject an NHS number, or (first version) an object with name and date of birth."""
    subject = event.get("subject")
    who = object_in(event, "subject")
    data = object_in(event, "data")
    number = text_in(who, "nhsNumber") if who else text_in(event, "subject")
    return _signal(
        _Written(
            type=text_in(event, "type"),
            id=text_in(event, "id"),
            time=text_in(event, "time"),
            number=number,
            family=text_in(who, "familyName"),
            born=text_in(who, "dob"),
            reference=text_in(event, "dataref") or text_in(data, "fullUrl"),
            data=data,
            record=None,
        ),
        _Places("type", "id", "time", "subject.nhsNumber" if isinstance(subject, dict) else "subject"),
    )


# --- R4 Bundles -----------------------------------------------------------------------------------------------------

_STATUS: Final = "Bundle.entry[0].resource.parameter"


def is_history(document: Mapping[str, object]) -> bool:
    """Whether it is a Bundle as R4 subscriptions (Backport) notify."""
    return document.get("resourceType") == "Bundle" and document.get("type") == "history"


def history(bundle: JsonObject) -> Read:
    """The signal in a Bundle of type history that begins with its Parameters."""
    entries = [entry for _, entry in objects_in(bundle, "entry")]
    status = object_in(entries[0], "resource") if entries else {}
    if status.get("resourceType") != "Parameters":
        return (Problem("Bundle.entry[0].resource", "must be the Parameters of a notification", "required"),)
    parameters = [parameter for _, parameter in objects_in(status, "parameter")]
    kind = next((text_in(p, "valueCode") for p in parameters if p.get("name") == "type"), None)
    if kind in ("handshake", "heartbeat"):
        return NoEvent()
    events = [parameter for parameter in parameters if parameter.get("name") == "notification-event"]
    if len(events) != 1:
        return (Problem(f"{_STATUS}('notification-event')", "must be there once", "required"),)
    said, context = dict(_parts(events[0])), dict(_context(parameters))
    focus = text_in(object_in(said.get("focus", {}), "valueReference"), "reference")
    identifier = object_in(object_in(context.get("subject", {}), "valueReference"), "identifier")
    return _signal(
        _Written(
            type=text_in(context.get("event-type", {}), "valueString"),
            id=text_in(bundle, "id") or text_in(status, "id"),
            time=text_in(said.get("timestamp", {}), "valueInstant") or text_in(bundle, "timestamp"),
            number=text_in(identifier, "value"),
            family=None,
            born=None,
            reference=focus,
            data={},
            record=_brought_along(entries[1:], focus),
        ),
        _Places(
            f"{_STATUS}('additional-context').part('event-type')",
            "Bundle.id",
            f"{_STATUS}('notification-event').part('timestamp')",
            f"{_STATUS}('additional-context').part('subject')",
        ),
    )


def _parts(parameter: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    for _, part in objects_in(parameter, "part"):
        yield text_in(part, "name") or "", part


def _context(parameters: list[JsonObject]) -> Iterator[tuple[str, JsonObject]]:
    for parameter in parameters:
        if parameter.get("name") == "additional-context":
            yield from _parts(parameter)


def _brought_along(entries: list[JsonObject], focus: str | None) -> JsonObject | None:
    """The record in focus; MNS's own example of a hydrated signal has an empty object in its place."""
    for entry in entries:
        resource = object_in(entry, "resource")
        if focus is not None and text_in(entry, "fullUrl") == focus and "resourceType" in resource:
            return resource
    return None


# --- what both have in common ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What a signal says, as text."""

    type: str | None
    id: str | None
    time: str | None
    number: str | None
    family: str | None
    born: str | None
    reference: str | None
    data: JsonObject
    record: JsonObject | None


@dataclass(frozen=True, slots=True)
class _Places:
    type: str
    id: str
    time: str
    number: str


def _signal(written: _Written, places: _Places) -> Signal | tuple[Problem, ...]:
    at, number = instant(written.time), _number(written.number)
    problems = [
        Problem(place, "is required", "required")
        for place, there in (
            (places.type, written.type),
            (places.id, written.id),
            (places.time, written.time),
            (places.number, written.number),
        )
        if there is None
    ]
    if written.time is not None and at is None:
        problems.append(Problem(places.time, "is no time with its offset from UTC", "value"))
    if written.number is not None and number is None:
        problems.append(Problem(places.number, "is no NHS number", "value"))
    if problems or written.type is None or written.id is None or at is None or number is None:
        return tuple(problems)
    return Signal(
        type=written.type.strip(),
        id=written.id,
        at=at,
        number=number,
        family=written.family,
        born=_day(written.born),
        reference=written.reference,
        data=written.data,
        record=written.record,
        place=places.type,
    )


def _number(text: str | None) -> str | None:
    found = _BEFORE_NUMBER.fullmatch(text or "")
    try:
        return NhsNumber.parse(found["number"]).value if found else None
    except MalformedError:
        return None


def _day(text: str | None) -> date | None:
    """A whole date: MNS says that a year or a month may stand there, of which no day is ours to choose."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
