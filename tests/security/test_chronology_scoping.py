"""Every team asks for every household's chronology: it sees what it sent, what it was told as it was told, and of the rest only what a rule allows it now."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from broker.domain.states import InvolvementState
from broker.storage.tables import Audit, Delivery, Household, Involvement, Membership, Notification
from schemas.bundle.profile import LABEL, NOTICE, REFERENCE
from schemas.structure import check_resource
from tests.conftest import NOON
from tests.contract.calling import Broker, Json, message, sender, sent_at

STORY = (
    "pregnancy-booking",
    "supervision-start",
    "mental-health-admission",
    "birth",
    "concern",
    "concern-bruising",
    "information-request",
    "transfer",
    "mental-health-discharge-incomplete",
    "child-contact",
    "child-contact-new-to-area",
)
TAKES_OVER = "swbh-health-visiting"
VARYING = {"x-request-id", "x-correlation-id", "date"}


@pytest.fixture(scope="module")
def told(shared_broker: Broker) -> Broker:
    for bundle in sorted(map(message, STORY), key=sent_at):
        shared_broker.clock.time = sent_at(bundle) + timedelta(minutes=1)
        answer = shared_broker.post(bundle, sender(bundle))
        assert answer.status_code == 200, answer.text
    shared_broker.clock.time = NOON
    return shared_broker


def chronologies(broker: Broker) -> Iterator[tuple[str, str, Json]]:
    """Household, team, and what it is answered, where it is answered anything."""
    directory = broker.runtime.store.read(broker.runtime.context).directory
    for household in broker.rows(Household):
        for team in sorted(directory.teams):
            answer = ask(broker, household.id, team)
            if answer.status_code == 200:
                yield household.id, team, answer.json()


def ask(broker: Broker, household: str, team: str, query: str = "", **headers: str) -> Any:
    return broker.call("GET", f"/households/{household}/chronology{query}", team, headers=headers)


def told_rows(broker: Broker, team: str) -> dict[str, Delivery]:
    never = ("withheld", "held", "cancelled")
    return {row.id: row for row in broker.rows(Delivery, team_id=team, cause="") if row.state not in never}


def test_who_may_not_know_of_a_household_cannot_tell_its_chronology_from_one_that_is_not_there(told):
    directory = told.runtime.store.read(told.runtime.context).directory
    for household in told.rows(Household):
        for team in sorted(directory.teams):
            may_know = told.call("GET", f"/households/{household.id}", team).status_code == 200
            found, missing = ask(told, household.id, team), ask(told, str(uuid4()), team)
            assert (found.status_code == 200) is may_know
            if not may_know:
                assert (found.status_code, found.content) == (404, missing.content)
                assert {k: v for k, v in found.headers.items() if k not in VARYING} == {
                    k: v for k, v in missing.headers.items() if k not in VARYING
                }


def test_a_line_is_the_teams_own_or_what_it_was_told_or_what_it_may_be_told_as_one_that_works_there(told):
    kinds = set()
    working = {
        (row.team_id, row.person_id) for row in told.rows(Involvement) if row.state == InvolvementState.CONFIRMED
    }
    sent = {(row.sender_team_id, row.message_id) for row in told.rows(Notification)}
    for household, team, found in chronologies(told):
        members = {row.person_id for row in told.rows(Membership, household_id=household)}
        for line in found["lines"]:
            kinds.add((line["own"], line["told"]))
            if line["own"]:
                assert (team, line["id"]) in sent
            elif line["told"]:
                assert told_rows(told, team)[line["id"]].view == line["view"]
            else:
                assert {person for of, person in working if of == team} & members
                assert line["view"] in ("full", "risk")
                assert not told.rows(Delivery, id=line["id"])
                assert not told.rows(Notification, id=line["id"])
    assert kinds == {(True, False), (False, True), (False, False)}


def test_what_was_told_says_in_the_chronology_what_it_says_in_the_mailbox(told):
    """Two ways to the same copy: as a line, and as the message that the team's system fetches."""
    compared = 0
    for household, team, _ in chronologies(told):
        found = ask(told, household, team, "?_format=fhir").json()
        for entry in found.get("entry", []):
            if entry["search"]["mode"] == "match" and entry["resource"]["id"] in told_rows(told, team):
                from_mailbox = told.call("GET", f"/mailbox/inbox/{entry['resource']['id']}", team).json()
                assert said(entry["resource"]) == said(from_mailbox)
                compared += 1
    assert compared > 10


def said(bundle: Json) -> list[str]:
    """What it says; without tasks that came with it, the reference to an earlier message, and what every urgent message says."""
    resources = [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] != "Task"]
    for one in resources:
        if one["resourceType"] == "MessageHeader":
            extensions = one.pop("extension", [])
            one["extension"] = [each for each in extensions if each["url"] not in (REFERENCE, NOTICE)]
    return [json.dumps(resource, sort_keys=True) for resource in resources]


def test_json_and_fhir_have_the_same_lines_and_every_resource_is_valid(told):
    for household, team, found in chronologies(told):
        answer = ask(told, household, team, Accept="application/fhir+json")
        assert answer.headers["content-type"] == "application/fhir+json"
        bundle = answer.json()
        assert check_resource(bundle) == []
        matches = [entry["resource"] for entry in bundle.get("entry", []) if entry["search"]["mode"] == "match"]
        assert [resource["id"] for resource in matches] == [line["id"] for line in found["lines"]]
        assert bundle["total"] == len(matches)
        issues = [entry["resource"] for entry in bundle.get("entry", []) if entry["search"]["mode"] == "include"]
        assert [issue["detail"] for issue in issues] == [gap["text"] for gap in found["gaps"]]
        for resource in (*matches, *issues):
            assert check_resource(resource) == []


def test_pages_are_the_whole_in_its_order_either_way(told):
    for household, team, found in chronologies(told):
        for query, expected in (("", found["lines"]), ("&sort=-at", found["lines"][::-1])):
            path, lines = f"/households/{household}/chronology?limit=2{query}", []
            while path:
                page = told.call("GET", path, team).json()
                lines += page["lines"]
                path = page["next"]
            assert lines == expected


def test_every_reading_is_in_the_audit_with_what_was_read(told):
    household, team, found = next(iter(chronologies(told)))
    before = told.ids(Audit)
    ask(told, household, team)
    ask(told, str(uuid4()), team)
    shown, refused = sorted(
        (row for row in told.rows(Audit) if row.id not in before), key=lambda row: row.outcome, reverse=True
    )
    assert (shown.action, shown.entity_id, shown.team_id) == ("read", household, team)
    assert len(shown.detail["chronology"]) == len(found["lines"])
    assert set(shown.detail["chronology"]) <= told.ids(Notification)
    assert (refused.action, refused.outcome, refused.entity, refused.detail["status"]) == (
        "deny",
        "failure",
        "household",
        404,
    )


@pytest.mark.parametrize(
    ("query", "status"),
    [("?limit=0", 400), ("?cursor=x", 400), ("?since=yesterday", 400), ("?name=x", 400), ("?_format=xml", 400)],
)
def test_what_cannot_be_asked_is_refused(told, query, status):
    assert ask(told, told.rows(Household)[0].id, TAKES_OVER, query).status_code == status


def test_another_format_is_not_acceptable(told):
    assert ask(told, told.rows(Household)[0].id, TAKES_OVER, Accept="text/html").status_code == 406


@pytest.mark.parametrize("label", ["held-for-release", "addressed-only"])
def test_what_a_team_may_not_see_changes_nothing_that_it_sees(told, label):
    """Neither a line, nor a gap, nor a figure, nor the order, nor where pages end."""
    hidden = message("concern")
    header = hidden["entry"][0]["resource"]
    header["id"] = str(uuid4())
    hidden["entry"][0]["fullUrl"] = f"urn:uuid:{header['id']}"
    header["meta"]["security"].append({"system": LABEL, "code": label})
    before = everything(told)
    assert told.post(hidden, sender(hidden)).status_code == 200
    [sent] = told.rows(Notification, message_id=header["id"])
    may_see = {sender(hidden)} | {
        row.team_id for row in told.rows(Delivery, notification_id=sent.id) if row.id in told_rows(told, row.team_id)
    }
    after = everything(told)
    unseen = {key for key in before if key[1] not in may_see}
    assert len(unseen) >= 3
    for key in unseen:
        assert after[key] == before[key]


def everything(broker: Broker) -> dict[tuple[str, str], list[Json]]:
    """Every page of both forms of every chronology, by household and team."""
    found = {}
    for household, team, page in chronologies(broker):
        as_fhir = ask(broker, household, team, "?_format=fhir&limit=3").json()
        found[household, team] = [page, ask(broker, household, team, "?limit=3&sort=-at").json(), as_fhir]
    return found
