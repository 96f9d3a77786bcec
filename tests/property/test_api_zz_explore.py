"""Answers to tasks that somebody spoilt, posted to the API: never a fault of ours, and a refused one changes nothing."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.storage.tables import Task, TaskEvent
from schemas.codes import TaskCode
from tests.contract.calling import FHIR, Broker, Json, message, sender
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

VISITORS = "bcht-health-visiting"


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


@pytest.fixture(scope="module")
def asked(standing_broker: Broker) -> Broker:  # noqa: F811 - the fixture
    """A broker with tasks of several codes for one team."""
    for name in ("birth", "transfer", "concern"):
        bundle = message(name)
        assert standing_broker.post(bundle, sender(bundle)).status_code == 200
    standing_broker.post(b"{}", VISITORS)
    return standing_broker


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


@settings(QUICK, derandomize=False, max_examples=600)
@given(data=st.data())
def test_a_spoilt_operation_is_never_a_fault_of_ours_nor_half_done(asked, data):
    task = data.draw(st.sampled_from(own(asked)))
    move = data.draw(st.sampled_from(sorted(SAID)))
    body = {"resourceType": "Parameters", "parameter": [PRACTITIONER, *SAID[move]]}
    headers = data.draw(
        st.sampled_from([{}, {}, {"If-Match": 'W/"1"'}, {"If-Match": "x"}, {"If-Match": 'W/"99999999999"'}])
    )
    tried(asked, "POST", f"/fhir/Task/{task}/${move}", data.draw(spoilt(body)), headers)


@settings(QUICK, derandomize=False, max_examples=400)
@given(data=st.data())
def test_a_spoilt_update_is_never_a_fault_of_ours_nor_half_done(asked, data):
    task = data.draw(st.sampled_from(own(asked)))
    read = asked.call("GET", f"/fhir/Task/{task}", VISITORS)
    note = {"authorString": "Nora Nurse, health-visitor", "text": "Not ours."}
    status = data.draw(st.sampled_from(["accepted", "rejected", "completed", "on-hold", "cancelled", "requested"]))
    body = read.json() | {"status": status, "note": [*read.json().get("note", []), note]}
    tried(asked, "PUT", f"/fhir/Task/{task}", data.draw(spoilt(body)), {"If-Match": read.headers["etag"]})


def own(broker: Broker) -> list[str]:
    """The team's tasks, in an order that does not hang on their random ids."""
    rows: list[Any] = broker.rows(Task, owner_team_id=VISITORS)
    assert {row.code for row in rows} >= {TaskCode.ACKNOWLEDGE, TaskCode.DATA_QUALITY}
    return [row.id for row in sorted(rows, key=lambda row: (row.code, row.authored_at, row.due_at))]
