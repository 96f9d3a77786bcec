"""From untrusted bytes to a FHIR R4 (4.0.1) Bundle of somebody else's profile, and its message's header; what it means is read elsewhere.

Structure is asked of HL7's own schema, and persons, references and relationships are read by what reads Baton's own
messages (`schemas.bundle`): R4 is R4. Only what depends on our profile is not used. The other releases of FHIR are not
read here: R4B and R5 differ in what they call the same.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import orjson

from adapters.fhir_times import repaired
from adapters.fhir_xml import MOST_BYTES, MOST_DEPTH, MOST_ENTRIES, Element, JsonObject, Walk, tree
from adapters.identity import digest
from schemas.bundle.elements import Found, codings, instant_of, object_in, objects_in, text_in
from schemas.bundle.entries import Entries, Entry
from schemas.bundle.reading_people import People
from schemas.identifiers import ODS, MalformedError, OdsCode
from schemas.limits import Limits, parse
from schemas.problem import Problem
from schemas.structure import check_bundle
from schemas.tables import definitions, resource_types

HEADER: Final = "Bundle.entry[0].resource"

_LIMITS: Final = Limits(bytes=MOST_BYTES, depth=2 * MOST_DEPTH, entries=MOST_ENTRIES)
"""As of XML; an element that repeats is two brackets of JSON."""

_MOST_PROBLEMS: Final = 50
"""More than a person will read; the first ones say what is wrong."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A Bundle that has the structure R4 demands, its parts found by reference, and what was repaired to read it."""

    content: JsonObject
    """The Bundle in FHIR's JSON form, whichever way it came."""
    entries: Entries
    warnings: tuple[Problem, ...]

    @property
    def type(self) -> str:
        """`Bundle.type`: message, collection, history."""
        return str(self.content["type"])

    @property
    def content_key(self) -> str:
        """Digest of all it says, without Bundle.id and meta, when it was sent, and the id and meta of a MessageHeader."""
        said = {name: value for name, value in self.content.items() if name not in ("id", "meta", "timestamp")}
        return digest({**said, "entry": [_said(entry) for entry in self.content.get("entry", ())]})


def _said(entry: JsonObject) -> JsonObject:
    resource = entry.get("resource", {})
    if resource.get("resourceType") != "MessageHeader":
        return entry
    return {"resource": {name: value for name, value in resource.items() if name not in ("id", "meta")}}


def read(body: bytes) -> Parsed | tuple[Problem, ...]:
    """The Bundle in `body`, or the problems that keep it from being read. Never raises.

    JSON is what begins with a brace, whatever its Content-Type; all else must be XML, read as `fhir_xml` says.
    Repaired, with a warning each: ids written as `urn:uuid:`, times without seconds or zone, spaces round values of
    XML, a byte order mark. A reference that leads nowhere is a warning too: one public message in five has one.
    """
    found = _json(body) if _is_json(body) else _xml(body)
    if isinstance(found, tuple):
        return found
    content, warnings = found.content, found.warnings
    _repair(content, "Bundle", warnings)
    problems = check_bundle(content)
    if problems:
        return tuple(problems[:_MOST_PROBLEMS])
    said = Found()
    entries = Entries(content, said)
    duplicated = tuple(problem for problem in said.problems if problem.severity == "error")
    if duplicated:
        return duplicated[:_MOST_PROBLEMS]
    entries.check_references(said)
    warnings += [_warning(problem) for problem in said.problems if problem.severity == "error"]
    return Parsed(content, entries, tuple(warnings[:_MOST_PROBLEMS]))


def _warning(problem: Problem) -> Problem:
    return Problem(problem.path, problem.reason, problem.code, "warning")


def _is_json(body: bytes) -> bool:
    return body.removeprefix(_BYTE_ORDER_MARK).lstrip()[:1] == b"{"


@dataclass(frozen=True, slots=True)
class _Unchecked:
    content: JsonObject
    warnings: list[Problem]


def _json(body: bytes) -> _Unchecked | tuple[Problem, ...]:
    document = parse(body.removeprefix(_BYTE_ORDER_MARK), _LIMITS)
    if isinstance(document, list):
        return tuple(document)
    marked = body.startswith(_BYTE_ORDER_MARK)
    return _Unchecked(document, [_MARKED] if marked else [])


_MARKED: Final = Problem("Bundle", "began with a byte order mark, which was dropped", "structure", "warning")


def _xml(body: bytes) -> _Unchecked | tuple[Problem, ...]:
    root = tree(body)
    if isinstance(root, Problem):
        return (root,)
    walk = Walk(R4)
    content = {"resourceType": "Bundle", **walk.members(root, "Bundle", "Bundle")}
    if walk.problems:
        return tuple(walk.problems[:_MOST_PROBLEMS])
    return _Unchecked(content, walk.warnings)


# --- The tables of R4, out of HL7's schema ------------------------------------------------------------------------


class _R4:
    name = "R4"
    beside = "Element"

    def elements(self, type_name: str) -> Mapping[str, Element]:
        return _elements(type_name)

    def has_resource(self, name: str | None) -> bool:
        return name in resource_types()

    def value(self, kind: Element, text: str) -> object:
        """Booleans and numbers as such; what is none of its type stays text, which the check of structure refuses."""
        if kind.type_name not in _NOT_TEXT:
            return text
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
        return value if isinstance(value, bool | int | float) else text


R4: Final = _R4()

_NOT_TEXT: Final = frozenset({"boolean", "decimal", "integer", "number", "positiveInt", "unsignedInt"})


@cache
def _elements(type_name: str) -> dict[str, Element]:
    properties = definitions()[type_name]["properties"]
    return {
        name: _element(schema)
        for name, schema in properties.items()
        if not name.startswith("_") and name != "resourceType"
    }


def _element(schema: Mapping[str, Any]) -> Element:
    inner = schema.get("items", schema)
    # Codes of a required binding and the primitives of a choice stand in HL7's schema without the name of their type.
    named = str(inner.get("$ref", f"#/{inner.get('type', 'string')}")).rpartition("/")[2]
    type_name = "Resource" if named == "ResourceList" else named
    return Element(type_name, many="items" in schema, primitive=type_name[0].islower())


# --- Repairs ------------------------------------------------------------------------------------------------------

_URN: Final = "urn:uuid:"


@cache
def _names_of_times() -> frozenset[str]:
    """Every element name that stands for a time in some type of R4."""
    times = ("#/definitions/dateTime", "#/definitions/instant")
    named = {
        name
        for definition in definitions().values()
        for name, schema in definition.get("properties", {}).items()
        if schema.get("$ref") in times
    }
    return frozenset(named | {name for name in _names_of_choices() if name.endswith(("DateTime", "Instant"))})


@cache
def _names_of_choices() -> frozenset[str]:
    return frozenset(
        name
        for definition in definitions().values()
        for name, schema in definition.get("properties", {}).items()
        if "pattern" in schema
    )


def _repair(value: object, path: str, warnings: list[Problem]) -> None:
    """Mends in place what can be mended with certainty; paths name only what R4 knows, for the rest is refused later."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            _repair(item, f"{path}[{index}]", warnings)
    elif isinstance(value, dict):
        _repair_ids(value, path, warnings)
        for name, item in value.items():
            if isinstance(item, str) and name in _names_of_times():
                value[name] = _repaired_time(item, f"{path}.{name}", warnings)
            elif isinstance(item, dict | list):
                _repair(item, f"{path}.{name}", warnings)


def _repair_ids(object_: JsonObject, path: str, warnings: list[Problem]) -> None:
    """`urn:uuid:` is no part of an id; it is what references to a resource without an address begin with."""
    identity, resource = object_.get("id"), object_.get("resource")
    if "resourceType" in object_ and isinstance(identity, str) and identity.startswith(_URN):
        object_["id"] = identity.removeprefix(_URN)
        warnings.append(Problem(f"{path}.id", "had urn:uuid: before it, which was dropped", "value", "warning"))
    named = resource.get("id") if isinstance(resource, dict) else None
    if isinstance(named, str) and named.startswith(_URN):
        object_.setdefault("fullUrl", named)
    reference = object_.get("reference")
    if isinstance(reference, str) and f"/{_URN}" in reference:
        object_["reference"] = reference.replace(f"/{_URN}", "/")


def _repaired_time(text: str, path: str, warnings: list[Problem]) -> str:
    mended = repaired(text)
    if mended is None:
        return text
    warnings.append(Problem(path, mended[1], "value", "warning"))
    return mended[0]


# --- The message --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignMessage:
    """One message Bundle, its header understood as R4 has it and no further."""

    parsed: Parsed
    header: Entry
    event: str
    """`MessageHeader.eventCoding.code`, or `eventUri`."""
    system: str
    """System of the code; empty of an `eventUri`."""
    reason: frozenset[str]
    """Codes of `MessageHeader.reason`."""
    sent: datetime | None
    """`Bundle.timestamp`."""
    foci: tuple[Entry, ...]
    """What `MessageHeader.focus` leads to, in its order; references out of the Bundle are left out."""
    people: People
    warnings: tuple[Problem, ...]
    """Of the Bundle, the header and the persons."""

    @property
    def id(self) -> str | None:
        """`MessageHeader.id`, which names the message among those of its sender."""
        return text_in(self.header.resource, "id")

    @property
    def response_to(self) -> str | None:
        """`MessageHeader.response.identifier`: the id of the message this one answers."""
        return text_in(object_in(self.header.resource, "response"), "identifier")

    @property
    def response_code(self) -> str | None:
        """ok, transient-error or fatal-error, of an answer."""
        return text_in(object_in(self.header.resource, "response"), "code")

    @property
    def source(self) -> str | None:
        """`MessageHeader.source.endpoint`, the sending system."""
        return text_in(object_in(self.header.resource, "source"), "endpoint")

    @property
    def sender(self) -> Entry | None:
        """The sending organisation, where the Bundle holds it."""
        return self.parsed.entries.resolve(object_in(self.header.resource, "sender"))

    def of_type(self, *resource_types: str) -> Iterator[Entry]:
        """The entries of these types, in order."""
        return self.parsed.entries.of_type(*resource_types)

    def resolve(self, reference: JsonObject) -> Entry | None:
        """The entry a Reference means; None when it is logical, external, dangling, or to a contained resource."""
        return self.parsed.entries.resolve(reference)


_EVENT: Final = re.compile(rb"""[<"]event(?:Coding|Uri)\b""")
"""What R4's header names its event, which STU3 calls `event`."""


def is_message(body: bytes) -> bool:
    """Whether a message is R4's and not STU3's, before either is read: FHIR has no other mark of its release in a message."""
    return _EVENT.search(body) is not None


def read_message(parsed: Parsed) -> ForeignMessage | tuple[Problem, ...]:
    """The message in a Bundle, or what keeps it from being one: R4 says of its structure no more than of any Bundle."""
    header = parsed.entries.all[0] if parsed.entries.all else None
    if parsed.type != "message" or header is None or header.type != "MessageHeader":
        return (Problem("Bundle", "must be of type message and begin with a MessageHeader"),)
    if any(entry is not header for entry in parsed.entries.of_type("MessageHeader")):
        return (Problem("Bundle.entry", "holds more than one MessageHeader"),)
    coding = object_in(header.resource, "eventCoding")
    event = text_in(coding, "code") or text_in(header.resource, "eventUri")
    if event is None:
        return (Problem(f"{HEADER}.event[x]", "is required", "required"),)
    found = Found()
    people = People(parsed.entries, found)
    sent = instant_of(text_in(parsed.content, "timestamp"), "Bundle.timestamp", found)
    foci = tuple(_foci(parsed.entries, header, found))
    errors = tuple(problem for problem in found.problems if problem.severity == "error")
    if errors:
        return errors
    return ForeignMessage(
        parsed=parsed,
        header=header,
        event=event,
        system=text_in(coding, "system") or "",
        reason=codes_of(object_in(header.resource, "reason")),
        sent=sent,
        foci=foci,
        people=people,
        warnings=(*parsed.warnings, *(problem for problem in found.problems if problem.severity == "warning")),
    )


def _foci(entries: Entries, header: Entry, found: Found) -> Iterator[Entry]:
    for index, reference in objects_in(header.resource, "focus"):
        entry = entries.resolve(reference)
        if entry is not None:
            yield entry
        elif text_in(reference, "reference") is not None:
            place = f"{header.place}.focus[{index}]"
            found.error(place, "leads to nothing in the Bundle: what the message is about is not there", "not-found")


# --- Parts --------------------------------------------------------------------------------------------------------


def codes_of(*concepts: JsonObject) -> frozenset[str]:
    """Every code of some CodeableConcepts, whatever its system."""
    said = (text_in(coding, "code") for concept in concepts for coding in codings(concept))
    return frozenset(code for code in said if code is not None)


def contained_in(resource: JsonObject, reference: JsonObject) -> JsonObject | None:
    """The contained resource that a Reference `#id` means."""
    target = text_in(reference, "reference") or ""
    held = (contained for _, contained in objects_in(resource, "contained"))
    return next((inner for inner in held if target == f"#{text_in(inner, 'id') or ''}"), None)


def ods_code(organisation: JsonObject) -> str | None:
    """The ODS code of an Organization, or of a Reference that identifies one without holding it."""
    held = [object_in(organisation, "identifier"), *(item for _, item in objects_in(organisation, "identifier"))]
    for identifier in held:
        if text_in(identifier, "system") == ODS:
            try:
                return OdsCode.parse(text_in(identifier, "value") or "").value
            except MalformedError:
                continue
    return None


def instant(text: str | None) -> datetime | None:
    """A full dateTime in UTC; None for a date alone and for what is out of the calendar."""
    try:
        moment = datetime.fromisoformat(text or "")
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
