"""PUT of a Task: one move by its result, with a current version, and nothing else changed."""

from typing import Any

import pytest

from schemas.identifiers import TEAM
from tests.contract.task_calls import FHIR, NOBODY, Callers, details, operate, refused, valid
from tests.integration.task_rows import GP, HV, LEAD, told


@pytest.fixture
def database_url(sqlite_url):
    """On SQLite: what is stored and found on PostgreSQL is shown by tests/integration."""
    return sqlite_url


@pytest.fixture
def calls(store, clock):
    return Callers(store, clock)


def put(client, task, version=None, **changes):
    headers = FHIR | ({"If-Match": f'W/"{version}"'} if version else {})
    return client.put(f"/fhir/Task/{task['id']}", json={**task, **changes}, headers=headers)


NOTE = {"authorString": "Nora Nurse, health-visitor", "text": "We visit weekly."}
REASON = {"coding": [{"system": "https://fhir.nhs.uk/STU3/CodeSystem/ITK-ResponseCode-1", "code": "30002"}]}


def test_a_put_needs_if_match_and_a_current_version(store, calls):
    client = calls(HV)
    task = valid(client.get(f"/fhir/Task/{told(store, HV)}"))
    assert refused(put(client, task, status="accepted", note=[NOTE]), 400)
    assert refused(client.put(f"/fhir/Task/{task['id']}", json=task, headers=FHIR | {"If-Match": "3"}), 400)
    valid(operate(client, task["id"], "open"))
    [(_, reason)] = refused(put(client, task, version=1, status="accepted", note=[NOTE]), 412)
    assert reason == "It was changed since it was read: your team made it requested (open); it is now version 2."
    done = put(client, task, version=2, status="accepted", note=[NOTE])
    assert valid(done)["status"] == "completed"
    assert done.headers["etag"] == 'W/"3"'
    assert details(done.json())["meaning"]["valueAnnotation"]["authorString"] == "Nora Nurse, health-visitor"


def test_a_put_that_changes_something_else_names_it(store, calls):
    client = calls(HV)
    task = valid(client.get(f"/fhir/Task/{told(store, HV)}"))
    issues = refused(put(client, task, version=1, priority="stat", description="Another matter"), 422)
    assert [path for path, _ in issues] == ["Task.description", "Task.priority"]
    other = put(client, {**task, "id": task["id"]}, version=1, identifier=[{"value": "x"}])
    assert refused(other, 422)[0][0] == "Task.identifier"
    answer = client.put(f"/fhir/Task/{task['id']}", json={**task, "id": NOBODY}, headers=FHIR | {"If-Match": 'W/"1"'})
    assert refused(answer, 400)[0][0] == "Task.id"


def test_a_put_of_the_same_changes_nothing_however_it_is_written(store, calls):
    client = calls(HV)
    task = valid(client.get(f"/fhir/Task/{told(store, HV)}"))
    rewritten = {**task, "authoredOn": "2026-03-02T13:00:00.000+01:00"}
    rewritten.pop("description")
    assert valid(put(client, rewritten, version=1))["meta"]["versionId"] == "1"


WRONG_PUTS: list[tuple[dict[str, Any], int, str]] = [
    ({"status": "accepted"}, 422, "Task.note.authorString"),
    ({"status": "rejected", "note": [NOTE]}, 422, "Task.statusReason"),
    ({"statusReason": REASON}, 422, "Task.statusReason"),
    ({"note": [NOTE, {**NOTE, "text": "And more."}]}, 422, "Task.note"),
    (
        {"status": "accepted", "owner": {"identifier": {"system": TEAM, "value": LEAD}}, "note": [NOTE]},
        422,
        "Task.owner",
    ),
    ({"owner": {"identifier": {"value": LEAD}}, "note": [NOTE]}, 422, "Task.owner"),
    ({"owner": {"identifier": {"system": TEAM, "value": GP}}, "note": [NOTE]}, 422, "Task.owner"),
    ({"status": "completed", "note": [{"text": "We visit."}]}, 422, "Task.note.authorString"),
]


def test_a_put_says_where_it_is_wrong(store, calls):
    client = calls(HV)
    task = valid(client.get(f"/fhir/Task/{told(store, HV)}"))
    for changes, status, path in WRONG_PUTS:
        assert path in [where for where, _ in refused(put(client, task, version=1, **changes), status)]
    assert valid(client.get(f"/fhir/Task/{task['id']}"))["meta"]["versionId"] == "1"


def test_each_status_that_may_be_put_is_its_move(store, calls):
    client = calls(HV)
    note = valid(put(client, valid(client.get(f"/fhir/Task/{told(store, HV)}")), version=1, note=[NOTE]))
    assert (note["status"], note["note"][0]["text"]) == ("requested", "We visit weekly.")
    held = valid(put(client, note, version=2, status="on-hold", note=[*note["note"], {**NOTE, "text": "Which flat?"}]))
    assert (held["status"], details(held)["question"]["valueAnnotation"]["text"]) == ("on-hold", "Which flat?")
    declined = valid(
        put(client, held, version=3, status="rejected", statusReason=REASON, note=[NOTE | {"text": "No."}])
    )
    assert declined["status"] == "rejected"
    assert refused(put(client, declined, version=4, status="accepted", note=[NOTE | {"text": "Yes."}]), 409)


def test_a_move_that_is_not_allowed_names_those_that_are(store, calls):
    client = calls(HV)
    task = valid(client.get(f"/fhir/Task/{told(store, HV)}"))
    [(_, reason)] = refused(put(client, task, version=1, status="cancelled", note=[NOTE]), 409)
    assert reason == (
        "This move is not possible now. Possible now: open, accept, decline, ask, reassign, extend, note."
    )
