"""R4 messages of health visiting systems: a contact or a measurement of one child, all invented."""

import json
from typing import Any

from schemas.identifiers import NHS_NUMBER, synthetic_nhs_number

JsonObject = dict[str, Any]

ACTIVITY = "https://www.datadictionary.nhs.uk/attributes/activity_type_for_community_care"
CHILD, MOTHER = "urn:uuid:c0000000-0000-4000-8000-000000000001", "urn:uuid:c0000000-0000-4000-8000-000000000002"
IDENTIFIER = {"system": "https://supplier.example/encounters", "value": "e-1"}


def header(**more: Any) -> JsonObject:
    """A header as suppliers write it."""
    return {
        "resourceType": "MessageHeader",
        "id": "b0000000-0000-4000-8000-000000000001",
        "eventCoding": {"system": "https://supplier.example/events", "code": "encounter"},
        "source": {"endpoint": "https://supplier.example"},
        "focus": [{"reference": "urn:uuid:a0000000-0000-4000-8000-000000000001"}],
        **more,
    }


def encounter(code: str = "08", **more: Any) -> JsonObject:
    """A visit at home, of the type with that national code."""
    usual = {
        "resourceType": "Encounter",
        "identifier": [IDENTIFIER],
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HH"},
        "type": [{"coding": [{"system": ACTIVITY, "code": code}]}],
        "subject": {"reference": CHILD},
        "period": {"start": "2026-02-10T10:00:00Z"},
    }
    return {name: value for name, value in (usual | more).items() if value is not ...}


def observation(system: str, code: str, value: float, unit: str, **more: Any) -> JsonObject:
    """A measure of the child."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": CHILD},
        "effectiveDateTime": "2026-02-10T10:15:00Z",
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": unit},
        **more,
    }


def child() -> JsonObject:
    """Jack Smith, eleven days old."""
    return {
        "resourceType": "Patient",
        "identifier": [{"system": NHS_NUMBER, "value": synthetic_nhs_number(1)}],
        "name": [{"use": "official", "family": "Smith", "given": ["Jack"]}],
        "birthDate": "2026-01-30",
    }


def mother() -> JsonObject:
    """Jane Smith, his mother."""
    code = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH"}
    return {
        "resourceType": "RelatedPerson",
        "patient": {"reference": CHILD},
        "relationship": [{"coding": [code]}],
        "name": [{"family": "Smith", "given": ["Jane"]}],
    }


def raw(content: JsonObject) -> bytes:
    """As it is sent."""
    return json.dumps(content).encode()


def bundle(focus: JsonObject, *others: JsonObject, header_: JsonObject | None = None, **more: Any) -> JsonObject:
    """The message that this is about."""
    entries = [
        {"fullUrl": "urn:uuid:b0000000-0000-4000-8000-000000000001", "resource": header_ or header()},
        {"fullUrl": "urn:uuid:a0000000-0000-4000-8000-000000000001", "resource": focus},
        {"fullUrl": CHILD, "resource": child()},
        *({"resource": other} for other in others),
    ]
    usual = {"resourceType": "Bundle", "type": "message", "timestamp": "2026-02-10T12:00:00Z", "entry": entries}
    return {name: value for name, value in (usual | more).items() if value is not ...}
