"""What every NHS England NEMS event message has in common: its header, its life cycle, its parts by reference.

The specification: nhsconnect/Events-Management, "Generic Event Message Requirements". What a kind of event means is read elsewhere.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from fhir.resources.STU3.bundle import Bundle
from fhir.resources.STU3.codeableconcept import CodeableConcept
from fhir.resources.STU3.messageheader import MessageHeader
from fhir.resources.STU3.reference import Reference
from fhir.resources.STU3.resource import Resource

from adapters.fhir_xml import JsonObject
from adapters.identity import digest, message_id
from adapters.stu3 import Parsed
from schemas.problem import Problem

MESSAGE_EVENT_TYPE: Final = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-MessageEventType-1"

Change: TypeAlias = Literal["new", "update", "delete"]
_CHANGES: Final = frozenset(get_args(Change))

HEADER: Final = "Bundle.entry[0].resource"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A resource of the Bundle and the path to it, which alone tells it from others."""

    resource: Resource = field(compare=False)
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMessage:
    """One NEMS event message, its header understood."""

    code: str
    """`MessageHeader.event.code`, e.g. `pds-birth-notification-1`."""
    change: Change
    header: MessageHeader
    sent: datetime
    parts: tuple[Part, ...]
    by_reference: Mapping[str, Part]
    focus: str
    """Id of the resource the message is about; of the header where it names none."""
    content: JsonObject

    def resolve(self, reference: Reference | None) -> Part | None:
        """The part a reference leads to; None when it is absent, logical, or leads out of the Bundle."""
        return None if reference is None else self.by_reference.get(reference.reference or "")

    @property
    def id(self) -> str:
        """Id of the message: of `new`, made of event and focus, so that an update can refer to it; else of the header too."""
        if self.change == "new":
            return message_id("nems", self.code, self.focus)
        return message_id("nems", self.code, self.focus, self.change, self.header.id or "")

    @property
    def reference(self) -> str | None:
        """Id of the message this one updates or deletes."""
        return None if self.change == "new" else message_id("nems", self.code, self.focus)

    @property
    def content_key(self) -> str:
        """Digest of all it says, without Bundle.id, meta, the header's own id and when it was sent."""
        said = {name: value for name, value in self.content.items() if name not in ("id", "meta")}
        return digest(_as_text({**said, "entry": [_said(entry) for entry in self.content["entry"]]}))


def _said(entry: JsonObject) -> JsonObject:
    resource = entry.get("resource", {})
    if resource.get("resourceType") != "MessageHeader":
        return entry
    return {"resource": {name: value for name, value in resource.items() if name not in ("id", "meta", "timestamp")}}


def _as_text(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Every value as XML writes it, so that an event in JSON and the same in XML are one."""
    if isinstance(value, dict):
        return {name: _as_text(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_as_text(member) for member in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def read_header(parsed: Parsed) -> EventMessage | tuple[Problem, ...]:
    """The event message in a Bundle, or the problems that leave it without a known place in a life cycle."""
    bundle = parsed.bundle
    parts = parts_of(bundle)
    header = parts[0].resource if parts else None
    if bundle.type != "message" or not isinstance(header, MessageHeader) or parts[0].path != HEADER:
        return (Problem("Bundle", "must be of type message and begin with a MessageHeader"),)
    change = _change(header)
    if change is None:
        return (
            Problem(f"{HEADER}.extension('{MESSAGE_EVENT_TYPE}')", "must be new, update or delete", "code-invalid"),
        )
    sent = instant(header.timestamp)
    if sent is None or header.event.code is None:
        return (Problem(f"{HEADER}", "must have an event and a timestamp", "required"),)
    index = references(bundle, parts)
    focus = index.get((header.focus or [Reference()])[0].reference or "")
    return EventMessage(
        code=header.event.code,
        change=change,
        header=header,
        sent=sent,
        parts=parts,
        by_reference=index,
        focus=(focus.resource if focus else header).id or "",
        content=parsed.content,
    )


def _change(header: MessageHeader) -> Change | None:
    said = codes(extension(header, MESSAGE_EVENT_TYPE, "valueCodeableConcept"))
    return cast(Change, said.pop()) if len(said) == 1 and said <= _CHANGES else None


def parts_of(bundle: Bundle, path: str = "Bundle") -> tuple[Part, ...]:
    """The resources of a Bundle that stands at `path`."""
    return tuple(
        Part(resource=entry.resource, path=f"{path}.entry[{index}].resource")
        for index, entry in enumerate(bundle.entry or ())
        if entry.resource is not None
    )


def references(bundle: Bundle, parts: tuple[Part, ...]) -> dict[str, Part]:
    """Every reference by which each part of a Bundle can be named: `Patient/{id}`, and its fullUrl, which wins."""
    return dict(_references(bundle, parts))


def _references(bundle: Bundle, parts: tuple[Part, ...]) -> Iterator[tuple[str, Part]]:
    for part in parts:
        if part.resource.id:
            yield f"{part.resource.get_resource_type()}/{part.resource.id}", part
    urls = (entry.fullUrl for entry in bundle.entry or () if entry.resource is not None)
    for url, part in zip(urls, parts, strict=True):
        if url:
            yield url, part


def extension(element: Any, url: str, value: str) -> Any:  # noqa: ANN401 - the models are untyped
    """The value of an element's extension; None when it has none, or one of another type."""
    for found in element.extension or ():
        if found.url == url:
            return getattr(found, value)
    return None


def codes(*concepts: CodeableConcept | None) -> set[str | None]:
    """Every code of some concepts, whatever its system."""
    return {coding.code for concept in concepts if concept for coding in concept.coding or ()}


def instant(value: object) -> datetime | None:
    """An instant or a full dateTime in UTC; None for a date alone, which the models keep as text or as a date."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    try:
        return value.astimezone(UTC)
    except OverflowError:  # the year 1, east of Greenwich
        return None
