"""Health visiting: NEMS events of caseloads and of what the Spine says (FHIR STU3), signals of MNS, and R4 messages of contacts.

**The same event again.** Of a record that lives (an episode of care, a vaccination) the key is made of its event code, the
identifier its publisher maintains, what became of it and when (`meta.lastUpdated`): so a record that is restored after it was
deleted is told again. Of what the Spine says once (practice, address, death) it is made of all the event says and of when the
record changed. Content is all the Bundle says without Bundle.id, Bundle.meta and the header's id, meta and timestamp, the
same in XML and in JSON. NEMS keeps no order: an update or a delete may come before what it is about.
A contact or measurement in R4 is known by the identifier of its resource and the id of the header.
A signal of MNS is known by its type and its id, as a CloudEvent and as an R4 Bundle; its content is type, time, subject, reference and data.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from adapters import r4
from adapters.health_visiting import demographics, encounters, pointers, signals
from adapters.health_visiting.episodes import contact
from adapters.health_visiting.lifecycle import changed_at, happening
from adapters.health_visiting.outcomes import Outcome, answer, settled
from adapters.health_visiting.records import Asked
from adapters.health_visiting.vaccinations import vaccination
from adapters.identity import digest, message_id
from adapters.nems import HEADER, EventMessage, read_header
from adapters.port import Adapter, Completion, Ignored, Lookup, Quarantine, Record, Translation
from adapters.r4 import ForeignMessage
from adapters.stu3 import read
from schemas.bundle.elements import JsonObject, object_in, objects_in
from schemas.limits import parse
from schemas.problem import Problem

_READERS: Final[Mapping[str, Callable[[EventMessage], Outcome | Lookup]]] = {
    "professional-contacts-1": contact,
    "vaccinations-1": vaccination,
    **demographics.READERS,
}

_SUBSCRIPTION: Final = "A subscription that begins or lives says nothing of anybody."
_JSON_BEGINS: Final = b"{"


class HealthVisiting(Adapter):
    """Reads what the national event services send to and from health visiting systems."""

    kind = "health-visiting"

    def translate(self, body: bytes, content_type: str | None, headers: Mapping[str, str]) -> Translation:  # noqa: ARG002 - the port's
        """What the event says. The bytes say what they are, whatever the Content-Type says."""
        event = _event(body)
        match event:
            case _Nems(message, warnings):
                return answer(_outcome(message), happening(message), message.content_key, warnings)
            case ForeignMessage():
                content = event.parsed.content_key
                return answer(encounters.contact(event), message_id("r4", content), content, event.warnings)
            case signals.Signal():
                return answer(pointers.signalled(event), event.key, event.content_key, ())
            case signals.NoEvent():
                return Ignored(_SUBSCRIPTION, key=message_id("mns"), content_key=digest(None))
            case problems:
                return Quarantine(problems)

    def complete(self, body: bytes, content_type: str, lookup: Lookup, record: Record) -> Completion:  # noqa: ARG002 - the port's
        """What an event that pointed to a record comes to with it."""
        event = _event(body)
        match event:
            case _Nems(message):
                subject = lookup.subject.value if lookup.subject else ""
                key = happening(message)
                asked = Asked(type=pointers.NEMS_RECORD_CHANGE, key=key, number=subject, at=changed_at(message))
            case signals.Signal():
                asked = pointers.asked(event)
            case _:
                return Quarantine((Problem("", "is no event that points to a record", "not-supported"),))
        outcome = pointers.together(lookup, asked, record.body)
        return settled(outcome, asked.key, digest([asked.key, record.body.hex()]))


@dataclass(frozen=True, slots=True)
class _Nems:
    message: EventMessage
    warnings: tuple[Problem, ...]


_Event: TypeAlias = _Nems | ForeignMessage | signals.Signal | signals.NoEvent | tuple[Problem, ...]


def _event(body: bytes) -> _Event:
    """The event in some bytes, by what they are."""
    if body.lstrip()[:1] == _JSON_BEGINS:
        document = parse(body)
        if isinstance(document, list):
            return tuple(document)
        if "resourceType" not in document:
            return signals.cloud_event(document)
        if signals.is_history(document):
            return signals.history(document)
        return _foreign(body) if _is_r4(document) else _nems(body)
    return _foreign(body) if _R4_EVENT.search(body) else _nems(body)


_R4_EVENT: Final = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?event(?:Coding|Uri)[\s/>]")
"""The element that R4 has in the place of STU3's `event`; a Bundle in XML does not say its release elsewhere."""


def _is_r4(bundle: JsonObject) -> bool:
    """Whether the header of the message is R4's: STU3 says `event` where it says `eventCoding` or `eventUri`."""
    headers = [object_in(entry, "resource") for _, entry in objects_in(bundle, "entry")[:1]]
    return any("eventCoding" in header or "eventUri" in header for header in headers)


def _foreign(body: bytes) -> _Event:
    parsed = r4.read(body)
    return parsed if isinstance(parsed, tuple) else r4.read_message(parsed)


def _nems(body: bytes) -> _Event:
    parsed = read(body)
    if isinstance(parsed, tuple):
        return parsed
    message = read_header(parsed)
    return (*message, *parsed.warnings) if isinstance(message, tuple) else _Nems(message, parsed.warnings)


def _outcome(event: EventMessage) -> Outcome | Lookup:
    reader = _READERS.get(event.code)
    if reader is None:
        return (Problem(f"{HEADER}.event.code", "is of an event that this adapter does not read", "not-supported"),)
    return reader(event)
