"""Somebody of whom nothing is known any more, as callers and people at pages meet them: not there, or without a name; and who comes again is new."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest

from broker.storage.tables import Household, Identifier, Membership, Notification, Person, Subject, Task, metadata
from broker.workflow import retention
from schemas import examples
from tests.contract.calling import ADMIN_SCOPES, MIDWIVES, VISITORS, as_of_yesterday, message, opened, town_copy
from tests.contract.visiting import employ, visitor

LATER = timedelta(days=31 * 366)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"


@pytest.fixture(scope="module")
def town(request, tmp_path_factory):
    """A transfer after a birth, answered, and thirty years later."""
    with town_copy(request, tmp_path_factory.mktemp("gone")) as url, opened(url, demo=True) as broker:
        employ(broker, "ruth", VISITORS)
        employ(broker, "nadia", scopes=ADMIN_SCOPES)
        for name in ("birth", "concern-bruising", "maternity-discharge"):
            body = message(name)
            sent = broker.post(body, team=body["entry"][0]["resource"]["sender"]["identifier"]["value"])
            assert sent.status_code == 200, sent.json()
        assert broker.rows(Membership)
        settle(broker)
        broker.clock.forward(days=LATER.days)
        store = broker.runtime.store
        while store.write(lambda session: retention.apply(session, broker.runtime.context(session), broker.clock())):
            pass
        while store.write(
            lambda session: retention.erase(session, broker.runtime.context(session), broker.clock())
        ).looked:
            pass
        assert {row.erased_at is None for row in broker.rows(Person)} == {False}
        assert not broker.rows(Identifier)
        yield broker


def settle(broker):
    """Everything is answered and delivered."""
    table, now = metadata.tables, broker.clock()
    over = {"state": "ended", "looks_at": None, "ended_at": now, "ended_because": "test"}
    arrived = {"state": "delivered", "delivered_at": now, "next_attempt_at": None, "lease_until": None}
    with broker.runtime.store.engine.begin() as connection:
        connection.execute(table["task"].update().values(status="completed"))
        connection.execute(
            table["delivery"].update().where(table["delivery"].c.state.not_in(("withheld", "held"))).values(**arrived)
        )
        connection.execute(table["expectation"].update().values(**over))
        connection.execute(table["pattern"].update().values(closed_at=now, outcome="merged"))
        connection.execute(table["patternflag"].update().values(withdrawn_at=now))


def numbers():
    """What was known of those of whom the birth told."""
    return [
        one["value"]
        for entry in message("birth")["entry"]
        for one in entry["resource"].get("identifier", ())
        if isinstance(one, dict) and one.get("system") == NHS_NUMBER
    ]


def test_nobody_finds_them(town):
    assert numbers()
    for number in numbers():
        body = f"identifier={NHS_NUMBER}|{number}"
        found = town.call("POST", "/fhir/Patient/_search", VISITORS, content=body, headers=FORM)
        assert (found.status_code, found.json().get("entry", [])) == (200, [])


def test_their_home_is_not_there(town):
    [home] = town.rows(Household)
    for path in ("", "/chronology"):
        assert town.call("GET", f"/households/{home.id}{path}", VISITORS).status_code == 404
    [subject, *_] = town.rows(Subject, named=False)
    asked = f"/responsibility?person={subject.person_id}&function=health-visiting"
    assert town.call("GET", asked, VISITORS).status_code == 404
    assert visitor(town, "ruth").http.get(f"/app/households/{home.id}").status_code == 404


def test_what_was_told_and_asked_is_still_shown_without_them(town):
    for task in town.rows(Task, owner_team_id=VISITORS):
        read = town.call("GET", f"/fhir/Task/{task.id}", VISITORS)
        assert read.status_code == 200, read.json()
        shown = visitor(town, "ruth").http.get(f"/app/tasks/{task.id}")
        assert shown.status_code == 200, (task.code, shown.status_code)
        for number in numbers():
            assert number not in read.text
            assert number not in shown.text
    person = town.rows(Subject, named=False)[0].person_id
    for path in ("/fhir/Task?_count=50", "/mailbox/inbox?after=0", f"/fhir/Flag?patient={person}"):
        assert town.call("GET", path, VISITORS).status_code == 200, path
    for one in town.call("GET", "/mailbox/inbox?after=0", VISITORS).json()["messages"]:
        assert town.call("GET", f"/mailbox/inbox/{one['id']}", VISITORS).status_code == 200


def test_the_pages_of_work_are_there_without_them(town):
    who = visitor(town, "ruth")
    transfers = [f"/app/transfers/{one.id}" for one in town.rows(Task, code="transfer", owner_team_id=VISITORS)]
    assert transfers
    for path in ("/app/inbox", "/app/agenda", "/app/sent", "/app/raised", *transfers, f"{transfers[0]}/sheet"):
        assert who.http.get(path).status_code == 200, path


def test_auditors_see_that_there_was_somebody(town):
    found = town.call("GET", "/audit/handovers", None, scopes=ADMIN_SCOPES).json()["handovers"]
    assert found
    for one in found:
        path = f"/audit/handovers/{one['id']}/evidence"
        assert town.call("GET", path, None, scopes=ADMIN_SCOPES).status_code == 200
    person = town.rows(Subject, named=False)[0].person_id
    events = town.call("GET", f"/fhir/AuditEvent?entity=Patient/{person}", None, scopes=ADMIN_SCOPES)
    assert events.json()["entry"]
    who = visitor(town, "nadia")
    for page in ("admin/retention", "audit/handovers", f"audit/handovers/{found[0]['id']}", "audit/withheld"):
        assert who.http.get(f"/app/{page}").status_code == 200, page


def test_nothing_is_held_about_them_to_ask_for_or_to_hold(town):
    person = town.rows(Subject, named=False)[0].person_id
    asked = {"person": person, "requested_by": "Herself", "reason": "Seen"}
    for method, path, body in (
        ("POST", "/admin/subject-access", asked),
        ("PUT", "/admin/legal-holds/late", {"person": person, "reason": "Coroner"}),
    ):
        content = json.dumps(body).encode()
        answer = town.call(
            method, path, None, content=content, headers={"Content-Type": "application/json"}, scopes=ADMIN_SCOPES
        )
        assert answer.status_code == 422


def test_who_comes_again_is_somebody_new(town):
    before = town.ids(Person)
    again = as_of_yesterday(examples.load("birth"))
    text = json.dumps(again)
    again = json.loads(text.replace(again["entry"][0]["resource"]["id"], str(uuid4())))
    first = town.rows(Notification, event="birth")
    assert town.post(again, team=MIDWIVES).status_code == 200
    [new] = [row for row in town.rows(Notification, event="birth") if row.id not in {one.id for one in first}]
    about = {row.person_id for row in town.rows(Subject, notification_id=new.id)}
    assert about
    assert about.isdisjoint(before)
