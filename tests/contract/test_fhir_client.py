"""A FHIR client that nobody of this project wrote, against a listening broker: it needs nothing but the address and a token."""

import json

import httpx
import pytest
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import AuthorizationError, MultipleResourcesFound, OperationOutcome, ResourceNotFound

from schemas.codes import SYSTEMS, ResponseReason
from tests.contract.calling import FHIR, MIDWIVES, VISITORS, message
from tests.contract.server import Server

PRACTITIONER = {
    "name": "practitioner",
    "part": [{"name": "name", "valueString": "Nora Nurse"}, {"name": "role", "valueCode": "health-visitor"}],
}


@pytest.fixture(scope="module", autouse=True)
def births(server: Server) -> None:
    """Three births, reported to the listening broker."""
    for number in range(3):
        text = json.dumps(message("birth")).replace("Hartley", f"Hartley-{number}")
        for digits in ("9990000409", "9990000107", "X320741"):
            text = text.replace(digits, f"L{number}{digits}")
        bundle = json.loads(text)
        bundle["entry"][0]["resource"]["id"] = f"birth-{number}"
        headers = server.headers(MIDWIVES) | FHIR
        answer = httpx.post(f"{server.url}/fhir/$process-message", json=bundle, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text


def client(server: Server, team: str = VISITORS, **headers: str) -> SyncFHIRClient:
    token = server.headers(team)["Authorization"]
    return SyncFHIRClient(f"{server.url}/fhir", authorization=token, extra_headers=headers or None)


def test_it_reads_what_the_server_does(server):
    statement = client(server).execute("metadata", method="get")
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["implementation"]["url"] == f"{server.url}/fhir"
    assert {"Task", "Patient"} <= {resource["type"] for resource in statement["rest"][0]["resource"]}


def test_it_searches_and_follows_every_page(server):
    tasks = client(server).resources("Task").search(owner=VISITORS, code="acknowledge")
    whole = tasks.fetch_all()
    paged = tasks.limit(1).fetch_all()
    assert len(whole) >= 3
    assert [task.id for task in paged] == [task.id for task in whole]
    assert tasks.count() == len(whole)
    assert tasks.sort("-authored-on").limit(2).fetch()[0].resource_type == "Task"
    assert len(list(tasks.limit(1))) == len(whole)


def test_it_reads_a_task_and_is_told_when_there_is_none(server):
    fhir = client(server)
    task = fhir.resources("Task").search(code="acknowledge").first()
    assert fhir.reference("Task", task.id).to_resource() == task
    with pytest.raises(ResourceNotFound):
        fhir.reference("Task", "00000000-0000-4000-8000-00000000ffff").to_resource()
    with pytest.raises(AuthorizationError):
        SyncFHIRClient(f"{server.url}/fhir").resources("Task").fetch()


def test_it_updates_a_task_at_the_version_it_read_and_at_no_other(server):
    task = client(server).resources("Task").search(code="acknowledge", status="requested,received").first()
    version = task["meta"]["versionId"]
    with pytest.raises(OperationOutcome, match="If-Match"):
        task.update()
    task["status"] = "rejected"
    task["statusReason"] = {"coding": [{"system": SYSTEMS[ResponseReason], "code": "30002"}]}
    task["note"] = [{"authorString": "Nora Nurse, health-visitor", "text": "Not on our list."}]
    updated = client(server, **{"If-Match": f'W/"{version}"'}).resource("Task", **task.serialize())
    updated.save()
    assert (updated["status"], updated["meta"]["versionId"]) == ("rejected", str(int(version) + 1))
    with pytest.raises(MultipleResourcesFound, match="changed since"):  # what this client makes of any 412
        client(server, **{"If-Match": f'W/"{version}"'}).resource("Task", **updated.serialize()).save()


def test_it_accepts_a_task_by_the_operation_and_the_sender_sees_it(server):
    task = client(server).resources("Task").search(code="acknowledge", status="requested,received").first()
    with pytest.raises(OperationOutcome):
        task.execute("$accept", data={"resourceType": "Parameters", "parameter": [PRACTITIONER]})
    meaning = {"name": "meaning", "valueString": "We visit this week."}
    answered = task.execute("$accept", data={"resourceType": "Parameters", "parameter": [PRACTITIONER, meaning]})
    assert (answered["resourceType"], answered["id"], answered["status"]) == ("Task", task.id, "completed")
    seen = client(server, MIDWIVES).reference("Task", task.id).to_resource()
    assert seen["status"] == "completed"


def test_it_finds_a_person_by_a_number_that_stands_in_no_address(server):
    fhir = client(server)
    with pytest.raises(ResourceNotFound):
        fhir.resources("Patient").search(identifier="a|b").fetch()


def test_it_reads_the_definitions_that_the_statement_links_to(server):
    statement = client(server).execute("metadata", method="get")
    [task] = [resource for resource in statement["rest"][0]["resource"] if resource["type"] == "Task"]
    for operation in task["operation"]:
        kind, identity = operation["definition"].rsplit("/", 2)[-2:]
        assert client(server).reference(kind, identity).to_resource()["code"] == operation["name"]
