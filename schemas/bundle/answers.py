"""Messages that answer a message: `MessageHeader.response` and the OperationOutcome it refers to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from schemas.bundle.addresses import address, is_id
from schemas.bundle.elements import JsonObject
from schemas.bundle.writing_people import instant
from schemas.codes import CANONICAL, SYSTEMS, Event

AnswerCode: TypeAlias = Literal["ok", "transient-error", "fatal-error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """To which message a message is an answer: `identifier` is its MessageHeader.id, `outcome` an OperationOutcome."""

    identifier: str
    code: AnswerCode = "ok"
    outcome: Mapping[str, object] | None = None


def response_bundle(
    request_id: str,
    code: AnswerCode,
    outcome: Mapping[str, object],
    *,
    id: str,  # noqa: A002 - the element's name
    timestamp: datetime,
    source: str,
    event: Event | None = None,
) -> JsonObject:
    """The answer to `$process-message`: a header with `response`, and the OperationOutcome it refers to.

    `request_id` is the request's MessageHeader.id; what cannot be one becomes `unknown`, because R4 demands an id.
    `event` is the request's, where it could be read.
    """
    answer = Answer(identifier=request_id if is_id(request_id) else "unknown", code=code, outcome=outcome)
    entries = outcome_entry(answer)
    header: JsonObject = {
        "resourceType": "MessageHeader",
        "id": id,
        **event_element(event),
        "source": {"endpoint": source},
        "response": response_element(answer, entries),
    }
    return {
        "resourceType": "Bundle",
        "id": id,
        "type": "message",
        "timestamp": instant(timestamp),
        "entry": [
            {"fullUrl": url, "resource": resource}
            for url, resource in ((address("MessageHeader", id), header), *entries)
        ],
    }


def event_element(event: Event | None) -> JsonObject:
    """The header's event[x]."""
    if event is None:
        # R4 wants an event of every header, and this one answers something that could not be read.
        return {"eventUri": f"{CANONICAL}/OperationDefinition/process-message"}
    return {"eventCoding": {"system": SYSTEMS[Event], "code": event.value}}


def outcome_entry(response: Answer) -> list[tuple[str, JsonObject]]:
    """The entry of an answer's OperationOutcome, if it has one."""
    if response.outcome is None:
        return []
    return [(address("OperationOutcome", f"{response.identifier}.{response.code}"), dict(response.outcome))]


def response_element(response: Answer, outcome: list[tuple[str, JsonObject]]) -> JsonObject:
    """The header's `response`, referring to that entry."""
    details = {"reference": outcome[0][0]} if outcome else None
    said: JsonObject = {"identifier": response.identifier, "code": response.code}
    return said if details is None else {**said, "details": details}
