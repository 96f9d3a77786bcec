"""`GET /fhir/metadata` and the definitions: what is served, and nothing that is not."""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final, TypeAlias

from fastapi import APIRouter

from broker.errors import NotFound
from broker.web.api.task_parts import PARTS, operation_definition
from broker.web.deps import Running
from broker.web.outcomes import FhirResponse
from schemas import definitions
from schemas.codes import CANONICAL, SYSTEMS, Event
from schemas.definitions.metadata import DATE

Json: TypeAlias = dict[str, Any]

router = APIRouter(tags=["Definitions"])

TASK_SEARCH: Final = {
    "owner": "reference",
    "requester": "reference",
    "status": "token",
    "code": "token",
    "patient": "reference",
    "part-of": "reference",
    "authored-on": "date",
    "due": "date",
    "_lastUpdated": "date",
}
AUDIT_SEARCH: Final = {
    "date": "date",
    "agent": "reference",
    "entity": "reference",
    "action": "token",
    "subtype": "token",
    "outcome": "token",
    "patient": "reference",
}
FLAG_SEARCH: Final = {"patient": "reference", "subject": "reference", "status": "token"}
OWN_SEARCH: Final = {
    ("Task", "due"): f"{CANONICAL}/SearchParameter/task-due",
    ("Flag", "status"): f"{CANONICAL}/SearchParameter/flag-status",
}
"""Search parameters that R4 does not have."""
_SHARED_SEARCH: Final = {("", "_lastUpdated"): "Resource-lastUpdated", ("Flag", "patient"): "clinical-patient"}
"""Those that R4 defines for several resources at once."""
DEFINITION_TYPES: Final = (
    "CapabilityStatement",
    "CodeSystem",
    "MessageDefinition",
    "OperationDefinition",
    "SearchParameter",
    "StructureDefinition",
    "ValueSet",
)
BROKER: Final = "broker"
INSTANCE: Final = "baton"
"""Ids of the CapabilityStatements: of what any Baton does, and of this installation, which is also at `/fhir/metadata`."""

_TOKEN: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"  # noqa: S105 - a code system
_OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


@router.get("/fhir/metadata", summary="CapabilityStatement", response_class=FhirResponse)
def capability(running: Running) -> FhirResponse:
    """What this server does."""
    return FhirResponse(_instance(running.settings.public_url.rstrip("/")))


@router.get("/fhir/{kind}/{name}", summary="A definition by type and id", response_class=FhirResponse)
def definition(kind: str, name: str, running: Running) -> FhirResponse:
    """MessageDefinition, CodeSystem, ValueSet, SearchParameter, OperationDefinition, StructureDefinition or CapabilityStatement."""
    if (kind, name) == ("CapabilityStatement", INSTANCE):
        return capability(running)
    found = _definitions().get((kind, name))
    if found is None:
        raise NotFound
    return FhirResponse(found)


@cache
def _definitions() -> dict[tuple[str, str], Json]:
    return {(each["resourceType"], each["id"]): each for each in _all()}


def _all() -> Iterator[Json]:
    """Everything that is served as a definition: the published language, and what can be done with a Task."""
    yield from definitions.all_definitions()
    yield from (operation_definition(move) for move in PARTS)
    yield _broker()


def _statement(identity: str, title: str) -> Json:
    return {
        "resourceType": "CapabilityStatement",
        "id": identity,
        "url": f"{CANONICAL}/CapabilityStatement/{identity}",
        "name": "Baton",
        "title": title,
        "status": "active",
        "date": DATE,
        "publisher": "Baton",
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
    }


@cache
def _broker() -> Json:
    """What every installation does."""
    text = "Routes notifications to every team of a household that should know, and tracks each answer. No referral."
    return {
        **_statement(BROKER, "Baton inter-agency transfer and notification broker"),
        "description": text,
        "kind": "requirements",
        "rest": [_rest()],
        "messaging": [_messaging()],
    }


@cache
def _instance(url: str) -> Json:
    """What this installation does, and where."""
    rest, messaging = _rest(), _messaging()
    rest["security"]["extension"] = [
        {"url": _OAUTH_URIS, "extension": [{"url": "token", "valueUri": f"{url}/oauth2/token"}]}
    ]
    http = {"system": "http://terminology.hl7.org/CodeSystem/message-transport", "code": "http"}
    messaging["endpoint"] = [{"protocol": http, "address": f"{url}/fhir/$process-message"}]
    return {
        **_statement(INSTANCE, "This Baton"),
        "kind": "instance",
        "instantiates": [f"{CANONICAL}/CapabilityStatement/{BROKER}"],
        "software": {"name": "Baton", "version": "0.1.0"},
        "implementation": {"description": "Baton: routes to every team of a household", "url": f"{url}/fhir"},
        "rest": [rest],
        "messaging": [messaging],
    }


def _rest() -> Json:
    read_only = [{"type": kind, "interaction": [{"code": "read"}]} for kind in DEFINITION_TYPES]
    return {
        "mode": "server",
        "documentation": "Every call needs a token but this one, the definitions and the description of the sign-in.",
        "security": {
            "cors": False,
            "service": [{"coding": [{"system": _TOKEN, "code": "OAuth"}]}],
            "description": "OAuth 2.0 client credentials with a signed JWT (private_key_jwt) at /oauth2/token",
        },
        "resource": [_task(), _patient(), _flag(), _audit_event(), *read_only],
        "operation": [_operation("process-message", "process-message")],
    }


def _operation(name: str, identity: str) -> Json:
    return {"name": name, "definition": f"{CANONICAL}/OperationDefinition/{identity}"}


def _task() -> Json:
    return {
        "type": "Task",
        "versioning": "versioned-update",
        "readHistory": False,
        "updateCreate": False,
        "interaction": [{"code": "read"}, {"code": "search-type"}, {"code": "update"}],
        "searchParam": [_search("Task", name, kind) for name, kind in TASK_SEARCH.items()],
        "operation": [_operation(move.value, f"Task-{move.value}") for move in PARTS],
    }


def _search(resource: str, name: str, kind: str) -> Json:
    official = _SHARED_SEARCH.get((resource, name)) or _SHARED_SEARCH.get(("", name)) or f"{resource}-{name}"
    return {
        "name": name,
        "type": kind,
        "definition": OWN_SEARCH.get((resource, name), f"http://hl7.org/fhir/SearchParameter/{official}"),
    }


def _patient() -> Json:
    return {
        "type": "Patient",
        "interaction": [{"code": "search-type"}],
        "searchParam": [{"name": "identifier", "type": "token", "documentation": "By POST _search only, in the body"}],
    }


def _flag() -> Json:
    return {
        "type": "Flag",
        "documentation": "Never to be shown to patient or family: each is marked NOPAT.",
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": [_search("Flag", name, kind) for name, kind in FLAG_SEARCH.items()],
    }


def _audit_event() -> Json:
    return {
        "type": "AuditEvent",
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": [_search("AuditEvent", name, kind) for name, kind in AUDIT_SEARCH.items()],
    }


def _messaging() -> Json:
    return {
        "documentation": f"Events of {SYSTEMS[Event]}, each with a MessageDefinition",
        "reliableCache": 525_600,  # minutes; the same message is recognised for ever, FHIR asks for a number: one year
        "supportedMessage": [
            {"mode": "receiver", "definition": f"{CANONICAL}/MessageDefinition/{event.value}"} for event in Event
        ],
    }
