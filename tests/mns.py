"""Signals of MNS and the records they point to, after the public specifications (NHS England), with invented people."""

import json
from typing import Any

from schemas.identifiers import NHS_NUMBER, synthetic_nhs_number

JsonObject = dict[str, Any]

KEPT, FORMER, OTHER = synthetic_nhs_number(1), synthetic_nhs_number(2), synthetic_nhs_number(3)


def raw(content: JsonObject) -> bytes:
    """As it is sent."""
    return json.dumps(content).encode()


def _without(members: JsonObject) -> JsonObject:
    return {name: value for name, value in members.items() if value is not ...}


def cloud_event(event_type: Any, **members: Any) -> JsonObject:
    """A CloudEvent of the second version; members that are `...` are left out."""
    usual = {
        "specversion": "1.0",
        "id": "9d2c5c1e-0b7c-4a53-9a0b-2f4c0f4b7b10",
        "source": "https://fhir.nhs.uk/Id/nhsSpineASID/000000000001",
        "type": event_type,
        "time": "2026-02-10T09:30:00Z",
        "dataref": f"https://api.service.nhs.uk/personal-demographics/FHIR/R4/Patient/{KEPT}",
        "subject": KEPT,
    }
    return _without(usual | members)


def first_version(event_type: str, **data: Any) -> JsonObject:
    """A CloudEvent of the first version, with who it is about and what it says of it."""
    subject = {"dob": "2024-05-01", "familyName": "SMITH", "nhsNumber": KEPT}
    return cloud_event(event_type, specversion=..., dataref=..., subject=subject, data=data)


def history(event_type: str, *, record: JsonObject | None = None, **changes: Any) -> JsonObject:
    """The same event as an R4 Bundle."""
    focus = f"https://api.service.nhs.uk/personal-demographics/FHIR/R4/Patient/{KEPT}"
    parameters = [
        {"name": "type", "valueCode": changes.get("kind", "event-notification")},
        {
            "name": "notification-event",
            "part": [
                {"name": "timestamp", "valueInstant": "2026-02-10T09:30:00Z"},
                {"name": "focus", "valueReference": {"reference": focus}},
            ],
        },
        {
            "name": "additional-context",
            "part": [
                {"name": "event-type", "valueString": event_type},
                {"name": "subject", "valueReference": {"identifier": {"value": KEPT}}},
            ],
        },
    ]
    entries: list[JsonObject] = [{"resource": {"resourceType": "Parameters", "parameter": parameters}}]
    entries += [{"fullUrl": focus, "resource": record}] if record else []
    return {
        "resourceType": "Bundle",
        "id": "9d2c5c1e-0b7c-4a53-9a0b-2f4c0f4b7b10",
        "type": "history",
        "entry": changes.get("entry", entries),
    }


def number(value: str) -> JsonObject:
    """An NHS number, as an identifier."""
    return {"system": NHS_NUMBER, "value": value}


def patient(nhs_number: str = KEPT, **members: Any) -> JsonObject:
    """A record as the Personal Demographics Service answers it."""
    usual = {
        "resourceType": "Patient",
        "id": nhs_number,
        "meta": {"versionId": "2", "security": [{"code": "U"}]},
        "identifier": [number(nhs_number)],
        "name": [{"use": "usual", "family": "Smith", "given": ["Jane"]}],
        "gender": "female",
        "birthDate": "2024-05-01",
        "generalPractitioner": [
            {
                "type": "Organization",
                "identifier": {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "Y12345"},
            }
        ],
        "address": [
            {"use": "home", "period": {"start": "2020-01-01"}, "line": ["1 Elm Street"], "postalCode": "LS1 6AE"}
        ],
    }
    return _without(usual | members)


def died(code: str, **members: Any) -> JsonObject:
    """The record of somebody with that status of a notification of death."""
    status = {"url": "deathNotificationStatus", "valueCodeableConcept": {"coding": [{"code": code}]}}
    url = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-DeathNotificationStatus"
    return patient(extension=[{"url": url, "extension": [status]}], **members)


def immunization(**members: Any) -> JsonObject:
    """A record as the Immunisation FHIR API answers it."""
    usual = {
        "resourceType": "Immunization",
        "id": "29dc4e84-7e72-11ee-b962-0242ac120002",
        "contained": [
            {
                "resourceType": "Patient",
                "id": "Pat1",
                "identifier": [number(KEPT)],
                "name": [{"family": "Smith", "given": ["Jane"]}],
                "birthDate": "2024-05-01",
            }
        ],
        "status": "completed",
        "vaccineCode": {"coding": [{"system": "http://snomed.info/sct", "code": "34925411000001109"}]},
        "patient": {"reference": "#Pat1"},
        "occurrenceDateTime": "2026-02-09T10:00:00+00:00",
    }
    return _without(usual | members)
