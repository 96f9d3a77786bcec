"""`GET /fhir/metadata` and the definitions: what is served, and nothing that is not."""

from functools import cache
from typing import Any

from fastapi import APIRouter

from broker.errors import NotFound
from broker.web.outcomes import FhirResponse
from schemas import definitions
from schemas.codes import CANONICAL, SYSTEMS, Event

router = APIRouter(tags=["Definitions"])

DATE = "2026-11-23"
TASK_SEARCH = {
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
TASK_OPERATIONS = ("open", "accept", "decline", "ask", "answer", "complete", "reassign", "extend")
DEFINITION_TYPES = (
    "CodeSystem",
    "MessageDefinition",
    "OperationDefinition",
    "SearchParameter",
    "StructureDefinition",
    "ValueSet",
)


@router.get("/fhir/metadata", summary="CapabilityStatement", response_class=FhirResponse)
def capability() -> FhirResponse:
    """What this server does."""
    return FhirResponse(_capability())


@router.get("/fhir/{kind}/{name}", summary="A definition by type and id", response_class=FhirResponse)
def definition(kind: str, name: str) -> FhirResponse:
    """MessageDefinition, CodeSystem, ValueSet, SearchParameter, OperationDefinition or StructureDefinition."""
    found = definitions.definition(kind, name) if kind in DEFINITION_TYPES else None
    if found is None:
        raise NotFound
    return FhirResponse(found)


@cache
def _capability() -> dict[str, Any]:
    return {
        "resourceType": "CapabilityStatement",
        "id": "baton",
        "url": f"{CANONICAL}/CapabilityStatement/baton",
        "name": "Baton",
        "title": "Baton inter-agency transfer and notification broker",
        "status": "active",
        "date": DATE,
        "kind": "instance",
        "implementation": {"description": "Baton: routes to every team of a household, tracks every answer"},
        "software": {"name": "Baton", "version": "0.1.0"},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [_rest()],
        "messaging": [_messaging()],
    }


def _rest() -> dict[str, Any]:
    read_only = [{"type": kind, "interaction": [{"code": "read"}]} for kind in DEFINITION_TYPES]
    return {
        "mode": "server",
        "security": {
            "cors": False,
            "service": [
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                            "code": "SMART-on-FHIR",
                        }
                    ]
                }
            ],
            "description": "OAuth 2.0 client credentials with a signed JWT (private_key_jwt) at /oauth2/token",
        },
        "resource": [_task(), _patient(), *read_only],
        "operation": [
            {
                "name": "process-message",
                "definition": "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message",
            }
        ],
    }


def _task() -> dict[str, Any]:
    return {
        "type": "Task",
        "versioning": "versioned-update",
        "interaction": [{"code": "read"}, {"code": "search-type"}, {"code": "update"}],
        "searchParam": [{"name": name, "type": kind} for name, kind in TASK_SEARCH.items()],
        "operation": [
            {"name": name, "definition": f"{CANONICAL}/OperationDefinition/Task-{name}"} for name in TASK_OPERATIONS
        ],
    }


def _patient() -> dict[str, Any]:
    return {
        "type": "Patient",
        "interaction": [{"code": "search-type"}],
        "searchParam": [{"name": "identifier", "type": "token", "documentation": "By POST _search only, in the body"}],
    }


def _messaging() -> dict[str, Any]:
    return {
        "documentation": f"Events of {SYSTEMS[Event]}, each with a MessageDefinition",
        "reliableCache": 525_600,  # minutes; the same message is recognised for ever, FHIR asks for a number: one year
        "supportedMessage": [
            {"mode": "receiver", "definition": f"{CANONICAL}/MessageDefinition/{event.value}"} for event in Event
        ],
    }
