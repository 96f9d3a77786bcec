"""ITK3 messages and documents in FHIR STU3: the header's handling, the document it carries, its sections; what a document means is read elsewhere.

An ITK3 message is a Bundle of type message whose header's focus is a Bundle of type document: a Composition, then what it
refers to. A document may also come by itself. The specification: nhsconnect/ITK3-Messaging-Distribution; GP Connect Send
Document and Transfer of Care build on it.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from fhir.resources.STU3.bundle import Bundle
from fhir.resources.STU3.composition import Composition, CompositionSection
from fhir.resources.STU3.messageheader import MessageHeader
from fhir.resources.STU3.organization import Organization
from fhir.resources.STU3.patient import Patient
from fhir.resources.STU3.reference import Reference
from lxml import etree

from adapters.fhir_xml import JsonObject
from adapters.identity import digest, message_id
from adapters.nems import Part, extension, instant, parts_of, references
from adapters.patients import ods_code
from adapters.stu3 import Parsed
from adapters.stu3 import read as read_bundle
from schemas.bundle.labels import OF_A_PERSON, high_water, understood
from schemas.problem import Problem

HANDLING: Final = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-ITK-MessageHandling-2"
SNOMED: Final = "http://snomed.info/sct"

_FOR_ACTION: Final = "FA"
_RECIPIENTS: Final = frozenset({_FOR_ACTION, "FI"})

_ATTACHED: Final = re.compile(
    rb"""(<(?:content|data)\s+value=["']|"(?:content|data)"\s*:\s*")([A-Za-z0-9+/=\s\\]{4096,})(["'])"""
)
"""A file in base64 (Binary.content, Attachment.data): up to five megabytes in a Send Document, of which nothing is read."""

_FHIR_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")

_PUBLISHED: Final = (b"{% highlight xml %}", b"{% endhighlight %}")
"""How the specification's own pages wrap their samples, which people send to try a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """What the sender wants done with a message: `Extension-ITK-MessageHandling-2`."""

    infrastructure: bool = True
    """Whether an infrastructure acknowledgement is wanted; where that cannot be known one is sent (ITK3, "Error Codes")."""
    business: bool = False
    """Whether an answer is wanted when people have seen it."""
    for_action: bool | None = None
    """Recipient type FA; False for information (FI), None where the sender says neither."""
    definition: str | None = None
    """Reference of the MessageDefinition."""
    sender_reference: str | None = None
    local: str | None = None
    """`LocalExtension`. It must not be used to tell which document it is (GP Connect); the Composition's type says that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document Bundle, whose first part is its Composition."""

    composition: Composition
    parts: tuple[Part, ...]
    """The Composition, then what stands with it; what stands beside the document too where that refers to it."""
    contents: tuple[JsonObject, ...]
    """The parts in FHIR's JSON form, one for each."""
    by_reference: Mapping[str, Part]
    identifier: tuple[str, str]
    """System and value of the document's identifier; ("", its id) when it has none. The same document keeps it."""
    path: str
    """Where the Bundle stands, e.g. `Bundle.entry[2].resource`."""
    content: JsonObject
    beside: tuple[JsonObject, ...] = ()
    """What belongs to the document and stands outside it."""

    def resolve(self, reference: Reference | None) -> Part | None:
        """The part a reference leads to; None when it is absent, logical, or leads out of the document."""
        return None if reference is None else self.by_reference.get(reference.reference or "")

    @property
    def subject(self) -> Part | None:
        """The patient whom the document is about."""
        found = self.resolve(self.composition.subject)
        return found if found and isinstance(found.resource, Patient) else None

    @property
    def types(self) -> frozenset[str]:
        """SNOMED CT codes of the Composition's type, which alone say what kind of document it is."""
        codings = self.composition.type.coding or ()
        return frozenset(coding.code for coding in codings if coding.system == SNOMED and coding.code)

    @property
    def written(self) -> datetime | None:
        """When the document was written; None where only a day is given."""
        return instant(self.composition.date)

    @property
    def id(self) -> str:
        """Id of the message that the document comes to: made of the document's identifier, whatever carried it."""
        return message_id("itk3", *self.identifier)

    @property
    def replaces(self) -> str | None:
        """Id of the message that the document of which this is the next version came to."""
        for relation in self.composition.relatesTo or ():
            target = relation.targetIdentifier
            if relation.code == "replaces" and target and target.value:
                return message_id("itk3", target.system or "", target.value)
        return None

    @property
    def content_key(self) -> str:
        """Digest of all the document says, without the Bundle's id and meta."""
        said = {name: value for name, value in self.content.items() if name not in ("id", "meta")}
        return digest(said | {"beside": self.beside}) if self.beside else digest(said)

    @property
    def labels(self) -> frozenset[str]:
        """Security labels of the document and of anything in it, by high-water mark; on a Patient R and V are the identity's."""
        said = [
            (isinstance(part.resource, Patient), understood(label.system, label.code))
            for part in self.parts
            if part.resource.meta is not None
            for label in part.resource.meta.security or ()
        ]
        return high_water(label for of_patient, label in said if not of_patient or label not in OF_A_PERSON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of a document, its narrative as text; attachments stay in the original."""

    path: str
    title: str | None
    codes: frozenset[str]
    """Of any system: SNOMED CT in ITK3, `RecordStandardHeadings` in the messages of pharmacies."""
    rows: tuple[tuple[str, str], ...]
    """Rows of the narrative's tables: heading and what stands beside it, in their order."""
    text: str
    """The whole narrative, spaces folded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Itk3:
    """One message, or a document that came by itself."""

    header: MessageHeader | None
    event: str | None
    """`MessageHeader.event.code`, e.g. `ITK007C`; None of a bare document."""
    handling: Handling
    sent: datetime | None
    sender: str | None
    """ODS code of the sending organisation."""
    document: Document | None
    """None of an answer to an earlier message, which carries no document."""
    warnings: tuple[Problem, ...]


def read(body: bytes) -> Itk3 | tuple[Problem, ...]:
    """The ITK3 message or document in `body`, XML or JSON, or the problems that keep it from being read. Never raises."""
    unwrapped, repaired = _unwrapped(body)
    parsed = read_bundle(_without_files(unwrapped))
    if isinstance(parsed, tuple):
        return parsed
    warnings = (*repaired, *parsed.warnings)
    if parsed.bundle.type == "document":
        document = _document(parsed.bundle, parsed.content, "Bundle")
        return document if isinstance(document, tuple) else _bare(document, warnings)
    return _message(parsed, warnings)


def parsed(body: bytes) -> tuple[Parsed | None, bool]:
    """The Bundle alone, None where it cannot be read, and whether it is JSON: for whoever answers it in its own form."""
    unwrapped, _ = _unwrapped(body)
    found = read_bundle(_without_files(unwrapped))
    return None if isinstance(found, tuple) else found, unwrapped.lstrip()[:1] == b"{"


def _unwrapped(body: bytes) -> tuple[bytes, tuple[Problem, ...]]:
    opening, closing = _PUBLISHED
    stripped = body.strip()
    if not (stripped.startswith(opening) and stripped.endswith(closing)):
        return body, ()
    warning = Problem(
        "Bundle", "stood in the markup of the page it was copied from, which was dropped", "value", "warning"
    )
    return stripped[len(opening) : -len(closing)].strip(), (warning,)


def _without_files(body: bytes) -> bytes:
    """The same with a digest in the place of every file, so that another file is other content and none is parsed."""
    return _ATTACHED.sub(lambda found: found[1] + _digest_of(found[2]) + found[3], body)


def _digest_of(file: bytes) -> bytes:
    return base64.b64encode(hashlib.sha256(b"".join(file.split())).digest())


def _bare(document: Document, warnings: tuple[Problem, ...]) -> Itk3:
    custodian = document.resolve(document.composition.custodian)
    return Itk3(
        header=None,
        event=None,
        # Whoever sends a document without a header has nowhere to ask for an acknowledgement.
        handling=Handling(infrastructure=False),
        sent=None,
        sender=_ods(custodian),
        document=document,
        warnings=warnings,
    )


def _message(parsed: Parsed, warnings: tuple[Problem, ...]) -> Itk3 | tuple[Problem, ...]:
    parts = parts_of(parsed.bundle)
    found = header_of(parsed)
    if parsed.bundle.type != "message" or found is None:
        return (Problem("Bundle", "must be a message that begins with a MessageHeader, or a document"),)
    header, place = found.header, found.path
    if place != parts[0].path:
        late = Problem(place, "stands behind other entries, and has to be the first", "structure", "warning")
        warnings = (*warnings, late)
    index = references(parsed.bundle, parts)
    handling, doubts = _handling(header, place)
    document = _carried(parsed, header, parts, index)
    if isinstance(document, tuple):
        return (*document, *warnings)
    return Itk3(
        header=header,
        event=header.event.code,
        handling=handling,
        sent=instant(header.timestamp),
        sender=_ods(index.get((header.sender or Reference()).reference or "")),
        document=document,
        warnings=(*warnings, *doubts),
    )


def _carried(
    parsed: Parsed, header: MessageHeader, parts: tuple[Part, ...], index: Mapping[str, Part]
) -> Document | tuple[Problem, ...] | None:
    """The document in a message; None where the message answers another."""
    focus = index.get((header.focus or [Reference()])[0].reference or "")
    # Senders forget the focus more often than they send two documents.
    found = [part for part in parts if isinstance(part.resource, Bundle)] if focus is None else [focus]
    if not found and header.response is not None:
        return None
    if len(found) != 1 or not isinstance(found[0].resource, Bundle):
        return None if header.response is not None else (_NO_DOCUMENT,)
    inner: Bundle = found[0].resource
    place = found[0].path
    if inner.type != "document":
        return (Problem(f"{place}.type", "must be document", "code-invalid"),)
    contents = [entry["resource"] for entry in parsed.content["entry"] if "resource" in entry]
    document = _document(inner, contents[parts.index(found[0])], place)
    if isinstance(document, tuple) or document.resolve(document.composition.subject) is not None:
        return document
    # Some pharmacies' systems put the Composition alone into the document, and all it refers to beside that.
    beside = [
        (part, content)
        for part, content in zip(parts, contents, strict=True)
        if not isinstance(part.resource, MessageHeader | Bundle)
    ]
    return replace(
        document,
        parts=(*document.parts, *(part for part, _ in beside)),
        contents=(*document.contents, *(content for _, content in beside)),
        beside=tuple(content for _, content in beside),
        by_reference={**index, **document.by_reference},
    )


_NO_DOCUMENT: Final = Problem("Bundle.entry[0].resource.focus", "leads to no document in the Bundle", "not-found")


def _document(bundle: Bundle, content: JsonObject, path: str) -> Document | tuple[Problem, ...]:
    parts = parts_of(bundle, path)
    composition = parts[0].resource if parts else None
    if not isinstance(composition, Composition):
        return (Problem(path, "must begin with a Composition", "required"),)
    return Document(
        composition=composition,
        parts=parts,
        contents=tuple(entry["resource"] for entry in content["entry"] if "resource" in entry),
        by_reference=references(bundle, parts),
        identifier=_identifier(bundle, composition, content),
        path=path,
        content=content,
    )


def _identifier(bundle: Bundle, composition: Composition, content: JsonObject) -> tuple[str, str]:
    for identifier in (bundle.identifier, composition.identifier):
        if identifier and identifier.value:
            return (identifier.system or "", identifier.value)
    return ("", bundle.id or digest(content))


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The header of a message, where it stands, and by which id an answer names it."""

    header: MessageHeader
    path: str
    id: str | None
    """Its own, else that of its address in the Bundle."""


def header_of(parsed: Parsed) -> Header | None:
    """The one MessageHeader of a Bundle; None where there is none, or several."""
    headers = [
        Header(
            header=entry.resource, path=f"Bundle.entry[{index}].resource", id=entry.resource.id or _id_in(entry.fullUrl)
        )
        for index, entry in enumerate(parsed.bundle.entry or ())
        if isinstance(entry.resource, MessageHeader)
    ]
    return headers[0] if len(headers) == 1 else None


def _id_in(url: str | None) -> str | None:
    last = (url or "").removeprefix("urn:uuid:")
    return last if _FHIR_ID.fullmatch(last) else None


def handling_of(header: MessageHeader) -> Handling:
    """What the sender of a message wants done with it."""
    return _handling(header, "")[0]


def _handling(header: MessageHeader, path: str) -> tuple[Handling, tuple[Problem, ...]]:
    found = next((item for item in header.extension or () if item.url == HANDLING), None)
    if found is None:
        missing = "is not there, so how it is to be handled is not known; receipt is acknowledged"
        return Handling(), (Problem(f"{path}.extension('{HANDLING}')", missing, "incomplete", "warning"),)
    wanted = extension(found, "InfAckRequested", "valueBoolean")
    recipient = extension(found, "RecipientType", "valueCoding")
    definition = extension(found, "MessageDefinition", "valueReference")
    return (
        Handling(
            infrastructure=wanted is not False,
            business=extension(found, "BusAckRequested", "valueBoolean") is True,
            for_action=recipient.code == _FOR_ACTION if recipient and recipient.code in _RECIPIENTS else None,
            definition=definition.reference if definition else None,
            sender_reference=extension(found, "SenderReference", "valueString"),
            local=extension(found, "LocalExtension", "valueString"),
        ),
        (),
    )


def _ods(part: Part | None) -> str | None:
    return ods_code(part.resource) if part and isinstance(part.resource, Organization) else None


# --- sections -----------------------------------------------------------------------------------------------------


def sections(document: Document) -> tuple[Section, ...]:
    """Every section of a document, those inside others after them."""
    return tuple(_sections(document.composition.section or (), f"{document.parts[0].path}.section"))


def _sections(listed: Sequence[CompositionSection], path: str) -> Iterator[Section]:
    for index, section in enumerate(listed):
        place = f"{path}[{index}]"
        rows, text = narrative(section.text.div if section.text else None)
        codings = section.code.coding or () if section.code else ()
        yield Section(
            path=place,
            title=section.title,
            codes=frozenset(coding.code for coding in codings if coding.code),
            rows=rows,
            text=text,
        )
        yield from _sections(section.section or (), f"{place}.section")


def narrative(div: str | None) -> tuple[tuple[tuple[str, str], ...], str]:
    """Rows of a narrative's tables, (heading, what stands beside it), and its whole text; nothing where it is no XHTML."""
    if not div or "<!DOCTYPE" in div:  # libxml2 expands entities in attributes whatever the parser is told
        return (), ""
    parser = etree.XMLParser(remove_comments=True, remove_pis=True, resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(div.encode(), parser=parser)
    except (etree.XMLSyntaxError, ValueError):
        return (), ""
    return tuple(_rows(root)), _folded(root)


def _rows(root: etree._Element) -> Iterator[tuple[str, str]]:
    """Headings with what stands beside or under them: the specification asks for subheadings, and leaves their form to the sender."""
    heading = ""
    for row in root.iter("{*}tr"):
        cells = [cell for cell in row if _name(cell) in ("th", "td")]
        texts = [_folded(cell) for cell in cells]
        if len(texts) > 1:
            yield texts[0], " ".join(filter(None, texts[1:]))
        elif heading and texts and _name(cells[0]) == "td":
            yield heading, texts[0]
        heading = texts[0] if len(texts) == 1 and _name(cells[0]) == "th" else ""
    for element in root.iter(*(f"{{*}}{name}" for name in _HEADINGS)):
        yield _folded(element), " ".join(_under(element)).strip()


_HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6", "dt")


def _under(heading: etree._Element) -> Iterator[str]:
    """What follows a heading, up to the next."""
    yield from (heading.tail or "").split()
    for following in heading.itersiblings():
        if _name(following) in _HEADINGS:
            return
        yield _folded(following)
        yield from (following.tail or "").split()


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _folded(element: etree._Element) -> str:
    """Its text, with a space wherever a tag stood and no more than one anywhere."""
    return " ".join(" ".join(element.itertext()).split())
