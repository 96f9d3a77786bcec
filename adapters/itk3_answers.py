"""Acknowledgements of ITK3 messages in ITK3: the ITK Response (ITK008M), for infrastructure and for business.

The codes are those of ITK3 Response Codes: 1xxxx of handling, 2xxxx of header and payload, 3xxxx of the care professional. What is
negative is fatal: whoever sent the message hears no more of it.
"""

from typing import Final

from fhir.resources.STU3.bundle import Bundle
from fhir.resources.STU3.messageheader import MessageHeader
from fhir.resources.STU3.organization import Organization

from adapters import itk3
from adapters.fhir_xml import JsonObject
from adapters.identity import message_id
from adapters.itk3 import HANDLING, Handling, Header, handling_of
from adapters.nems import parts_of, references
from adapters.patients import ods_code
from adapters.port import Acknowledgement, Receipt, Rendered
from adapters.stu3 import Parsed
from schemas.codes import CANONICAL, SYSTEMS, ResponseReason
from schemas.identifiers import ODS

XML: Final = "application/fhir+xml; charset=utf-8"
JSON: Final = "application/fhir+json"

_EVENT: Final = "https://fhir.nhs.uk/STU3/CodeSystem/ITK-MessageEvent-2"
_RESPONSE: Final = ("ITK008M", "ITK Response")
_PROFILES: Final = "https://fhir.nhs.uk/STU3/StructureDefinition/"

_WORKFLOWS: Final = {"ITK007C": "GPFED_CONSULT_REPORT_ACK"}
"""MESH workflow ids by which acknowledgements are sent, by the event of what they answer; others as the mailbox sends everything."""

_SUCCESS: Final = ("20013", "Success")
_UNREADABLE: Final = ("10009", "Unreadable message received")
_UNSUPPORTED: Final = ("10004", "Message Definition Value - Processing Error")
_INVALID: Final = ("20009", "Payload validation failure")

_ISSUES: Final = {_INVALID[0]: "invalid", _UNSUPPORTED[0]: "not-supported", ResponseReason.NOT_KNOWN.value: "not-found"}
"""FHIR's issue types of negative codes; any other is `processing`."""
_MOST_NAMED: Final = 10
"""Problems that one acknowledgement names."""

_BUSINESS: Final = {
    ResponseReason.KNOWN_HERE: "Patient known here",
    ResponseReason.NOT_KNOWN: "Patient not known here",
    ResponseReason.NO_LONGER_HERE: "Patient no longer at this clinical setting",
    ResponseReason.DECEASED: "Patient deceased",
    ResponseReason.UNABLE_TO_CONTACT: "Unable to contact patient",
    ResponseReason.NOT_NEEDED: "Not needed",
    ResponseReason.NOT_ACCEPTED: "Not accepted",
    ResponseReason.DUPLICATE: "Duplicate",
    ResponseReason.ACCEPTED: "Accepted",
    ResponseReason.REJECTED: "Rejected",
    ResponseReason.DID_NOT_ATTEND: "Patient did not attend",
}


def respond(answer: Acknowledgement, original: bytes) -> Rendered | None:
    """The ITK Response to a message, in the form that the message has; None where its sender asked for none, or it has no header.

    Receipt of a message that could not be read is acknowledged all the same, as ITK3 wants it, with nothing of it to refer to.
    """
    parsed, in_json = itk3.parsed(original)
    found = itk3.header_of(parsed) if parsed is not None else None
    header = found.header if found else None
    if parsed is not None and header is None:
        return None  # a document by itself
    handling = handling_of(header) if header else Handling()
    wanted = handling.infrastructure if isinstance(answer, Receipt) else handling.business
    if not wanted:
        return None
    number, display, positive = _code(answer)
    workflow = _WORKFLOWS.get((header.event.code if header else None) or "")
    content = _bundle(answer, parsed, found, (number, display), positive=positive)
    if in_json:
        body = Bundle.model_validate(content).model_dump_json().encode()
        return Rendered(body=body, content_type=JSON, workflow=workflow)
    written: object = Bundle.model_validate(content).model_dump_xml()  # bytes, whatever its annotation says
    assert isinstance(written, bytes)
    return Rendered(body=written, content_type=XML, workflow=workflow)


def _code(answer: Acknowledgement) -> tuple[str, str, bool]:
    """Code, display, and whether it is positive."""
    if not isinstance(answer, Receipt):
        # Every sender of ITK3 must know 30001 as a yes; 30016, as Baton says it, came later.
        usual = ResponseReason.KNOWN_HERE if answer.accepted else ResponseReason.REJECTED
        reason = usual if answer.reason in (None, ResponseReason.ACCEPTED) else answer.reason
        return reason.value, _BUSINESS[reason], answer.accepted
    errors = {problem.code for problem in answer.problems if problem.severity == "error"}
    if not errors:
        return *_SUCCESS, True
    if errors == {"not-supported"}:
        return *_UNSUPPORTED, False
    return *(_UNREADABLE if errors <= {"structure", "too-long", "too-costly", "forbidden"} else _INVALID), False


def _bundle(
    answer: Acknowledgement,
    parsed: Parsed | None,
    found: Header | None,
    code: tuple[str, str],
    *,
    positive: bool,
) -> JsonObject:
    """The message: its header, the outcome it refers to, and the organisations that ask and answer, by their ODS codes."""
    entries: dict[str, JsonObject] = {}
    header = found.header if found else None
    said = _response_header(answer, found, positive=positive)
    for role, ods in (("receiver", _sender(parsed, header)), ("sender", answer.by)):
        if ods is not None:
            url = f"urn:uuid:{message_id(answer.id, role)}"
            entries[url] = _organisation(url, ods)
            said[role] = {"reference": url}
    outcome = f"urn:uuid:{message_id(answer.id, 'outcome')}"
    entries[outcome] = _outcome(outcome, answer, code, positive=positive)
    said["response"]["details"] = {"reference": outcome}
    said["focus"] = [{"reference": outcome}]
    listed = {f"urn:uuid:{answer.id}": said, **entries}
    return {
        "resourceType": "Bundle",
        "id": message_id(answer.id, "bundle"),
        "meta": {"profile": [f"{_PROFILES}ITK-Message-Bundle-1"]},
        "identifier": {"system": "https://tools.ietf.org/html/rfc4122", "value": message_id(answer.id, "bundle")},
        "type": "message",
        "entry": [{"fullUrl": url, "resource": resource} for url, resource in listed.items()],
    }


def _response_header(answer: Acknowledgement, found: Header | None, *, positive: bool) -> JsonObject:
    code, display = _RESPONSE
    header = found.header if found else None
    told_to = (header.destination or ()) if header else ()
    response = {
        "identifier": (found.id if found else None) or "unknown",
        "code": "ok" if positive else "fatal-error",
    }
    return {
        "resourceType": "MessageHeader",
        "id": answer.id,
        "meta": {"profile": [f"{_PROFILES}ITK-MessageHeader-2"]},
        "extension": [_asks_nothing(header)],
        "event": {"system": _EVENT, "code": code, "display": display},
        "timestamp": answer.at.isoformat(timespec="seconds"),
        # Whom the original was sent to answers it; a message that names nobody was sent to us.
        "source": {"endpoint": next((to.endpoint for to in told_to if to.endpoint), CANONICAL)},
        "response": response,
    }


def _asks_nothing(header: MessageHeader | None) -> JsonObject:
    """Nothing acknowledges an acknowledgement. The sender's own reference goes back, by which it finds what is answered."""
    recipient = {"system": "https://fhir.nhs.uk/STU3/CodeSystem/ITK-RecipientType-1", "code": "FI"}
    definition = {"reference": "https://fhir.nhs.uk/STU3/MessageDefinition/ITK-Response-MessageDefinition-1"}
    keys: list[JsonObject] = [
        {"url": "BusAckRequested", "valueBoolean": False},
        {"url": "InfAckRequested", "valueBoolean": False},
        {"url": "RecipientType", "valueCoding": recipient | {"display": "For Information"}},
        {"url": "MessageDefinition", "valueReference": definition},
    ]
    reference = handling_of(header).sender_reference if header else None
    if reference:
        keys.append({"url": "SenderReference", "valueString": reference})
    return {"url": HANDLING, "extension": keys}


def _organisation(url: str, ods: str) -> JsonObject:
    profile = f"{_PROFILES}CareConnect-ITK-Header-Organization-1"
    return {
        "resourceType": "Organization",
        "id": url.removeprefix("urn:uuid:"),
        "meta": {"profile": [profile]},
        "identifier": [{"system": ODS, "value": ods}],
    }


def _sender(parsed: Parsed | None, header: MessageHeader | None) -> str | None:
    if parsed is None or header is None or header.sender is None:
        return None
    part = references(parsed.bundle, parts_of(parsed.bundle)).get(header.sender.reference or "")
    return ods_code(part.resource) if part and isinstance(part.resource, Organization) else None


def _outcome(url: str, answer: Acknowledgement, code: tuple[str, str], *, positive: bool) -> JsonObject:
    number, display = code
    issue: JsonObject = {
        "severity": "information" if positive else "fatal",
        "code": "informational" if positive else _ISSUES.get(number, "processing"),
        "details": {"coding": [{"system": SYSTEMS[ResponseReason], "code": number, "display": display}]},
    }
    errors = (
        [problem for problem in answer.problems if problem.severity == "error"] if isinstance(answer, Receipt) else []
    )
    if errors:
        issue["diagnostics"] = "; ".join(f"{problem.path} {problem.reason}".strip() for problem in errors[:_MOST_NAMED])
    return {"resourceType": "OperationOutcome", "id": url.removeprefix("urn:uuid:"), "issue": [issue]}
