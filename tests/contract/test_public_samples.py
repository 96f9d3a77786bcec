"""Messages that nobody of this project wrote, posted as they are: what becomes of each, and that none is lost or quoted."""

import json
from pathlib import Path

import pytest

from broker.domain.states import NotificationState
from broker.storage.tables import Delivery, Notification, Person, Subject
from schemas.codes import TaskCode
from schemas.tables import element_names, resource_types
from tests.contract.calling import MIDWIVES, STEWARD, Broker, issues

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = sorted(path for path in SAMPLES.rglob("*.*") if path.suffix in (".json", ".xml", ".hl7"))

ROUTABLE_IN_FORM = {  # FHIR R4 that is no message of ours: where it says so first
    "bars-r4/Booking_POST_.json": "Bundle.entry[0].resource.eventCoding.system",
    "bars-r4/ValidationRequest_HTTP_Response_.json": "Bundle.entry[1].resource.performer[0].reference",
    "bars-r4/ValidationResponse_POST_.json": "Bundle.entry[3].resource.episodeOfCare[0].reference",
    "fhir-r4/bundle-example.json": "Bundle.type",
    "fhir-r4/bundle-transaction.json": "Bundle.type",
    "mns-r4/patientflags-change-1__signal.json": "Bundle.type",
    "mns-r4/pds-change-of-gp-2__signal.json": "Bundle.type",
    "mns-r4/pds-record-change-2__signal.json": "Bundle.type",
}
BROKEN = {  # Bundles that are not R4, each with its faults as they were made: by hand, by a converter, by a template
    "bars-r4/Booking_HTTP_Response_.json": {
        "Bundle.entry[1].resource.participant[0].status",
        "Bundle.entry[3].resource.schedule",
    },
    "mns-r4/gpreg-change-gp-req-1__hydrated-signal.json": {"Bundle.entry[1].resource.resourceType"},
    "v2-to-fhir/FHIR_bundle.hl7_ADT_A01.json": {
        "Bundle.entry[1].resource.name[0].use",
        "Bundle.entry[11].resource.response.identifier",
    },
}
"""Any other file is another format, or one resource alone: it cannot be read as a Bundle."""


def expected(name: str) -> tuple[int, set[str]]:
    if name in ROUTABLE_IN_FORM:
        return 422, {ROUTABLE_IN_FORM[name]}
    if name in BROKEN:
        return 400, BROKEN[name]
    return 400, {"Bundle"} if not name.endswith(".json") else {"Bundle.resourceType"}


def named(path: Path) -> str:
    return str(path.relative_to(SAMPLES))


def test_the_table_names_files_that_are_there():
    names = {named(path) for path in FILES}
    assert names >= ROUTABLE_IN_FORM.keys() | BROKEN.keys()
    assert len(FILES) > 50


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_sample_is_refused_with_the_place_kept_as_it_came_and_becomes_work_for_two(shared_broker: Broker, path):
    raw = path.read_bytes()
    before, people = shared_broker.ids(Notification), shared_broker.counts(Person, Subject)
    first, second = shared_broker.post(raw), shared_broker.post(raw)
    status, places = expected(named(path))
    assert first.status_code == status, first.text
    found = {issue["expression"][0] for issue in issues(first) if issue["severity"] == "error"}
    assert places <= found
    assert (second.status_code, second.content) == (first.status_code, first.content)
    [row] = [row for row in shared_broker.rows(Notification) if row.id not in before]
    assert (row.state, row.content) == (NotificationState.REFUSED, None)
    assert shared_broker.raw(row) == raw
    tasks = shared_broker.tasks_of(row)
    assert sorted((task.code, task.owner_team_id) for task in tasks) == [
        (TaskCode.DATA_QUALITY, STEWARD),
        (TaskCode.DATA_QUALITY, MIDWIVES),
    ]
    assert shared_broker.rows(Delivery, notification_id=row.id, cause="") == []
    assert shared_broker.counts(Person, Subject) == people


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".json"], ids=named)
def test_a_refusal_quotes_nothing_of_the_sample(shared_broker: Broker, path):
    answer = shared_broker.post(path.read_bytes()).text
    assert not [value for value in texts(json.loads(path.read_bytes())) if value in answer]


OURS = {"message", "official", "nickname", "anonymous", "maiden"} | element_names() | resource_types()
"""Words of FHIR that the answers use: codes that would be right, and names of elements and resources."""


def texts(value: object) -> list[str]:
    """The texts of a document that could identify somebody: whatever is longer than a word of FHIR."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) and len(value) > 5 and value not in OURS else []


def test_the_tasks_say_where_it_is_wrong_and_close_by_hand(shared_broker: Broker):
    shared_broker.post((SAMPLES / "bars-r4/Booking_POST_.json").read_bytes())
    found = shared_broker.call("GET", "/fhir/Task?code=data-quality&_count=200", STEWARD).json()["entry"]
    said = json.dumps([entry["resource"] for entry in found])
    assert "Bundle.entry[0].resource.eventCoding.system" in said
