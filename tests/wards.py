"""Stays on a mental health ward as trusts tell of them: HL7 v2 ADT, a discharge summary in ITK3, an Encounter in R4. Nobody here exists."""

import json
from typing import Any

from tests import itk3

JsonObject = dict[str, Any]

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
SNOMED = "http://snomed.info/sct"
MARTIN = "9990000301"
DESTINATIONS = "https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-DischargeDestination-1"


# --- HL7 v2 -------------------------------------------------------------------------------------------------------


def adt(
    trigger: str,
    *segments: str,
    control: str = "C1",
    sent: str = "20260302120500",
    stated: str = "20260302120000",
    **visit: str,
) -> bytes:
    """An ADT of a mental health trust about Martin Hartley; `visit` replaces fields of PV1, as `pv1_37="53"`."""
    lines = [
        rf"MSH|^~\&|PAS|RXT|BATON|BATON|{sent}||ADT^{trigger}^ADT_{trigger}|{control}|P|2.4|||||GBR|8859/1",
        f"EVN|{trigger}|20260302120430||||{stated}",
        f"PID|1||{MARTIN}^^^NHS^NH~M0048213^^^RXT^MR||HARTLEY^Martin^John^^Mr^^L||19681102|M|||{_HOME}",
        "PD1|||HARBORNE PRACTICE^^Y90001",
        _pv1(visit),
        *segments,
    ]
    return "\r".join(lines).encode("latin-1") + b"\r"


_HOME = "14 Clent View Road^^Birmingham^^B17 0HG^^H" + "|" * 21 + "NSTS01"
"""PID-11 to PID-32: where he lives, and that his NHS number is verified."""


def _pv1(visit: dict[str, str]) -> str:
    fields = ["PV1"] + [""] * 45
    usual = {
        1: "1",
        2: "I",
        3: "ELM^BED3",
        7: "C3456789^Okoro^Samuel^^^Dr",
        10: "710",
        19: "V-77^^^RXT",
        44: "202602201630",
    }
    for number, value in (usual | {int(name.removeprefix("pv1_")): value for name, value in visit.items()}).items():
        fields[number] = value
    return "|".join(fields).rstrip("|")


# --- Transfer of Care ---------------------------------------------------------------------------------------------

SAFETY, SOCIAL, LEGAL, DISCHARGE = "886931000000107", "887051000000101", "886961000000102", "886811000000106"
PLAN, AUTHORSHIP = "887201000000105", "887231000000104"


def table(**rows: str) -> str:
    """A narrative of one table; `Risks_to_others="None"`."""
    cells = "".join(f"<tr><th>{name.replace('_', ' ')}</th><td>{value}</td></tr>" for name, value in rows.items())
    return f"<table>{cells}</table>"


def stay(**elements: Any) -> JsonObject:
    """The stay, in STU3."""
    going = {"coding": [{"system": DESTINATIONS, "code": "19"}]}
    usual = {
        "resourceType": "Encounter",
        "id": "stay",
        "status": "finished",
        "class": {"code": "IMP"},
        "subject": {"reference": "urn:uuid:patient"},
        "period": {"start": "2026-02-20T16:30:00+00:00", "end": "2026-02-26T11:00:00+00:00"},
        "hospitalization": {"dischargeDisposition": going},
        "location": [{"location": {"reference": "urn:uuid:ward"}}],
    }
    return usual | elements


WARD: JsonObject = {"resourceType": "Location", "id": "ward", "name": "Elm ward"}
ILLNESS: JsonObject = {
    "resourceType": "Condition",
    "id": "illness",
    "clinicalStatus": "active",
    "verificationStatus": "confirmed",
    "code": {"coding": [{"system": SNOMED, "code": "13746004", "display": "Bipolar disorder"}]},
    "subject": {"reference": "urn:uuid:patient"},
}


def summary(*sections: JsonObject, of: JsonObject | None = None, **elements: Any) -> JsonObject:
    """A discharge summary about Martin Hartley with these sections, round a stay."""
    told = {"encounter": {"reference": "urn:uuid:stay"}, "section": list(sections)} | elements
    composition = itk3.composition("373942005", **told)
    if not sections:
        del composition["section"]
    martin = itk3.patient(
        identifier=[{"system": NHS_NUMBER, "value": MARTIN}],
        name=[{"use": "official", "family": "Hartley", "given": ["Martin"]}],
        birthDate="1968-11-02",
        gender="male",
    )
    return itk3.document(composition, martin, itk3.AUTHOR, itk3.organisation(), of or stay(), WARD, ILLNESS)


def whole_summary() -> JsonObject:
    """One that says all that its event expects."""
    return summary(
        itk3.section("Safety alerts", SAFETY, table(Risks_to_self="Overdose", Risks_to_others="Hostile to his wife", Staff_safety="None")),
        itk3.section("Social context", SOCIAL, table(Household_composition="Lives with wife and a pregnant daughter")),
        itk3.section("Legal information", LEGAL, table(Safeguarding_issues="None")),
        itk3.section("Discharge details", DISCHARGE, table(Legal_status_on_discharge="Section 17A")),
        itk3.section("Plan and requested actions", PLAN, "Home visit on 2 March."),
        itk3.section("Person completing record", AUTHORSHIP, table(Contact_details="0121 496 0123")),
    )  # fmt: skip


# --- R4 -----------------------------------------------------------------------------------------------------------


def encounter(status: str = "in-progress", **elements: Any) -> JsonObject:
    """The stay, in R4."""
    usual = {
        "resourceType": "Encounter",
        "id": "stay",
        "identifier": [{"system": "https://rxt.example/visits", "value": "V-77"}],
        "status": status,
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": "Patient/martin"},
        "period": {"start": "2026-02-20T16:30:00+00:00"},
        "location": [{"location": {"reference": "Location/ward"}}],
    }
    return usual | elements


def discharged(code: str = "19", **elements: Any) -> JsonObject:
    """The stay when it is over."""
    period = {"start": "2026-02-20T16:30:00+00:00", "end": "2026-02-26T11:00:00+00:00"}
    going = {
        "coding": [{"system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-DischargeDestinationEngland", "code": code}]
    }
    return encounter("finished", period=period, hospitalization={"dischargeDisposition": going}, **elements)


def observed(code: str, **value: Any) -> JsonObject:
    """A fact of Baton's list about Martin Hartley."""
    return {
        "resourceType": "Observation",
        "id": f"o-{code}",
        "status": "final",
        "code": {"coding": [{"system": "https://fhir.baton.example/CodeSystem/fact", "code": code}]},
        "subject": {"reference": "Patient/martin"},
        **value,
    }


def message(
    *resources: JsonObject, reason: str = "new", identity: str = "m-1", focus: str = "Encounter/stay"
) -> JsonObject:
    """An R4 message about the stay."""
    header = {
        "resourceType": "MessageHeader",
        "id": identity,
        "eventCoding": {"system": "https://fhir.nhs.uk/CodeSystem/message-event", "code": "encounter"},
        "reason": {"coding": [{"code": reason}]},
        "source": {"endpoint": "https://rxt.example/pas"},
        "focus": [{"reference": focus}],
    }
    martin = {
        "resourceType": "Patient",
        "id": "martin",
        "identifier": [{"system": NHS_NUMBER, "value": MARTIN}],
        "name": [{"use": "official", "family": "Hartley", "given": ["Martin"]}],
        "birthDate": "1968-11-02",
        "gender": "male",
    }
    ward = {"resourceType": "Location", "id": "ward", "name": "Elm ward"}
    entries = [
        {"fullUrl": f"https://rxt.example/{part['resourceType']}/{part['id']}", "resource": part}
        for part in (header, *resources, martin, ward)
    ]
    return {"resourceType": "Bundle", "type": "message", "timestamp": "2026-03-02T12:05:00Z", "entry": entries}


def raw(content: JsonObject) -> bytes:
    """As it is sent."""
    return json.dumps(content).encode()
