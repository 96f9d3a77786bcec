"""ITK3 messages and documents for tests, made of parts in FHIR's JSON form, and the same in XML as GP systems send them."""

import json
from typing import Any

from fhir.resources.STU3.bundle import Bundle

from adapters.itk3 import HANDLING
from schemas.identifiers import NHS_NUMBER, ODS

Resource = dict[str, Any]

SNOMED = "http://snomed.info/sct"

CHILD = "9990000018"
SENT = "2026-02-27T09:30:00+00:00"
WRITTEN = "2026-02-26T16:05:00+00:00"
PDF = "JVBERi0xLjQK"


def composition(type_code: str = "371531000", *, identifier: str = "doc-1", **elements: object) -> Resource:
    """A Composition about `patient` by `author`, of a SNOMED CT document type; `identifier` is the document's."""
    usual: Resource = {
        "resourceType": "Composition",
        "id": "composition",
        "identifier": {"system": "https://gp.example/document", "value": identifier},
        "status": "final",
        "type": {"coding": [{"system": SNOMED, "code": type_code}]},
        "subject": {"reference": "urn:uuid:patient"},
        "author": [{"reference": "urn:uuid:author"}],
        "date": WRITTEN,
        "title": "Document",
        "custodian": {"reference": "urn:uuid:practice"},
    }
    return usual | elements


def section(title: str, code: str, text: str = "", *entries: str) -> Resource:
    """A section of SNOMED CT code `code`; `text` is what stands inside the narrative's div."""
    made: Resource = {"title": title, "code": {"coding": [{"system": SNOMED, "code": code}]}}
    if text:
        made["text"] = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'}
    return made | ({"entry": [{"reference": f"urn:uuid:{entry}"} for entry in entries]} if entries else {})


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


AUTHOR: Resource = {
    "resourceType": "Practitioner",
    "id": "author",
    "identifier": [{"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": "555000000001"}],
    "name": [{"family": "Marsh", "given": ["Tom"], "prefix": ["Dr"]}],
}


def organisation(id_: str = "practice", ods: str = "M85001") -> Resource:
    """An organisation that has an ODS code."""
    return {"resourceType": "Organization", "id": id_, "identifier": [{"system": ODS, "value": ods}]}


ATTACHMENT: Resource = {"resourceType": "Binary", "id": "pdf", "contentType": "application/pdf", "content": PDF}


def document(*resources: Resource) -> Resource:
    """A document Bundle of a Composition and what it refers to; without resources, of a consultation report."""
    listed = resources or (composition(), patient(), AUTHOR, organisation(), ATTACHMENT)
    entries = [{"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in listed]
    identifier = listed[0].get("identifier")
    bundle: Resource = {"resourceType": "Bundle", "id": "document", "type": "document", "entry": entries}
    return bundle | ({"identifier": identifier} if isinstance(identifier, dict) else {})


def handling(*, business: bool = True, infrastructure: bool = True, recipient: str = "FA") -> Resource:
    """The extension that says what the sender wants done."""
    system = "https://fhir.nhs.uk/STU3/CodeSystem/ITK-RecipientType-1"
    return {
        "url": HANDLING,
        "extension": [
            {"url": "BusAckRequested", "valueBoolean": business},
            {"url": "InfAckRequested", "valueBoolean": infrastructure},
            {"url": "RecipientType", "valueCoding": {"system": system, "code": recipient}},
            {"url": "MessageDefinition", "valueReference": {"reference": "https://fhir.nhs.uk/MessageDefinition/x"}},
            {"url": "SenderReference", "valueString": "consultation-1"},
            {"url": "LocalExtension", "valueString": "SendDocument-ConsultationSummary"},
        ],
    }


def message(carried: Resource | None = None, *, event: str = "ITK007C", id_: str = "m-1", **header: object) -> Resource:
    """An ITK3 message of M85001 round a document."""
    usual: Resource = {
        "resourceType": "MessageHeader",
        "id": id_,
        "extension": [handling()],
        "event": {"system": "https://fhir.nhs.uk/STU3/CodeSystem/ITK-MessageEvent-2", "code": event},
        "sender": {"reference": "urn:uuid:sender"},
        "timestamp": SENT,
        "source": {"endpoint": "M85001HC001"},
        "focus": [{"reference": "urn:uuid:document"}],
    }
    return bundle(usual | header, organisation("sender"), carried or document())


HEADINGS = "https://fhir.nhs.uk/CodeSystem/RecordStandardHeadings"
HEALTH_VISITING = "1078501000000104"
"""SNOMED CT: health visiting service."""


def flag(text: str = "Bruise seen on a child who does not crawl", **elements: object) -> Resource:
    """A safeguarding Flag as Update Record tags it."""
    usual: Resource = {
        "resourceType": "Flag",
        "id": "flag",
        "meta": {"tag": [{"system": HEADINGS, "code": "safeguarding"}]},
        "status": "active",
        "code": {"text": text},
        "subject": {"reference": "urn:uuid:patient"},
    }
    return usual | elements


def appointment(**elements: object) -> Resource:
    """An Appointment with paediatrics that nobody came to."""
    usual: Resource = {
        "resourceType": "Appointment",
        "id": "appointment",
        "status": "noshow",
        "start": "2026-02-25T10:00:00+00:00",
        "specialty": [{"coding": [{"system": SNOMED, "code": "310066004"}]}],
        "participant": [{"actor": {"reference": "urn:uuid:patient"}, "status": "accepted"}],
    }
    return usual | elements


def service(*codes: str) -> Resource:
    """The service that a referral asks."""
    concepts = [{"coding": [{"system": SNOMED, "code": code}]} for code in codes]
    return {"resourceType": "HealthcareService", "id": "service", "type": concepts}


def telling() -> Resource:
    """A message whose document says all that a document can: a referral, a missed appointment and a flag."""
    asked = section("Referral details", "referral-details", "<p>Please weigh her weekly.</p>")
    asked["code"]["coding"][0]["system"] = HEADINGS
    said = composition("3457005", section=[asked])
    return message(
        document(said, patient(), AUTHOR, organisation(), service(HEALTH_VISITING), appointment(), flag(), ATTACHMENT)
    )


def scattered() -> Resource:
    """A message as some pharmacies' systems send it: no ids, the header behind, and all but the Composition beside the document."""
    subject = {"identifier": {"system": NHS_NUMBER, "value": CHILD}}
    marked = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "NOPAT"}]}
    said = composition(subject={"reference": "p"}, author=[{"reference": "a"}], meta=marked)
    header = message(sender={"reference": "o"}, focus=[{"reference": "d"}])["entry"][0]["resource"]
    listed: dict[str, Resource] = {
        "o": organisation(),
        "h": header,
        "d": document(said),
        "p": patient(),
        "a": AUTHOR,
        "f": flag(subject=subject),
    }
    nameless = {url: {name: value for name, value in one.items() if name != "id"} for url, one in listed.items()}
    entries = [{"fullUrl": url, "resource": resource} for url, resource in nameless.items()]
    return {"resourceType": "Bundle", "type": "message", "entry": entries}


def bundle(*resources: Resource) -> Resource:
    """A message Bundle of resources."""
    entries = [{"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "id": "bundle-1", "type": "message", "entry": entries}


def in_json(content: Resource) -> bytes:
    """A Bundle as the systems that have moved on send it."""
    return json.dumps(content).encode()


def in_xml(content: Resource) -> bytes:
    """A Bundle as most GP systems send it."""
    written: object = Bundle.model_validate(content).model_dump_xml()  # its annotation says text; it is bytes
    assert isinstance(written, bytes)
    return written
