"""What a broken adapter could not read is kept, shown without content, and read again once it is mended: by HTTP and by command."""

import json
import re

import pytest

from adapters.port import Found, Quarantine, Record
from adapters.probation import Probation
from adapters.registry import ADAPTERS
from broker.cli import dead_letters as command
from broker.storage import lookups
from broker.storage.tables import Audit, Delivery, Lookup, Notification, Task
from broker.workflow import looked_up, reread
from schemas.codes import TaskCode, TaskStatus
from schemas.problem import Problem
from tests.conftest import SECRET
from tests.contract.calling import Broker, issues, message
from tests.contract.test_dead_letters import admin

PROBATION, VISITORS = "bcrc-probation", "bcht-health-visiting"
EVENT = json.dumps(
    {
        "eventType": "probation-case.sentence.created",
        "version": 1,
        "occurredAt": "2026-03-02T10:00:00+00:00",
        "personReference": {"identifiers": [{"type": "CRN", "value": "X540660"}]},
    }
).encode()


class Broken(Probation):
    """A probation adapter as it was before it was mended."""

    def translate(self, *_):
        return Quarantine((Problem("occurredAt", "must be a date and time", "value"),))

    def complete(self, *_):
        return Quarantine((Problem("name", "is missing", "required"),))


@pytest.fixture
def broken(monkeypatch):
    """The adapter is broken until the returned function mends it."""
    monkeypatch.setitem(ADAPTERS, "probation", Broken())
    return lambda: monkeypatch.setitem(ADAPTERS, "probation", Probation())


def send(broker: Broker, body: bytes = EVENT):
    return broker.call(
        "POST", "/adapters/probation/events", PROBATION, content=body, headers={"Content-Type": "application/json"}
    )


def listed(broker: Broker, **query) -> list[dict]:
    return admin(broker, "GET", "/dead-letters/quarantined", params=query).json()["quarantined"]


def again(broker: Broker, id_: str) -> dict:
    answer = admin(broker, "POST", f"/dead-letters/quarantined/{id_}/$retry")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_a_broken_adapter_refused_is_read_when_it_is_mended_and_routed_as_if_it_came_now(
    either_broker: Broker, broken
):
    broker = either_broker
    assert send(broker).status_code == 400
    [letter] = listed(broker)
    assert (letter["sender"], letter["via"], letter["standing"], letter["attempts"]) == (
        PROBATION,
        "probation",
        "unreadable",
        0,
    )
    assert letter["problems"] == [{"path": "occurredAt", "reason": "must be a date and time"}]
    tasks = broker.rows(Task, notification_id=letter["id"])
    assert set(letter["tasks"]) == {task.id for task in tasks}
    assert PROBATION in {task.owner_team_id for task in tasks}
    for text in (
        json.dumps(letter),
        json.dumps(admin(broker, "GET", f"/dead-letters/quarantined/{letter['id']}").json()),
    ):
        assert not re.search(r"X540660|sentence", text)

    broker.clock.forward(hours=2)
    assert again(broker, letter["id"]) == letter | {"attempts": 1, "last_at": "2026-03-02T14:00:00Z"}
    broken()
    broker.clock.forward(hours=1)
    taken = again(broker, letter["id"])
    assert (taken["standing"], taken["problems"], taken["tasks"], taken["attempts"]) == ("usable", [], [], 2)
    [row] = broker.rows(Notification, id=taken["became"])
    assert (row.sender_team_id, row.event, row.received_at) == (PROBATION, "supervision-start", broker.clock())
    assert broker.raw(row) == EVENT
    assert broker.rows(Delivery, notification_id=row.id)
    assert {task.status for task in broker.rows(Task, notification_id=letter["id"])} == {TaskStatus.COMPLETED}
    told = {
        row.team_id for row in broker.rows(Delivery, notification_id=letter["id"]) if row.cause.startswith("outcome:")
    }
    assert PROBATION in told
    assert listed(broker) == []

    before = broker.counts(Notification, Delivery, Task)
    assert again(broker, letter["id"]) == taken
    assert send(broker).status_code == 200  # the sender's own second try is the same message
    assert broker.counts(Notification, Delivery, Task) == before


def test_what_its_sender_has_sent_again_meanwhile_is_not_taken_twice(broker: Broker, broken):
    send(broker)
    [letter] = listed(broker)
    broken()
    assert send(broker).status_code == 200
    before = broker.counts(Notification)
    taken = again(broker, letter["id"])
    assert broker.counts(Notification) == before
    [row] = broker.rows(Notification, id=taken["became"])
    assert row.event == "supervision-start"


def test_several_are_read_at_once_by_way_and_sender(broker: Broker, broken):
    for crn in ("X540660", "X540661", "X540662"):
        send(broker, EVENT.replace(b"X540660", crn.encode()))
    broker.post(b"{}")
    assert len(listed(broker)) == 4
    assert [len(listed(broker, via=via)) for via in ("probation", "fhir", "gp")] == [3, 1, 0]
    page = admin(broker, "GET", "/dead-letters/quarantined?limit=3").json()
    rest = admin(broker, "GET", page["next"].removeprefix("/admin")).json()
    assert [one["id"] for one in page["quarantined"] + rest["quarantined"]] == [one["id"] for one in listed(broker)]
    assert rest["next"] is None
    broken()
    answer = admin(broker, "POST", "/dead-letters/quarantined/$retry?via=probation").json()
    assert answer == {"read": 3, "taken": 3, "left": 0, "next": None}
    assert admin(broker, "POST", "/dead-letters/quarantined/$retry").json() == {
        "read": 1,
        "taken": 0,
        "left": 1,
        "next": None,
    }
    assert len([row for row in broker.rows(Audit, action="retry") if row.entity == "dead-letter"]) == 4


def test_an_r4_message_is_read_again_too(broker: Broker):
    body = message() | {"entry": message()["entry"][:1]}
    assert broker.post(body).status_code in (400, 422)
    [letter] = listed(broker)
    assert letter["via"] == "fhir"
    assert again(broker, letter["id"])["became"] is None


def test_a_record_that_could_not_be_read_is_read_again_with_its_event(broker: Broker, broken, monkeypatch):
    monkeypatch.setitem(ADAPTERS, "probation", Probation())
    send(broker)
    monkeypatch.setitem(ADAPTERS, "probation", Broken())
    store, runtime = broker.runtime.store, broker.runtime
    record = b'{"identifiers": {"crn": "X540660"}, "name": {"forename": "Sam", "surname": "Cole"}, "dateOfBirth": "1994-05-05"}'
    spans = runtime.settings.lookup_ladder

    def looked(session):
        [asking] = lookups.take(session, store.codec, now=broker.clock(), lease=spans[0], limit=9)
        answer = Found(Record(record, "application/json"))
        return looked_up.answered(
            session, runtime.context(session), asking, answer, adapters=ADAPTERS, ladder=spans, now=broker.clock()
        )

    assert store.write(looked) == "refused"
    [letter] = listed(broker)
    assert letter["via"] == "probation/probation-person"
    broken()
    taken = again(broker, letter["id"])
    [row] = broker.rows(Notification, id=taken["became"])
    assert (row.event, row.kind) == ("identifier-change", "resolved")
    assert [one.state for one in broker.rows(Lookup)] == ["answered"]


def test_who_asks_for_what_is_not_there_is_told_so(broker: Broker, monkeypatch):
    assert admin(broker, "GET", "/dead-letters/quarantined/nothing").status_code == 404
    assert admin(broker, "POST", "/dead-letters/quarantined/nothing/$retry").status_code == 404
    answer = admin(broker, "GET", "/dead-letters/quarantined", params={"cursor": "x"})
    assert (answer.status_code, issues(answer)[0]["expression"]) == (400, ["cursor"])
    broker.post(b"{}")
    [letter] = listed(broker)
    [row] = broker.rows(Notification, id=letter["id"])

    def of_nobody(session):
        found = session.get_one(Notification, row.id)
        found.via = "telex"
        session.add(found)

    broker.runtime.store.write(of_nobody)
    assert admin(broker, "POST", f"/dead-letters/quarantined/{row.id}/$retry").status_code == 409


def test_the_command_lists_shows_and_reads_again(broker: Broker, broken, monkeypatch, capsys):
    monkeypatch.setenv("BATON_DATABASE_URL", broker.runtime.store.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("BATON_SECRET_KEY", SECRET.decode())

    def baton(call, *words, **options) -> str:
        capsys.readouterr()
        call(*words, **options)
        return capsys.readouterr().out

    send(broker)
    [letter] = listed(broker)
    id_ = letter["id"]
    assert baton(command.list_letters).splitlines()[-1].startswith("1 could not be read or routed")
    assert json.loads(baton(command.list_letters, quarantined=True, as_json=True))["quarantined"][0]["id"] == id_
    assert baton(command.list_letters, quarantined=True).splitlines()[1].endswith("occurredAt must be a date and time")
    assert "occurredAt must be a date and time" in baton(command.show, id_)
    assert baton(command.retry, [id_]) == f"{id_} is unreadable still.\n0 of 1 are taken.\n"
    broken()
    said = baton(command.retry, quarantined=True, via="probation")
    assert said.splitlines()[-1] == "1 of 1 are taken."
    assert "X540660" not in said
    assert baton(command.list_letters, quarantined=True) == "There are none.\n"
    [entry] = [row for row in broker.rows(Audit, action="receive") if row.client_name == reread.OPERATOR]
    assert entry.team_id == PROBATION
    assert not [
        task
        for task in broker.rows(Task, notification_id=id_)
        if task.code == TaskCode.DATA_QUALITY and task.status != TaskStatus.COMPLETED
    ]
