"""Every team tries every id of every other team (threat T1): what is not for it cannot be told from what does not exist."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from broker.domain.states import DeliveryState
from broker.storage.tables import Audit, Delivery, Household, Involvement, Membership, Person, Subject, Task
from schemas.identifiers import NHS_NUMBER
from schemas.structure import check_resource
from tests.conftest import NOON
from tests.contract.calling import FHIR, Broker, Json, message, sender, sent_at

STORY = (
    "pregnancy-booking",
    "supervision-start",
    "mental-health-admission",
    "birth",
    "concern",
    "information-request",
    "transfer",
    "mental-health-discharge-incomplete",
)
MOVES = ("open", "accept", "decline", "ask", "answer", "complete", "reassign", "extend")
PRACTITIONER = {
    "name": "practitioner",
    "part": [{"name": "name", "valueString": "A Person"}, {"name": "role", "valueCode": "health-visitor"}],
}
PARAMETERS = json.dumps({"resourceType": "Parameters", "parameter": [PRACTITIONER]})
VARYING = {"x-request-id", "x-correlation-id", "date"}


@dataclass
class Town:
    """A broker with a story in it."""

    broker: Broker
    teams: list[str]


@pytest.fixture(scope="module")
def town(shared_broker: Broker) -> Town:
    for bundle in sorted(map(message, STORY), key=sent_at):
        shared_broker.clock.time = sent_at(bundle) + timedelta(minutes=1)
        answer = shared_broker.post(bundle, sender(bundle))
        assert answer.status_code == 200, answer.text
    shared_broker.clock.time = NOON
    directory = shared_broker.runtime.store.read(shared_broker.runtime.context).directory
    return Town(shared_broker, sorted(directory.teams))


def tried(town: Town, rows: list[Any], *own: str) -> Iterator[tuple[Any, str]]:
    """Each row with the teams named in these columns, and with some of the others: all of them in turn."""
    for index, row in enumerate(sorted(rows, key=lambda row: row.id)):
        named = {getattr(row, column) for column in own} - {None}
        for team in sorted(named | set(town.teams[index % 9 :: 9])):
            yield row, team


def seen(answer: Any) -> tuple[int, bytes, dict[str, str]]:
    """All that a caller can tell of an answer, but for the ids of the call."""
    headers = {name: value for name, value in answer.headers.items() if name not in VARYING}
    return answer.status_code, answer.content, headers


def test_the_story_reaches_several_teams_and_not_all(town):
    """Else the tests below would show nothing."""
    told = {row.team_id for row in town.broker.rows(Delivery) if row.number is not None or row.state == "ready"}
    owners = {row.owner_team_id for row in town.broker.rows(Task)}
    assert 5 < len(told | owners) < len(town.teams)


def shown_to(broker: Broker, task: Task) -> Collection[str | None]:
    """Its owner, and who waits for it when that may know that the owner was told (sharing principle 9)."""
    known = task.delivery_id is None or broker.rows(Delivery, id=task.delivery_id)[0].known_to_sender
    return {task.owner_team_id, task.requester_team_id if known else task.owner_team_id}


def test_a_task_is_there_for_its_owner_and_its_requester_alone(town):
    for task, team in tried(town, town.broker.rows(Task), "owner_team_id", "requester_team_id"):
        found = town.broker.call("GET", f"/fhir/Task/{task.id}", team)
        if team in shown_to(town.broker, task):
            assert found.status_code == 200
            assert found.json()["id"] == task.id
        else:
            assert seen(found) == seen(town.broker.call("GET", f"/fhir/Task/{uuid4()}", team))
            assert found.status_code == 404


@pytest.mark.parametrize("move", [*MOVES, "put"])
def test_nobody_else_can_move_a_task_or_learn_from_trying(town, move):
    rows = [row for row in town.broker.rows(Task) if row.status == "requested"][:6]
    for task, team in tried(town, rows):
        if team not in (task.owner_team_id, task.requester_team_id):
            tried_, missing = (moved(town.broker, team, id_, move) for id_ in (task.id, str(uuid4())))
            assert seen(tried_) == seen(missing)
            assert tried_.status_code == 404
    assert {row.version for row in town.broker.rows(Task)} == {1}


def moved(broker: Broker, team: str, task_id: str, move: str):
    if move == "put":
        body = json.dumps({"resourceType": "Task", "id": task_id, "status": "accepted", "intent": "order"})
        return broker.call("PUT", f"/fhir/Task/{task_id}", team, content=body, headers=FHIR | {"If-Match": 'W/"1"'})
    return broker.call("POST", f"/fhir/Task/{task_id}/${move}", team, content=PARAMETERS, headers=FHIR)


def test_a_search_finds_only_what_the_team_may_read_whatever_it_asks_for(town):
    tasks = {row.id: row for row in town.broker.rows(Task)}
    for index, team in enumerate(town.teams):
        own = {id_ for id_, row in tasks.items() if team in shown_to(town.broker, row)}
        assert searched(town.broker, team) == own
        for other in town.teams[index % 7 :: 7]:
            theirs = {id_ for id_ in own if tasks[id_].owner_team_id == other}
            assert searched(town.broker, team, owner=other) == theirs
            assert counted(town.broker, team, owner=other) == len(theirs)
        foreign = {row.person_id for row in tasks.values()} - {tasks[id_].person_id for id_ in own} - {None}
        for person in sorted(foreign)[index % 5 :: 5]:
            assert searched(town.broker, team, patient=person) == set()


def searched(broker: Broker, team: str, **query: str) -> set[str]:
    found: set[str] = set()
    address, query = "/fhir/Task", query | {"_count": "7"}
    while address:
        answer = broker.call("GET", address, team, params=query or None)
        assert answer.status_code == 200
        bundle = answer.json()
        assert check_resource(bundle) == []
        page = {entry["resource"]["id"] for entry in bundle.get("entry", [])}
        assert not page & found
        found |= page
        address = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "")
        query = {}
    return found


def counted(broker: Broker, team: str, **query: str) -> int:
    return int(broker.call("GET", "/fhir/Task", team, params=query | {"_summary": "count"}).json()["total"])


def test_a_message_is_there_for_the_team_it_was_made_for_alone(town):
    rows = town.broker.rows(Delivery)
    for row, team in tried(town, rows, "team_id"):
        path, elsewhere = f"/mailbox/inbox/{row.id}", f"/mailbox/inbox/{uuid4()}"
        found = town.broker.call("GET", path, team)
        if team == row.team_id and row.state not in (DeliveryState.WITHHELD, DeliveryState.HELD):
            assert found.status_code == 200
            continue
        assert seen(found) == seen(town.broker.call("GET", elsewhere, team))
        taken = town.broker.call("PUT", f"{path}/acknowledged", team)
        assert seen(taken) == seen(town.broker.call("PUT", f"{elsewhere}/acknowledged", team))
        assert (found.status_code, taken.status_code) == (404, 404)
    assert {row.id: row.state for row in town.broker.rows(Delivery)} == {row.id: row.state for row in rows}


def test_a_mailbox_lists_the_teams_own_messages_alone(town):
    for team in town.teams:
        listed = town.broker.call("GET", "/mailbox/inbox?after=0&limit=500", team).json()["messages"]
        own = {row.id for row in town.broker.rows(Delivery, team_id=team) if row.state not in ("withheld", "held")}
        assert {entry["id"] for entry in listed} == own
        assert [entry["number"] for entry in listed] == list(range(1, len(own) + 1))


def tied_to(broker: Broker, household: str) -> set[str]:
    """Teams with any tie to the household: they work with a member, or were told of one."""
    people = {row.person_id for row in broker.rows(Membership, household_id=household)}
    about = {row.notification_id for row in broker.rows(Subject) if row.person_id in people}
    told = [row for row in broker.rows(Delivery) if row.state not in (DeliveryState.WITHHELD, DeliveryState.HELD)]
    working = {row.team_id for row in broker.rows(Involvement) if row.person_id in people}
    return working | {row.team_id for row in told if row.notification_id in about}


def test_a_household_that_is_not_for_a_team_cannot_be_told_from_one_that_is_not(town):
    shown = 0
    for household in town.broker.rows(Household):
        tied = tied_to(town.broker, household.id)
        for team in town.teams:
            found = town.broker.call("GET", f"/households/{household.id}", team)
            if found.status_code == 200:
                shown += 1
                assert team in tied
            else:
                assert seen(found) == seen(town.broker.call("GET", f"/households/{uuid4()}", team))
                assert found.status_code == 404
    assert shown


@pytest.mark.parametrize("id_", ["%2e%2e", "%00", "a b", "x" * 65, "'%20or%201=1", "%F0%9F%92%A9", "%ff"])
def test_what_is_no_id_is_nowhere(town, id_):
    for path in (f"/households/{id_}", f"/mailbox/inbox/{id_}"):
        assert town.broker.call("GET", path).status_code == 404


def test_a_number_that_somebody_has_is_found_only_by_those_who_work_with_that_person(town):
    numbers = numbers_in(message("birth")) | numbers_in(message("mental-health-admission"))
    assert numbers
    nobody = "9999999999"
    found_somewhere = set()
    for index, number in enumerate(sorted(numbers)):
        for team in town.teams[index % 2 :: 2]:
            answer, other = (asked(town.broker, team, value) for value in (number, nobody))
            assert check_resource(answer.json()) == []
            ids = {entry["resource"]["id"] for entry in answer.json().get("entry", [])}
            if not ids:
                assert seen(answer) == seen(other)
            found_somewhere |= ids
            assert len(ids) <= 1
            assert number not in answer.text
    assert found_somewhere <= town.broker.ids(Person)
    assert found_somewhere


def numbers_in(bundle: Json) -> set[str]:
    identifiers = [i for entry in bundle["entry"] for i in entry["resource"].get("identifier", [])]
    return {i["value"] for i in identifiers if i.get("system") == NHS_NUMBER}


def asked(broker: Broker, team: str, number: str):
    return broker.call("POST", "/fhir/Patient/_search", team, data={"identifier": f"{NHS_NUMBER}|{number}"})


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("?identifier=a|9990000018", {}, 400),
        ("?identifier=a|9990000018", {"identifier": "a|9990000018"}, 400),
        ("?_format=json", {"identifier": "a|9990000018"}, 200),
        ("", {"family": "Hartley"}, 400),
        ("", {"identifier": "9990000018"}, 400),
        ("", {"identifier": "|9990000018"}, 400),
        ("", {"identifier": "a|"}, 400),
        ("", {"identifier": ["a|1", "a|2"]}, 400),
        ("", {"identifier": "a\x00|b"}, 400),
        ("", {"identifier": "a|b\x00"}, 400),
        ("", {"identifier:missing": "true"}, 400),
        ("", {}, 400),
    ],
)
def test_a_person_is_asked_for_by_one_identifier_in_the_body(town, path, body, status):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = town.broker.call("POST", f"/fhir/Patient/_search{path}", data=body, headers=headers)
    assert answer.status_code == status
    assert "9990000018" not in answer.text


def test_a_client_without_a_team_sees_nothing_of_any(town):
    scopes = ("system/Task.rs", "system/Patient.s", "baton/message.write", "system/Task.u")
    task, household = next(iter(town.broker.rows(Task))), next(iter(town.broker.rows(Household)))
    call = town.broker.call
    assert call("GET", f"/fhir/Task/{task.id}", None, scopes=scopes).status_code == 404
    assert call("GET", f"/households/{household.id}", None, scopes=scopes).status_code == 404
    assert call("GET", "/fhir/Task?_summary=count", None, scopes=scopes).json()["total"] == 0
    number = next(iter(numbers_in(message("birth"))))
    form = {"identifier": f"{NHS_NUMBER}|{number}"}
    assert "entry" not in call("POST", "/fhir/Patient/_search", None, scopes=scopes, data=form).json()
    answer = call("POST", "/fhir/$process-message", None, scopes=scopes, json=message("birth"), headers=FHIR)
    assert answer.status_code == 403


def test_a_team_cannot_send_in_anothers_name(town):
    before = town.broker.counts(Delivery, Task)
    bundle = message("death")
    other = next(team for team in town.teams if team != sender(bundle))
    assert town.broker.post(bundle, other).status_code == 403
    assert town.broker.counts(Delivery, Task) == before


def test_every_read_of_personal_data_is_audited_with_who_and_what(town):
    task = next(iter(town.broker.rows(Task)))
    delivery = next(row for row in town.broker.rows(Delivery) if row.state == DeliveryState.READY)
    team = delivery.team_id
    number = next(iter(numbers_in(message("birth"))))
    for reading, owner in (
        (lambda: town.broker.call("GET", f"/mailbox/inbox/{delivery.id}", team), team),
        (lambda: town.broker.call("GET", f"/fhir/Task/{task.id}", task.owner_team_id), task.owner_team_id),
        (lambda: town.broker.call("GET", "/fhir/Task", team), team),
        (lambda: asked(town.broker, team, number), team),
        (lambda: town.broker.call("GET", f"/households/{uuid4()}", team), team),
    ):
        before = town.broker.ids(Audit)
        reading()
        [row] = [row for row in town.broker.rows(Audit) if row.id not in before]
        assert row.action in ("read", "search", "deny")
        assert (row.team_id, row.client_name) == (owner, town.broker.name(owner))
        assert number not in json.dumps(row.detail)
