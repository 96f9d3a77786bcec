"""CP-IS records after the public profile (NHS England, Patient Flag Implementation Guide), with invented children."""

import json
from typing import Any

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
SNOMED = "http://snomed.info/sct"
PROTECTION, LOOKED_AFTER, UNBORN = "342191000000101", "764841000000100", "818901000000100"
CATEGORIES = "https://fhir.baton.example/CodeSystem"

JsonObject = dict[str, Any]


def bundle(*resources: JsonObject, kind: str = "collection", sent: str | None = "2026-02-10T12:00:00Z") -> JsonObject:
    """A Bundle of these resources; as a message the first is its header."""
    entries = [{"fullUrl": f"{item['resourceType']}/{item['id']}", "resource": item} for item in resources]
    said = {"resourceType": "Bundle", "type": kind, "entry": entries}
    return said | ({"timestamp": sent} if sent else {})


def raw(content: JsonObject) -> bytes:
    """As it is sent."""
    return json.dumps(content).encode()


def child(**more: Any) -> JsonObject:
    """Tyler Morton, two years old."""
    return {
        "resourceType": "Patient",
        "id": "tyler",
        "identifier": [{"system": NHS_NUMBER, "value": "9990000808"}],
        "name": [{"use": "official", "family": "Morton", "given": ["Tyler"]}],
        "gender": "male",
        "birthDate": "2023-11-04",
        **more,
    }


def provenance(activity: str = "CREATE", recorded: str = "2026-02-10T09:30:00Z") -> JsonObject:
    """When and how the record was changed."""
    return {
        "resourceType": "Provenance",
        "id": "prov",
        "target": [{"reference": "#"}],
        "recorded": recorded,
        "activity": {"coding": [{"code": activity}]},
        "agent": [{"who": {"display": "Sandwell children's social care"}}],
    }


def flag(activity: str = "CREATE", recorded: str = "2026-02-10T09:30:00Z", **more: Any) -> JsonObject:
    """The flag that says that there is a plan."""
    code = {
        "system": "https://fhir.nhs.uk/England/CodeSystem/England-FlagCategoryPatient",
        "code": "child-protection-information-system-flag",
    }
    detail = {
        "url": "http://hl7.org/fhir/StructureDefinition/flag-detail",
        "valueReference": {"reference": "CarePlan/plan"},
    }
    return {
        "resourceType": "Flag",
        "id": "flag",
        "contained": [provenance(activity, recorded)],
        "extension": [detail],
        "status": "active",
        "code": {"coding": [code]},
        "subject": {"reference": "Patient/tyler"},
        "period": {"start": "2026-02-10"},
        **more,
    }


def plan(kind: str = PROTECTION, *further: tuple[str, str], **more: Any) -> JsonObject:
    """A plan of a category of CP-IS; `further` are codes of Baton's lists that an authority adds."""
    added = [{"coding": [{"system": f"{CATEGORIES}/{name}", "code": code}]} for name, code in further]
    return {
        "resourceType": "CarePlan",
        "id": "plan",
        "identifier": [{"system": "https://sandwell.example/plans", "value": "CPP-0042"}],
        "status": "active",
        "intent": "plan",
        "category": [{"coding": [{"system": SNOMED, "code": kind}]}, *added],
        "subject": {"reference": "Patient/tyler"},
        "period": {"start": "2026-02-09"},
        "careTeam": [{"reference": "CareTeam/team"}],
        **more,
    }


def team(**more: Any) -> JsonObject:
    """The local authority that answers for the plan."""
    return {
        "resourceType": "CareTeam",
        "id": "team",
        "status": "active",
        "name": "Sandwell children's social care",
        "telecom": [
            {"system": "phone", "value": "0121 496 0100", "use": "work"},
            {"system": "email", "value": "duty@sandwell.example"},
            {"system": "phone", "value": "0121 496 0199", "use": "mobile"},
        ],
        **more,
    }


def header(reason: str = "new", identity: str = "m-1", focus: str = "Flag/flag") -> JsonObject:
    """The header of a message about one plan."""
    return {
        "resourceType": "MessageHeader",
        "id": identity,
        "eventCoding": {"system": "https://fhir.nhs.uk/CodeSystem/message-event", "code": "patientflags-change"},
        "reason": {"coding": [{"code": reason}]},
        "source": {"endpoint": "https://sandwell.example/cpis"},
        "focus": [{"reference": focus}],
    }


def answer(**more: Any) -> JsonObject:
    """A CareTeam as the CP-IS API answers with it: category, subject and period on the team itself, no plan, no Patient."""
    return team(
        category=[{"coding": [{"system": SNOMED, "code": PROTECTION}]}],
        subject={"identifier": {"system": NHS_NUMBER, "value": "9990000808"}, "display": "Tyler MORTON"},
        period={"start": "2026-02-09"},
        **more,
    )
