"""Answers to tasks that somebody spoilt, posted to the API: never a fault of ours, and a refused one changes nothing."""

import copy
import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.storage.tables import Task, TaskEvent
from tests.contract.calling import FHIR, VISITORS, Broker, Json, message, sender
from tests.contract.conftest import postgres_town, sqlite_town, standing_broker  # noqa: F401 - fixtures
from tests.property.test_api_messages import (
    CANARY,
    ODD_TIMES,
    QUICK,
    double,
    drop,
    invent,
    nest,
    places,
    replace,
    reword,
)


def text(name: str, value: str) -> Json:
    return {"name": name, "valueString": value}


PRACTITIONER = {
    "name": "practitioner",
    "part": [text("name", "Nora Nurse"), {"name": "role", "valueCode": "health-visitor"}],
}
ACTION = {
    "name": "agreed-action",
    "part": [
        text("action", "Weigh the child"),
        {"name": "owner", "valueReference": {"display": "Nora Nurse"}},
        {"name": "due", "valueDate": "2026-03-09"},
    ],
}
HELD = {
    "name": "conversation",
    "part": [text("with", "A midwife"), {"name": "at", "valueDateTime": "2026-03-01T09:00:00Z"}],
}
SAID: dict[str, list[Json]] = {
    "open": [],
    "accept": [text("meaning", "We visit this week."), ACTION, HELD],
    "decline": [{"name": "reason", "valueCode": "30002"}],
    "ask": [text("question", "Who lives there?")],
    "answer": [text("answer", "Her mother")],
    "complete": [text("note", "Done"), {"name": "choice", "valueCode": "yes"}],
    "reassign": [{"name": "owner", "valueReference": {"display": "x"}}, text("note", "Moved")],
    "extend": [{"name": "due", "valueDate": "2026-04-09"}, text("note", "Away")],
}
SPOILS = [drop, double, replace, invent, nest, reword, drop, replace]


@dataclass
class Asked:
    """A broker with tasks for one team, as they were at first: what is drawn must not hang on what earlier tries did."""

    broker: Broker
    tasks: list[Json]


@pytest.fixture(scope="module")
def asked(standing_broker: Broker) -> Asked:  # noqa: F811 - the fixture
    """Tasks of several codes."""
    for name in ("birth", "transfer", "concern"):
        bundle = message(name)
        assert standing_broker.post(bundle, sender(bundle)).status_code == 200
    standing_broker.post(b"{}", VISITORS)
    found = standing_broker.call("GET", f"/fhir/Task?owner={VISITORS}&_count=200", VISITORS).json()["entry"]
    tasks = sorted((entry["resource"] for entry in found), key=lambda task: task["code"]["text"])
    assert {task["code"]["text"] for task in tasks} >= {"Acknowledge", "Data quality"}
    return Asked(standing_broker, tasks)


@st.composite
def spoilt(draw: st.DrawFn, body: Json) -> Json:
    """A body that up to three things happened to, among them times that are none."""
    body = copy.deepcopy(body)
    for spoil in draw(st.lists(st.sampled_from(SPOILS), max_size=3)):
        spoil(draw, body)
    for path in places(body):
        if path[-1] in ("valueDate", "valueDateTime", "authoredOn") and draw(st.booleans()):
            at_ = body
            for key in path[:-1]:
                at_ = at_[key]
            at_[path[-1]] = draw(ODD_TIMES)
    return body


def tried(broker: Broker, method: str, path: str, body: Json, headers: dict[str, str]) -> None:
    """Call, and hold the tasks against the answer."""
    before = broker.counts(Task, TaskEvent)
    versions = {row.id: row.version for row in broker.rows(Task)}
    answer = broker.call(method, path, VISITORS, content=json.dumps(body).encode(), headers=FHIR | headers)
    assert answer.status_code in (200, 400, 404, 409, 412, 422), answer.text
    if answer.status_code != 200:
        assert CANARY not in answer.text
        assert broker.counts(Task, TaskEvent) == before
        assert {row.id: row.version for row in broker.rows(Task)} == versions


IF_MATCH: list[dict[str, str]] = [{}, {}, {"If-Match": 'W/"1"'}, {"If-Match": "x"}, {"If-Match": 'W/"99999999999"'}]


@settings(QUICK, max_examples=30)
@given(data=st.data())
def test_a_spoilt_operation_is_never_a_fault_of_ours_nor_half_done(asked, data):
    task = data.draw(st.sampled_from(asked.tasks))["id"]
    move = data.draw(st.sampled_from(sorted(SAID)))
    body = {"resourceType": "Parameters", "parameter": [PRACTITIONER, *SAID[move]]}
    headers = data.draw(st.sampled_from(IF_MATCH))
    tried(asked.broker, "POST", f"/fhir/Task/{task}/${move}", data.draw(spoilt(body)), headers)


@settings(QUICK, max_examples=20)
@given(data=st.data())
def test_a_spoilt_update_is_never_a_fault_of_ours_nor_half_done(asked, data):
    task = data.draw(st.sampled_from(asked.tasks))
    note = {"authorString": "Nora Nurse, health-visitor", "text": "Not ours."}
    status = data.draw(st.sampled_from(["accepted", "rejected", "completed", "on-hold", "cancelled", "requested"]))
    body = data.draw(spoilt(task | {"status": status, "note": [note]}))
    etag = asked.broker.call("GET", f"/fhir/Task/{task['id']}", VISITORS).headers["etag"]
    tried(asked.broker, "PUT", f"/fhir/Task/{task['id']}", body, {"If-Match": etag})
