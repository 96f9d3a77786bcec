"""Our referrals and their outcomes as BaRS messages, for practices that read those; what BaRS has no form for is not rendered.

The other way of `referrals.py`: what is written here is read there as the same message, but for the id, the sender and whom it
addresses, which a receiver knows by other ways.
"""

from typing import Final

import orjson

from adapters.fhir_xml import JsonObject
from adapters.gp.answers import EVENTS, JSON, REASONS, REQUEST, RESPONSE
from adapters.identity import message_id
from adapters.port import Rendered
from schemas.bundle.profile import ACT_CODE, NOPAT
from schemas.bundle.writing_people import instant, patient
from schemas.codes import CANONICAL, SYSTEMS, Event, Function
from schemas.identifiers import TEAM
from schemas.message import Coding, Fact, Message, Professional

_STATUS: Final = {"accepted": "active", "not-accepted": "revoked", "completed": "completed"}
"""Of the ServiceRequest, by the decision."""
_MARKS: Final = frozenset({NOPAT})


def render(message: Message) -> Rendered | None:
    """The BaRS message; None where something of the message would be lost."""
    if not _bare(message):
        return None
    if message.event is Event.REFERRAL:
        request = _request(message)
    elif message.event is Event.REFERRAL_OUTCOME:
        request = _outcome(message)
    else:
        request = None
    return None if request is None else Rendered(body=orjson.dumps(_bundle(message, request)), content_type=JSON)


def _bare(message: Message) -> bool:
    """Whether it is about one person and holds nothing but what BaRS can carry."""
    person = message.people[0] if message.people else None
    return (
        person is not None
        and message.subjects == (person.key,)
        and len(message.people) == len(message.facts) == 1
        and message.facts[0].about == person.key
        and message.facts[0].at is None
        and message.sent is not None
        and not (message.relationships or message.household or message.conversation or message.basis)
        and not (person.unborn or person.expected or person.protected)
        and message.labels <= _MARKS
        and _nameable(message.author)
    )


def _nameable(author: Professional | None) -> bool:
    """Whether an author is nobody, or somebody of whom nothing is lost."""
    if author is None:
        return True
    return bool(author.name) and (author.identifier is None or author.identifier.verified is None)


def _request(message: Message) -> JsonObject | None:
    [fact] = message.facts
    if fact.code != "referral-reason" or message.kind not in set(Function) or message.reference is not None:
        return None
    return {
        "status": "active",
        "priority": message.priority.value,
        "authoredOn": instant(message.occurred),
        "performerType": {"coding": [{"system": SYSTEMS[Function], "code": message.kind}]},
        "note": [{"text": fact.value}],
    }


def _outcome(message: Message) -> JsonObject | None:
    [fact] = message.facts
    status = _STATUS.get(_decision(fact) or "")
    if status is None or message.reference is None or message.kind is not None:
        return None
    return {"status": status, "authoredOn": instant(message.occurred)}


def _decision(fact: Fact) -> str | None:
    coded = fact.code == "referral-decision" and isinstance(fact.value, Coding)
    return fact.value.code if coded and isinstance(fact.value, Coding) else None


def _bundle(message: Message, request: JsonObject) -> JsonObject:
    [person] = message.people
    assert message.sent is not None  # looked at before
    urls = {part: f"urn:uuid:{message_id(message.id, part)}" for part in ("request", "patient", "role", "professional")}
    header = {
        "resourceType": "MessageHeader",
        "id": message.id,
        **(
            {"meta": {"security": [{"system": ACT_CODE, "code": mark} for mark in sorted(message.labels)]}}
            if message.labels
            else {}
        ),
        "eventCoding": {"system": EVENTS, "code": REQUEST if message.event is Event.REFERRAL else RESPONSE},
        "destination": [{"endpoint": f"{CANONICAL}/team/{team}"} for team in message.to],
        "source": {"name": "Baton", "endpoint": CANONICAL},
        "reason": {"coding": [{"system": REASONS, "code": "new"}]},
        "focus": [{"reference": urls["request"]}],
    }
    if message.sender is not None:
        header["sender"] = {"type": "Organization", "identifier": {"system": TEAM, "value": message.sender}}
    if message.reference is not None:
        header["response"] = {"identifier": message.reference, "code": "ok"}
    entries = {
        f"urn:uuid:{message.id}": header,
        urls["request"]: {
            "resourceType": "ServiceRequest",
            "id": message_id(message.id, "request"),
            "intent": "plan",
            **request,
            "subject": {"reference": urls["patient"]},
        },
        urls["patient"]: patient(person),
    }
    if message.author is not None:
        header["author"] = {"reference": urls["role"]}
        entries[urls["role"]] = _role(message.author, urls["professional"])
        entries[urls["professional"]] = _practitioner(message.author)
    if not message.to:
        del header["destination"]
    return {
        "resourceType": "Bundle",
        "id": message_id(message.id, "bundle"),
        "type": "message",
        "timestamp": instant(message.sent),
        "entry": [{"fullUrl": url, "resource": resource} for url, resource in entries.items()],
    }


def _role(author: Professional, professional: str) -> JsonObject:
    role: JsonObject = {"resourceType": "PractitionerRole", "practitioner": {"reference": professional}}
    return role | ({"code": [{"text": author.role}]} if author.role else {})


def _practitioner(author: Professional) -> JsonObject:
    held = author.identifier
    practitioner: JsonObject = {"resourceType": "Practitioner", "name": [{"text": author.name or ""}]}
    return practitioner | ({"identifier": [{"system": held.system, "value": held.value}]} if held else {})
