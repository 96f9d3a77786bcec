"""`/mailbox/inbox` as a team's system meets it: its own messages, by number, for ever, and nobody else's."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import select

from broker.bus.embedded import EmbeddedBus
from broker.domain.states import DeliveryState
from broker.domain.wanted import TaskWanted
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import clients, deliveries, tasks
from broker.storage.tables import Audit, Task
from broker.web import outcomes, tokens
from broker.web.api import mailbox
from schemas.codes import TaskCode, TaskStatus
from schemas.structure import check_bundle
from tests.conftest import NOON
from tests.default_policy import default_policy
from tests.integration.delivery_rows import CHILD, TEAMS, delivery, prepared, row, tell

HV, GP = "swbh-health-visiting", "cape-hill-practice"
NOBODY = "00000000-0000-4000-8000-00000000ffff"


@pytest.fixture
def database_url(sqlite_url):
    """On SQLite: what is stored and found on PostgreSQL is shown by tests/integration."""
    return sqlite_url


@pytest.fixture
def runtime(store, clock):
    prepared(store)
    return Runtime(Settings(public_url="https://baton.example"), store, default_policy(), EmbeddedBus(), clock)


@pytest.fixture
def app(runtime):
    application = FastAPI()
    application.state.runtime = runtime
    application.include_router(mailbox.router)
    outcomes.install(application)
    return application


@pytest.fixture
def calls(app, runtime):
    """An HTTP client for a team, with these scopes."""

    def client(team, scope="baton/mailbox"):
        registered = clients.Registered(
            name=f"system-of-{team}", team=team, jwks={"keys": []}, scopes=frozenset({scope})
        )

        def grant(session):
            clients.put(session, registered, NOON)
            session.flush()
            return tokens.grant(session, registered, None, seconds=3600, now=NOON)

        token = runtime.store.write(grant).token
        return TestClient(app, headers={"Authorization": f"Bearer {token}"}, raise_server_exceptions=False)

    return client


def numbers(answer):
    assert answer.status_code == 200
    return [entry["number"] for entry in answer.json()["messages"]]


def test_a_poll_shows_all_that_was_committed_before_it_with_numbers_from_one(store, calls):
    ids = tell(store, *(delivery(HV, NOON + timedelta(seconds=n)) for n in range(3)), delivery(GP))
    answer = calls(HV).get("/mailbox/inbox")
    assert numbers(answer) == [1, 2, 3]
    assert answer.json()["messages"][0] == {
        "number": 1,
        "id": ids[0],
        "purpose": "information",
        "sent": "2026-03-02T12:00:00Z",
        "acknowledged": None,
    }
    assert answer.json()["next"] is None
    tell(store, delivery(HV))
    assert numbers(calls(HV).get("/mailbox/inbox")) == [1, 2, 3, 4]


def test_what_is_acknowledged_leaves_the_inbox_and_can_be_read_again_by_number(store, calls):
    ids = tell(store, *(delivery(HV, NOON + timedelta(seconds=n)) for n in range(3)))
    team = calls(HV)
    assert numbers(team.get("/mailbox/inbox")) == [1, 2, 3]
    answer = team.put(f"/mailbox/inbox/{ids[1]}/acknowledged")
    assert (answer.status_code, answer.json()) == (
        200,
        {"id": ids[1], "number": 2, "acknowledged": "2026-03-02T12:00:00Z"},
    )
    assert numbers(team.get("/mailbox/inbox")) == [1, 3]
    assert numbers(team.get("/mailbox/inbox?after=0")) == [1, 2, 3]
    assert numbers(team.get("/mailbox/inbox?after=2")) == [3]
    assert numbers(team.get("/mailbox/inbox?after=3")) == []
    assert team.get(f"/mailbox/inbox/{ids[1]}").status_code == 200


def test_pages_follow_by_their_next_link_without_gaps(store, calls):
    tell(store, *(delivery(HV, NOON + timedelta(seconds=n)) for n in range(7)))
    team, address, seen = calls(HV), "/mailbox/inbox?after=0&limit=3", []
    while address:
        answer = team.get(address)
        seen.append(numbers(answer))
        address = answer.json()["next"]
    assert seen == [[1, 2, 3], [4, 5, 6], [7]]


def test_a_message_is_the_same_fhir_bundle_as_often_as_it_is_fetched_and_fetching_acknowledges_nothing(store, calls):
    [id_] = tell(store, delivery(HV))
    team = calls(HV)
    first, second = (team.get(f"/mailbox/inbox/{id_}") for _ in range(2))
    assert first.headers["content-type"] == "application/fhir+json"
    assert first.content == second.content
    said = first.json()
    assert check_bundle(said) == []
    assert (said["type"], said["entry"][0]["resource"]["id"]) == ("message", id_)
    assert row(store, id_).state is DeliveryState.READY
    reads = store.read(lambda s: s.exec(select(Audit).where(Audit.action == "read", Audit.entity_id == id_)).all())
    assert [(audit.team_id, audit.client_name) for audit in reads] == [(HV, f"system-of-{HV}")] * 2


def test_acknowledging_twice_gives_the_first_time_and_marks_the_tasks_received_once(store, calls, clock):
    [id_] = tell(store, delivery(HV))
    wanted = TaskWanted(
        code=TaskCode.ACKNOWLEDGE,
        owner=HV,
        description="Say what it means.",
        delivery_id=id_,
        notification_id=row(store, id_).notification_id,
    )
    [task] = store.write(lambda s: tasks.raise_tasks(s, store.codec, [wanted], policy_version="test", now=NOON))
    team = calls(HV)
    first = team.put(f"/mailbox/inbox/{id_}/acknowledged").json()
    clock.forward(minutes=5)
    assert team.put(f"/mailbox/inbox/{id_}/acknowledged").json()["acknowledged"] == first["acknowledged"]
    found = store.read(lambda s: s.get(Task, task))
    assert (found.status, found.delivered_at, found.version) == (TaskStatus.RECEIVED, NOON, 2)


def test_a_message_of_another_team_is_not_there_for_any_call(store, calls):
    [id_] = tell(store, delivery(HV))
    for other in sorted(set(TEAMS) - {HV}):
        team = calls(other)
        assert numbers(team.get("/mailbox/inbox")) == []
        assert numbers(team.get("/mailbox/inbox?after=0")) == []
        foreign = [team.get(f"/mailbox/inbox/{id_}"), team.put(f"/mailbox/inbox/{id_}/acknowledged")]
        missing = [team.get(f"/mailbox/inbox/{NOBODY}"), team.put(f"/mailbox/inbox/{NOBODY}/acknowledged")]
        assert [answer.status_code for answer in foreign] == [404, 404]
        assert [answer.content for answer in foreign] == [answer.content for answer in missing]
    assert row(store, id_).state is DeliveryState.READY


@pytest.mark.parametrize("state", [DeliveryState.WITHHELD, DeliveryState.HELD])
def test_a_decision_not_to_tell_a_team_is_neither_listed_counted_nor_found(store, calls, state):
    hidden, shown = tell(store, delivery(HV, NOON, state=state), delivery(HV, NOON + timedelta(seconds=1)))
    team = calls(HV)
    assert numbers(team.get("/mailbox/inbox?after=0")) == [1]
    assert team.get("/mailbox/inbox").json()["messages"][0]["id"] == shown
    assert team.get(f"/mailbox/inbox/{hidden}").status_code == 404
    assert team.put(f"/mailbox/inbox/{hidden}/acknowledged").status_code == 404


def test_a_withdrawn_message_keeps_its_place_and_says_only_that_it_is_withdrawn(store, calls):
    [id_] = tell(store, delivery(HV))
    team = calls(HV)
    assert numbers(team.get("/mailbox/inbox")) == [1]
    assert CHILD in team.get(f"/mailbox/inbox/{id_}").text
    store.write(lambda session: deliveries.withdraw(session, row(store, id_).notification_id, NOON))
    assert numbers(team.get("/mailbox/inbox")) == []
    assert numbers(team.get("/mailbox/inbox?after=0")) == [1]
    said = team.get(f"/mailbox/inbox/{id_}")
    assert said.json()["entry"][0]["resource"]["eventCoding"]["code"] == "withdraw"
    assert CHILD not in said.text
    assert "Testerly" not in said.text
    assert team.put(f"/mailbox/inbox/{id_}/acknowledged").status_code == 200
    assert row(store, id_).state is DeliveryState.CANCELLED


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=99999999999999999999", "limit=0", "limit=501", "limit=x"]
)
def test_a_parameter_that_is_none_is_400_and_says_which(calls, query):
    answer = calls(HV).get(f"/mailbox/inbox?{query}")
    assert answer.status_code == 400
    [issue] = answer.json()["issue"]
    assert issue["expression"] == [f"query.{query.partition('=')[0]}"]


@pytest.mark.parametrize("id_", ["1", "%00", "..%2f..", "x" * 300, "'%20OR%201=1", NOBODY.upper()])
def test_what_is_no_id_is_not_found(calls, id_):
    team = calls(HV)
    assert team.get(f"/mailbox/inbox/{id_}").status_code == 404
    assert team.put(f"/mailbox/inbox/{id_}/acknowledged").status_code == 404


def test_without_the_scope_or_a_token_there_is_no_mailbox(app, calls):
    assert calls(HV, "baton/message.write").get("/mailbox/inbox").status_code == 403
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}):
        answer = TestClient(app, headers=headers).get("/mailbox/inbox")
        assert answer.status_code == 401
        assert answer.json()["resourceType"] == "OperationOutcome"


def test_a_client_that_is_bound_to_no_team_has_no_mailbox(calls):
    assert calls(None).get("/mailbox/inbox").status_code == 403
