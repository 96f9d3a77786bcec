"""An audit entry as an R4 AuditEvent, on the IHE Basic Audit Log Patterns; reading a search for them lives in `web`."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, TypeAlias

from broker.domain.caller import PERSON
from broker.domain.sealing import Entry
from broker.storage.audit import ADDRESS, EMERGENCY, PATIENTS
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
_AUTHOR: Coding = (f"{_TERMINOLOGY}/v3-ParticipationType", "AUT", "author (originator)")
_RECIPIENT: Coding = (f"{_TERMINOLOGY}/v3-ParticipationType", "IRCP", "information recipient")
_OBJECT: Coding = (f"{_TERMINOLOGY}/audit-entity-type", "2", "System Object")
_OTHER: Coding = (f"{_TERMINOLOGY}/audit-entity-type", "4", "Other")
_PERSON: Coding = (f"{_TERMINOLOGY}/audit-entity-type", "1", "Person")
_RESOURCES: Final = "http://hl7.org/fhir/resource-types"

BALP: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_PATTERNS: Final[Mapping[str, str]] = {
    "read": "Read",
    "search": "Query",
    **dict.fromkeys(("answer", "acknowledge", "administer"), "Update"),
}
"""What was done → the Basic Audit Log Pattern of it; with `Patient` before its name where one person is concerned."""


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
        "meta": {"profile": [BALP + pattern] if (pattern := _pattern(entry)) else []},
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
    return {name: value for name, value in event.items() if value not in ([], {"profile": []})}


def _pattern(entry: Entry) -> str | None:
    """The pattern that the event of the entry meets: what succeeded, asked for by somebody whose address is known, about one thing or a search.

    Those for patients are for one of them (`patient 1..1`); an event about several meets the plain one and names each. What is
    about people and does not say whom it showed meets none.
    """
    name = _PATTERNS.get(entry.action)
    if name is None or entry.outcome != SUCCESS or entry.client is None or ADDRESS not in entry.detail:
        return None
    if (entry.entity_id is None) != (entry.action == "search"):
        return None
    patients = _patients(entry)
    if not patients and PATIENTS not in entry.detail and _PURPOSES.get(entry.entity) is None:
        return None
    return f"Patient{name}" if len(patients) == 1 else name


def _purpose(entry: Entry) -> Coding:
    return _EMERGENCY if entry.detail.get("purpose") == EMERGENCY else _PURPOSES.get(entry.entity, _CARE)


def _coding(coding: Coding) -> Json:
    system, code, display = coding
    return {"system": system, "code": code, "display": display}


def _agents(entry: Entry, shape: Shape, public_url: str) -> Iterator[Json]:
    """Who called, a system or somebody on the pages by their browser, the team they act for, and Baton, which asked for it itself when nobody called."""
    at = _network(entry)
    if entry.client is not None and entry.client.startswith(PERSON):
        role = _AUTHOR if shape.action in ("C", "U") else _RECIPIENT
        yield _agent(_logical(CLIENT, entry.client, "Practitioner"), role, requestor=True)
        yield _agent({"type": "Device", "display": "Browser"}, shape.client, requestor=False) | at
    elif entry.client is not None:
        yield _agent(_logical(CLIENT, entry.client, "Device"), shape.client, requestor=True) | at
    elif at:
        yield _agent({"display": "Nobody known"}, shape.client, requestor=True) | at
    if entry.team is not None:
        yield {"who": _logical(TEAM, entry.team, "Organization"), "requestor": False}
    called = entry.client is not None or bool(at)
    itself = _agent({"display": "Baton"}, shape.server if called else _ITSELF, requestor=not called)
    yield itself | {"network": {"address": public_url, "type": "5"}}


def _network(entry: Entry) -> Json:
    """Where the call came from: an address, or the name of a machine."""
    address = entry.detail.get(ADDRESS)
    if not isinstance(address, str):
        return {}
    try:
        ip_address(address)
    except ValueError:
        return {"network": {"address": address, "type": "1"}}
    return {"network": {"address": address, "type": "2"}}


def _agent(who: Json, role: Coding, *, requestor: bool) -> Json:
    return {"type": {"coding": [_coding(role)]}, "who": who, "requestor": requestor}


# --- entities -----------------------------------------------------------------------------------------------------


_REFERENCES: Final[Mapping[str, str]] = {
    "task": "Task",
    "person": "Patient",
    "audit": "AuditEvent",
    "flag": "Flag",
}
"""Kinds of thing that can be read here, or stand for a person, by their resource types."""

_SYSTEMS: Final[Mapping[str, str]] = {"household": HOUSEHOLD, "team": TEAM, "agency": AGENCY, "client": CLIENT}
KINDS: Final[Mapping[str, str]] = {kind: name for name, kind in _REFERENCES.items()} | {"Organization": "team"}
"""The kind of thing that a reference names, by resource type."""


def system_of(kind: str) -> str:
    """The system of our ids of a kind of thing."""
    return _SYSTEMS.get(kind, f"{CANONICAL}/Id/{kind}")


def _entities(entry: Entry) -> Iterator[Json]:
    """What it was about, or what was searched for and found, whom that showed, then what else is known of it.

    A pattern has one entity of the type System Object, so what a search found bears the types of its resources.
    """
    if entry.action == "search":
        yield _query(entry)
        for id_ in _listed(entry, "found") if entry.entity != "person" else ():
            yield _entity(entry.entity, id_, _found_type(entry.entity))
    elif entry.entity_id is not None:
        yield _entity(entry.entity, entry.entity_id, _OBJECT)
    for id_ in _patients(entry):
        yield _entity("person", id_, _PERSON, ("1", "Patient"))
    details = [
        {"type": name, "valueString": str(value)}
        for name, value in sorted(entry.detail.items())
        if name not in ("found", "purpose", ADDRESS) and not isinstance(value, list | dict)
    ]
    if details:
        yield {"type": _coding(_OTHER), "detail": details}


def _patients(entry: Entry) -> Sequence[str]:
    """Ids of the persons concerned: what it is about, found, or showed."""
    about = [entry.entity_id] if entry.entity == "person" and entry.entity_id is not None else []
    found = _listed(entry, "found") if entry.entity == "person" else []
    return list(dict.fromkeys([*about, *found, *_listed(entry, PATIENTS)]))


def _listed(entry: Entry, name: str) -> Sequence[str]:
    """Ids in the detail of that name."""
    found = entry.detail.get(name)
    return [str(id_) for id_ in found] if isinstance(found, list) else []


def _found_type(kind: str) -> Coding:
    resource = _REFERENCES.get(kind)
    return (_RESOURCES, resource, resource) if resource else _OTHER


def _entity(kind: str, id_: str, type_: Coding, role: tuple[str, str] = ("4", "Domain Resource")) -> Json:
    resource = _REFERENCES.get(kind)
    return {
        "what": {"reference": f"{resource}/{id_}"} if resource else _logical(system_of(kind), id_),
        "type": _coding(type_),
        "role": _coding((f"{_TERMINOLOGY}/object-role", *role)),
    }


def _query(entry: Entry) -> Json:
    """What was searched for, as BALP has it: the kind of thing and the names of what it was narrowed by. What they were narrowed to may be who somebody is, and stands nowhere."""
    asked = entry.detail.get("asked", ())
    names = [str(name) for name in asked] if isinstance(asked, list) else []
    text = f"{_REFERENCES.get(entry.entity, entry.entity)}?{'&'.join(sorted(names))}"
    return {
        "type": _coding(_OBJECT),
        "role": _coding((f"{_TERMINOLOGY}/object-role", "24", "Query")),
        "query": base64.b64encode(text.encode()).decode(),
    }


def _logical(system: str, value: str, kind: str | None = None) -> Json:
    who: Json = {"identifier": {"system": system, "value": value}}
    return who | ({"type": kind} if kind else {})
