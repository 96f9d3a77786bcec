"""An audit entry as an R4 AuditEvent, on the IHE Basic Audit Log Patterns; reading a search for them lives in `web`."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from broker.domain.caller import PERSON
from broker.domain.sealing import Entry
from broker.storage.audit import EMERGENCY
from broker.storage.audit_search import SUCCESS, Actions
from broker.workflow.task_wire import instant
from schemas.codes import CANONICAL
from schemas.identifiers import AGENCY, HOUSEHOLD, TEAM

Json: TypeAlias = dict[str, Any]
Coding: TypeAlias = tuple[str, str, str]

CLIENT: Final = f"{CANONICAL}/Id/client"
ACTION: Final = f"{CANONICAL}/CodeSystem/audit-action"
"""Our own word for what was done, as a subtype beside the standard's."""

_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_REST: Final = "http://hl7.org/fhir/restful-interaction"
_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem"

_EMERGENCY: Coding = (f"{_TERMINOLOGY}/v3-ActReason", EMERGENCY, "break the glass")
_RESTFUL: Coding = (f"{_TERMINOLOGY}/audit-event-type", "rest", "Restful Operation")
_APPLICATION: Coding = (_DCM, "110100", "Application Activity")
_AUTHENTICATION: Coding = (_DCM, "110114", "User Authentication")
_SENDS: Coding = (_DCM, "110153", "Source Role ID")
_GETS: Coding = (_DCM, "110152", "Destination Role ID")
_ITSELF: Coding = (_DCM, "110150", "Application")


@dataclass(frozen=True, slots=True)
class Shape:
    """How one of our actions looks: R4's action, its type, a standard subtype, and who sends what to whom."""

    action: str
    type: Coding = _APPLICATION
    subtype: Coding | None = None
    client: Coding = _SENDS
    server: Coding = _GETS


SHAPES: Final[Mapping[str, Shape]] = {
    "receive": Shape("C", _RESTFUL, (_REST, "create", "create")),
    "read": Shape("R", _RESTFUL, (_REST, "read", "read"), client=_GETS, server=_SENDS),
    "search": Shape("E", _RESTFUL, (_REST, "search", "search")),
    "answer": Shape("U", _RESTFUL, (_REST, "update", "update")),
    "acknowledge": Shape("U", _RESTFUL, (_REST, "update", "update")),
    "administer": Shape("U", _RESTFUL, (_REST, "update", "update")),
    "disclose": Shape(
        "R",
        (_DCM, "110106", "Export"),
        (f"{_TERMINOLOGY}/iso-21089-lifecycle", "disclose", "Disclose Record Lifecycle Event"),
        client=_GETS,
        server=_SENDS,
    ),
    "break-glass": Shape("E", (_DCM, "110113", "Security Alert"), (_DCM, "110127", "Emergency Override Started")),
    "deny": Shape("E", (_DCM, "110113", "Security Alert"), (_DCM, "110132", "Use of Restricted Function")),
    **dict.fromkeys(("refuse", "grant", "sign-in"), Shape("E", _AUTHENTICATION, (_DCM, "110122", "Login"))),
    "sign-out": Shape("E", _AUTHENTICATION, (_DCM, "110123", "Logout")),
}
_REASONS: Final = f"{_TERMINOLOGY}/v3-ActReason"
_CARE: Coding = (_REASONS, "COC", "coordination of care")
_RUNNING: Coding = (_REASONS, "HSYSADMIN", "health system administration")
_COMPLIANCE: Coding = (_REASONS, "HCOMPL", "health compliance")
_PURPOSES: Final[Mapping[str, Coding]] = {
    "audit": _COMPLIANCE,
    **dict.fromkeys(("agency", "area", "team", "client", "channel", "practitioner", "account", "token"), _RUNNING),
    **dict.fromkeys(("dead-letter", "directory", "policy", "settings"), _RUNNING),
}
"""What something is looked at or changed for, by its kind; all else is what agencies tell each other about those they look after."""

OTHER: Final = Shape("E")
"""Everything else is something that Baton itself did: decided, escalated."""

CODES: Final = ("C", "R", "U", "D", "E")
OUTCOMES: Final[Mapping[bool, str]] = {True: "0", False: "8"}
"""R4's codes for success and serious failure: whatever failed here was ended."""


def actions_of(code: str) -> Actions:
    """Our actions that R4's action stands for."""
    if code == OTHER.action:
        return Actions(frozenset(name for name, shape in SHAPES.items() if shape.action != code), others=True)
    return Actions(frozenset(name for name, shape in SHAPES.items() if shape.action == code))


def actions_with(system: str, code: str) -> Actions:
    """Our actions with this subtype, in our own words or the standard's; an empty system is any."""
    found = {name for name, shape in SHAPES.items() if shape.subtype and _is(shape.subtype, system, code)}
    return Actions(frozenset(found | ({code} if system in ("", ACTION) else set())))


def _is(coding: Coding, system: str, code: str) -> bool:
    return coding[1] == code and system in ("", coding[0])


def audit_event(entry: Entry, public_url: str) -> Json:
    """The AuditEvent of an entry. Ids and codes alone: an entry has no more."""
    shape = SHAPES.get(entry.action, OTHER)
    own = {"system": ACTION, "code": entry.action}
    event: Json = {
        "resourceType": "AuditEvent",
        "id": entry.id,
        "type": _coding(shape.type),
        "subtype": [*([_coding(shape.subtype)] if shape.subtype else []), own],
        "action": shape.action,
        "recorded": instant(entry.at),
        "outcome": OUTCOMES[entry.outcome == SUCCESS],
        "purposeOfEvent": [{"coding": [_coding(_purpose(entry))]}],
        "agent": list(_agents(entry, shape, public_url)),
        "source": {
            "observer": {"display": "Baton"},
            "type": [_coding((f"{_TERMINOLOGY}/security-source-type", "4", "Application Server"))],
        },
        "entity": list(_entities(entry)),
    }
    return {name: value for name, value in event.items() if value != []}


def _purpose(entry: Entry) -> Coding:
    return _EMERGENCY if entry.detail.get("purpose") == EMERGENCY else _PURPOSES.get(entry.entity, _CARE)


def _coding(coding: Coding) -> Json:
    system, code, display = coding
    return {"system": system, "code": code, "display": display}


def _agents(entry: Entry, shape: Shape, public_url: str) -> Iterator[Json]:
    """Who called, a system or somebody on the pages, the team they act for, and Baton, which asked for it itself when nobody called."""
    if entry.client is not None:
        kind = "Practitioner" if entry.client.startswith(PERSON) else "Device"
        yield _agent(_logical(CLIENT, entry.client, kind), shape.client, requestor=True)
    if entry.team is not None:
        yield {"who": _logical(TEAM, entry.team, "Organization"), "requestor": False}
    server = shape.server if entry.client is not None else _ITSELF
    itself = _agent({"display": "Baton"}, server, requestor=entry.client is None)
    yield itself | {"network": {"address": public_url, "type": "5"}}


def _agent(who: Json, role: Coding, *, requestor: bool) -> Json:
    return {"type": {"coding": [_coding(role)]}, "who": who, "requestor": requestor}


# --- entities -----------------------------------------------------------------------------------------------------


_REFERENCES: Final[Mapping[str, str]] = {"task": "Task", "person": "Patient", "audit": "AuditEvent"}
"""Kinds of thing that can be read here, or stand for a person, by their resource types."""

_SYSTEMS: Final[Mapping[str, str]] = {"household": HOUSEHOLD, "team": TEAM, "agency": AGENCY, "client": CLIENT}
KINDS: Final[Mapping[str, str]] = {kind: name for name, kind in _REFERENCES.items()} | {"Organization": "team"}
"""The kind of thing that a reference names, by resource type."""


def system_of(kind: str) -> str:
    """The system of our ids of a kind of thing."""
    return _SYSTEMS.get(kind, f"{CANONICAL}/Id/{kind}")


def _entities(entry: Entry) -> Iterator[Json]:
    """What it was about, then what a search found, then what else is known of it."""
    if entry.entity_id is not None:
        yield _entity(entry.entity, entry.entity_id)
    if entry.action == "search":
        yield _query(entry)
    found = entry.detail.get("found", ())
    for id_ in found if isinstance(found, list) else ():
        yield _entity(entry.entity, str(id_))
    details = [
        {"type": name, "valueString": str(value)}
        for name, value in sorted(entry.detail.items())
        if name not in ("found", "purpose") and not isinstance(value, list | dict)
    ]
    if details:
        yield {"type": _coding((f"{_TERMINOLOGY}/audit-entity-type", "4", "Other")), "detail": details}


def _entity(kind: str, id_: str) -> Json:
    person = kind == "person"
    type_ = ("1", "Person") if person else ("2", "System Object")
    role = ("1", "Patient") if person else ("4", "Domain Resource")
    resource = _REFERENCES.get(kind)
    return {
        "what": {"reference": f"{resource}/{id_}"} if resource else _logical(system_of(kind), id_),
        "type": _coding((f"{_TERMINOLOGY}/audit-entity-type", *type_)),
        "role": _coding((f"{_TERMINOLOGY}/object-role", *role)),
    }


def _query(entry: Entry) -> Json:
    """What was searched for, as BALP has it: the kind of thing and the names of what it was narrowed by. What they were narrowed to may be who somebody is, and stands nowhere."""
    asked = entry.detail.get("asked", ())
    names = [str(name) for name in asked] if isinstance(asked, list) else []
    text = f"{_REFERENCES.get(entry.entity, entry.entity)}?{'&'.join(sorted(names))}"
    return {
        "type": _coding((f"{_TERMINOLOGY}/audit-entity-type", "2", "System Object")),
        "role": _coding((f"{_TERMINOLOGY}/object-role", "24", "Query")),
        "query": base64.b64encode(text.encode()).decode(),
    }


def _logical(system: str, value: str, kind: str | None = None) -> Json:
    who: Json = {"identifier": {"system": system, "value": value}}
    return who | ({"type": kind} if kind else {})
