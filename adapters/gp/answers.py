"""What a professional answered to a referral, in the standard in which it came: a BaRS servicerequest-response, an RRI of HL7 v2.

Receipt of both is acknowledged by whatever carried them: by the HTTP answer, and by the MLLP listener.
"""

import re
from typing import Final

import orjson

from adapters import r4
from adapters.fhir_xml import JsonObject
from adapters.hl7v2 import acknowledgement, parse
from adapters.hl7v2.framing import unframed
from adapters.identity import message_id
from adapters.port import Acknowledgement, Receipt, Rendered, Reply
from adapters.r4 import ForeignMessage
from schemas.bundle.elements import object_in, objects_in, text_in
from schemas.bundle.entries import Entry
from schemas.codes import CANONICAL, SYSTEMS, ResponseReason

JSON: Final = "application/fhir+json"
V2: Final = "x-application/hl7-v2+er7"

REQUEST: Final = "servicerequest-request"
RESPONSE: Final = "servicerequest-response"
EVENTS: Final = "https://fhir.nhs.uk/CodeSystem/message-events-bars"
REASONS: Final = "https://fhir.nhs.uk/CodeSystem/message-reason-bars"

_KEPT: Final = ("id", "identifier", "category", "intent", "code", "authoredOn")
"""Of the request goes back what says which it was, and nothing of why it was made."""


def to_r4(answer: Acknowledgement, original: bytes) -> Rendered | None:
    """The response to a BaRS referral: its ServiceRequest as it stands now, and the reason where one was given."""
    parsed = r4.read(original)
    message = parsed if isinstance(parsed, tuple) else r4.read_message(parsed)
    if isinstance(answer, Receipt) or isinstance(message, tuple) or message.event != REQUEST or message.id is None:
        return None
    request = message.foci[0] if message.foci else None
    patient = message.resolve(object_in(request.resource, "subject")) if request else None
    if request is None or request.type != "ServiceRequest" or patient is None:
        return None
    return Rendered(body=orjson.dumps(_response(answer, message, request, patient)), content_type=JSON)


def _response(answer: Reply, message: ForeignMessage, request: Entry, patient: Entry) -> JsonObject:
    urls = {part: f"urn:uuid:{message_id(answer.id, part)}" for part in ("request", "patient", "outcome")}
    back = text_in(object_in(message.header.resource, "source"), "endpoint")
    asked = [text_in(item, "endpoint") for _, item in objects_in(message.header.resource, "destination")]
    header: JsonObject = {
        "resourceType": "MessageHeader",
        "id": answer.id,
        "eventCoding": {"system": EVENTS, "code": RESPONSE},
        "destination": [{"endpoint": back or CANONICAL}],
        "source": {"endpoint": next(filter(None, asked), CANONICAL)},
        "reason": {"coding": [{"system": REASONS, "code": "new"}]},
        "response": {"identifier": message.id, "code": "ok"},
        "focus": [{"reference": urls["request"]}],
    }
    entries: dict[str, JsonObject] = {
        f"urn:uuid:{answer.id}": header,
        urls["request"]: {
            "resourceType": "ServiceRequest",
            **{name: value for name, value in request.resource.items() if name in _KEPT},
            # BaRS: a request that is taken on is active, one that is not is revoked.
            "status": "active" if answer.accepted else "revoked",
            "subject": {"reference": urls["patient"]},
        },
        urls["patient"]: {
            "resourceType": "Patient",
            **{name: value for name, value in patient.resource.items() if name in ("id", "identifier")},
        },
    }
    if answer.reason is not None:
        header["response"]["details"] = {"reference": urls["outcome"]}
        entries[urls["outcome"]] = _outcome(answer.reason)
    return {
        "resourceType": "Bundle",
        "id": message_id(answer.id, "bundle"),
        "type": "message",
        "timestamp": answer.at.isoformat(timespec="seconds"),
        "entry": [{"fullUrl": url, "resource": resource} for url, resource in entries.items()],
    }


def _outcome(reason: ResponseReason) -> JsonObject:
    coding = {"system": SYSTEMS[ResponseReason], "code": reason.value}
    issue = {"severity": "information", "code": "informational", "details": {"coding": [coding]}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def to_v2(answer: Acknowledgement, original: bytes, content_type: str) -> Rendered | None:
    """The RRI to a referral: its RF1 with the decision (table 0283), and the providers and patient as they were sent."""
    message = parse(original, content_type)
    if isinstance(answer, Receipt) or isinstance(message, tuple) or message.type != "REF":
        return None
    if message.header.text(16).upper() == _NEVER or not message.has("RF1") or not message.has("PID"):
        return None
    header, *rest = acknowledgement(original, "AA", at=answer.at).split(b"\r")
    msh = header.split(header[3:4])
    mark = header[4:5]
    msh[8] = mark.join([b"RRI", *msh[8].split(mark)[1:2]])
    msh[9] = message_id(answer.id, "rri").replace("-", "")[:20].encode()
    lines = re.split(rb"[\r\n]+", unframed(original))
    kept = [_decided(line, answer) for line in lines if line[:3] in (b"RF1", b"PRD", b"PID")]
    body = b"\r".join([header[3:4].join(msh), *filter(None, rest), *kept, b""])
    charset = message.header.text(18)
    return Rendered(body=body, content_type=f"{V2}; charset={_CHARSETS[charset]}" if charset in _CHARSETS else V2)


_NEVER: Final = "NE"
_CHARSETS: Final = {"UNICODE UTF-8": "utf-8", "8859/1": "iso-8859-1", "ASCII": "us-ascii"}


def _decided(line: bytes, answer: Reply) -> bytes:
    if line[:3] != b"RF1":
        return line
    mark = line[3:4]
    fields = line.split(mark)
    fields[1] = b"A" if answer.accepted else b"R"
    return mark.join(fields)
