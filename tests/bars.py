"""Bookings and referrals (BaRS) in FHIR R4 for tests, made of parts."""

import json
from typing import Any

from schemas.identifiers import NHS_NUMBER

Resource = dict[str, Any]

SNOMED = "http://snomed.info/sct"
HEALTH_VISITING = "1078501000000104"
CHILD = "9990000018"
SENT = "2026-02-27T09:30:00+00:00"


def coded(system: str, code: str, display: str | None = None) -> Resource:
    """A CodeableConcept of one code."""
    return {"coding": [{"system": system, "code": code} | ({"display": display} if display else {})]}


def request(**elements: object) -> Resource:
    """A ServiceRequest to health visiting by Dr Marsh."""
    usual: Resource = {
        "resourceType": "ServiceRequest",
        "id": "request",
        "identifier": [{"system": "https://gp.example/referral", "value": "r-1"}],
        "status": "active",
        "intent": "plan",
        "priority": "urgent",
        "subject": {"reference": "urn:uuid:patient"},
        "authoredOn": "2026-02-26T16:05:00+00:00",
        "requester": {"reference": "urn:uuid:role"},
        "performer": [{"reference": "urn:uuid:service"}],
        "reasonCode": [coded(SNOMED, "36440009", "Failure to thrive")],
    }
    return usual | elements


def patient(**elements: object) -> Resource:
    """A child of eighteen months."""
    usual: Resource = {
        "resourceType": "Patient",
        "id": "patient",
        "identifier": [{"system": NHS_NUMBER, "value": CHILD}],
        "name": [{"use": "official", "family": "Okafor", "given": ["Ada"]}],
        "gender": "female",
        "birthDate": "2024-08-14",
    }
    return usual | elements


def service(*codes: str) -> Resource:
    """The service that is asked."""
    return {"resourceType": "HealthcareService", "id": "service", "type": [coded(SNOMED, code) for code in codes]}


def flag(code: str = "SG", text: str = "Mother says that she is afraid at home", **elements: object) -> Resource:
    """A Flag of a category of BaRS."""
    usual: Resource = {
        "resourceType": "Flag",
        "id": "flag",
        "status": "active",
        "category": [coded("https://fhir.nhs.uk/CodeSystem/flag-categories-bars", code)],
        "code": {"text": text},
        "subject": {"reference": "urn:uuid:patient"},
    }
    return usual | elements


def appointment(status: str = "noshow", **elements: object) -> Resource:
    """An Appointment of the patient."""
    usual: Resource = {
        "resourceType": "Appointment",
        "id": "appointment",
        "status": status,
        "start": "2026-02-25T10:00:00+00:00",
        "end": "2026-02-25T10:20:00+00:00",
        "participant": [{"actor": {"reference": "urn:uuid:patient"}, "status": "accepted"}],
    }
    return usual | elements


def encounter(status: str) -> Resource:
    """What the receiver made of a request."""
    kind = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    return {
        "resourceType": "Encounter",
        "id": "encounter",
        "status": status,
        "class": kind,
        "subject": {"reference": "urn:uuid:patient"},
    }


PRACTITIONER: Resource = {
    "resourceType": "Practitioner",
    "id": "practitioner",
    "identifier": [{"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": "555000000001"}],
    "name": [{"family": "Marsh", "given": ["Tom"], "prefix": ["Dr"]}],
}
ROLE: Resource = {
    "resourceType": "PractitionerRole",
    "id": "role",
    "practitioner": {"reference": "urn:uuid:practitioner"},
    "code": [{"text": "General practitioner"}],
}


def message(
    event: str, *resources: Resource, reason: str | None = "new", id_: str = "m-1", **header: object
) -> Resource:
    """A message about the first of these resources; by its resourceType a request has its service and its people."""
    usual: Resource = {
        "resourceType": "MessageHeader",
        "id": id_,
        "eventCoding": {"system": "https://fhir.nhs.uk/CodeSystem/message-events-bars", "code": event},
        "destination": [{"endpoint": "https://fhir.nhs.uk/Id/dos-service-id|111111111"}],
        "source": {"endpoint": "https://fhir.nhs.uk/Id/dos-service-id|222222222"},
        "focus": [{"reference": f"urn:uuid:{resources[0]['id']}"}],
    }
    if reason is not None:
        usual["reason"] = coded("https://fhir.nhs.uk/CodeSystem/message-reason-bars", reason)
    listed = [usual | header, *resources]
    held = {resource["id"] for resource in listed}
    listed += [one for one in (patient(), service(HEALTH_VISITING), ROLE, PRACTITIONER) if one["id"] not in held]
    entries = [{"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in listed]
    return {"resourceType": "Bundle", "id": "bundle-1", "type": "message", "timestamp": SENT, "entry": entries}


def in_json(content: Resource) -> bytes:
    """As it is sent."""
    return json.dumps(content).encode()
