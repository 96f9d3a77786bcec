"""StructureDefinition of every extension of ours."""

from collections.abc import Iterator
from typing import Final

from schemas.bundle import profile
from schemas.definitions.metadata import canonical, published

FACT_USE: Final = "fact-use"
KINDS: Final = "kinds"

_SIMPLE: Final[tuple[tuple[str, str, str, str], ...]] = (
    (profile.LAWFUL_BASIS, "MessageHeader", "Coding", "Why the sender may share"),
    (profile.PRIORITY, "MessageHeader", "code", "How urgent the message is, as request-priority"),
    (profile.NOTICE, "MessageHeader", "string", "What urgent messages of Baton say besides: that it is not a referral"),
    (
        profile.REFERENCE,
        "MessageHeader",
        "id",
        "MessageHeader.id of the message this one answers, replaces or withdraws",
    ),
    (profile.CONVERSATION, "MessageHeader", "string", "What messages of one exchange have in common"),
    (profile.OCCURRED, "MessageHeader", "dateTime", "When it happened, where the focus has no element for it"),
    (profile.PROTECTED_ADDRESS, "Address", "boolean", "The address must never be copied on"),
    (profile.UNBORN, "Patient", "date", "The person is not born; the expected date of birth, or why it is not given"),
    (profile.RELATED_PATIENT, "RelatedPerson", "Reference", "The Patient who is the related person"),
    (profile.STANDING, "Group.member", "code", "How the person stands to the household"),
    (canonical("StructureDefinition", KINDS), "MessageDefinition", "canonical", "ValueSet of the event's kinds"),
)

_COMPLEX: Final[tuple[tuple[str, str, str, dict[str, str]], ...]] = (
    (
        canonical("StructureDefinition", FACT_USE),
        "MessageDefinition",
        "A fact that a message of the event must, should or may say",
        {"fact": "Coding", "level": "code", "kind": "code"},
    ),
    (
        profile.RESTRICTED_PARTY,
        "MessageHeader",
        "Somebody none of whose agencies is told of the message, and an agency that employs them",
        {"person": "Reference", "employer": "id"},
    ),
    (
        canonical("StructureDefinition", "task-milestone"),
        "Task",
        "One of the facts delivered, opened, answered, with when and by whom",
        {"kind": "code", "at": "dateTime", "by": "string", "role": "string", "role-kind": "code"},
    ),
)


def structures() -> Iterator[dict[str, object]]:
    """One StructureDefinition an extension."""
    for url, context, kind, text in _SIMPLE:
        yield _extension(url, context, text, [_no_parts(), _url("Extension", url), _value("Extension", kind)])
    for url, context, text, parts in _COMPLEX:
        elements = [element for name, kind in parts.items() for element in _part(name, kind)]
        none: dict[str, object] = {"id": "Extension.value[x]", "path": "Extension.value[x]", "max": "0"}
        yield _extension(url, context, text, [*elements, _url("Extension", url), none])


def _extension(url: str, context: str, text: str, elements: list[dict[str, object]]) -> dict[str, object]:
    identity = url.rsplit("/", 1)[-1]
    return {
        **published("StructureDefinition", identity, identity.replace("-", " ").capitalize(), f"{text}."),
        "fhirVersion": "4.0.1",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": context}],
        "type": "Extension",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
        "derivation": "constraint",
        "differential": {"element": [{"id": "Extension", "path": "Extension", "short": text}, *elements]},
    }


def _no_parts() -> dict[str, object]:
    return {"id": "Extension.extension", "path": "Extension.extension", "max": "0"}


def _url(path: str, url: str) -> dict[str, object]:
    return {"id": f"{path}.url", "path": "Extension.url", "fixedUri": url}


def _value(path: str, kind: str) -> dict[str, object]:
    return {"id": f"{path}.value[x]", "path": "Extension.value[x]", "min": 1, "type": [{"code": kind}]}


def _part(name: str, kind: str) -> list[dict[str, object]]:
    """The elements of one part of an extension that has parts."""
    sliced = f"Extension.extension:{name}"
    nested = "Extension.extension"
    return [
        {"id": sliced, "path": nested, "sliceName": name, "max": "1"},
        {"id": f"{sliced}.url", "path": f"{nested}.url", "fixedUri": name},
        {"id": f"{sliced}.value[x]", "path": f"{nested}.value[x]", "type": [{"code": kind}]},
    ]
