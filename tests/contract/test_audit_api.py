"""`/fhir/AuditEvent` on both databases: every entry as a sound event, every parameter, and who sees whose."""

import base64
import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.bundle import Bundle

from broker.domain.caller import PERSON, Caller
from broker.storage import audit, audit_search
from broker.storage.tables import Audit
from broker.storage.task_values import EVERYTHING
from broker.workflow.audit_wire import ACTION, CLIENT, SHAPES, audit_event
from schemas.identifiers import TEAM
from schemas.structure import check_resource
from tests import balp
from tests.conftest import NOON
from tests.contract.calling import ADMIN_SCOPES, MIDWIVES, TEAM_SCOPES, VISITORS, Json, issues, message

AUDITOR = ("baton/audit",)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NOBODY = "00000000-0000-4000-8000-00000000ffff"


@pytest.fixture(scope="module")
def broker(standing_broker):
    """A broker whose audit has something of every kind, by two teams, an administrator and Baton itself."""
    made = standing_broker
    made.clock.time = NOON - timedelta(days=1)
    assert made.post(message()).status_code == 200
    made.clock.time = NOON
    found = made.call("GET", "/fhir/Task?code=acknowledge", VISITORS).json()["entry"][0]["resource"]
    assert made.call("GET", f"/fhir/Task/{found['id']}", VISITORS).status_code == 200
    [entry, *_] = made.call("GET", "/mailbox/inbox", VISITORS).json()["messages"]
    assert made.call("GET", f"/mailbox/inbox/{entry['id']}", VISITORS).status_code == 200
    assert made.call("PUT", f"/mailbox/inbox/{entry['id']}/acknowledged", VISITORS).status_code == 200
    assert made.call("GET", f"/households/{NOBODY}", VISITORS).status_code == 404
    agency = {"name": "An agency"}
    assert made.call("PUT", "/admin/agencies/another", None, scopes=ADMIN_SCOPES, json=agency).status_code < 300
    made.http.post("/oauth2/token", data={"grant_type": "client_credentials", "client_assertion": "x"})
    return made


def bundle(answer):
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert check_resource(found) == []
    Bundle.model_validate(found)
    return found


def events(broker, query="", team=VISITORS, scopes=TEAM_SCOPES):
    found = bundle(broker.call("GET", f"/fhir/AuditEvent?{query}", team, scopes=scopes))
    return [entry["resource"] for entry in found.get("entry", [])]


def everything(broker, query="", **who):
    """All pages of a search."""
    address: str | None = f"/fhir/AuditEvent?_count=3&{query}"
    found: list[Json] = []
    while address:
        page = bundle(broker.call("GET", address, **who))
        found += [entry["resource"] for entry in page.get("entry", [])]
        address = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    return found


def own(event):
    """Our own word for what was done."""
    [code] = [subtype["code"] for subtype in event["subtype"] if subtype["system"] == ACTION]
    return code


def test_every_entry_is_a_sound_event(broker):
    known = {row.id: row for row in broker.rows(Audit)}
    found = everything(broker, team=None, scopes=AUDITOR)
    assert known.keys() <= {event["id"] for event in found}
    for event in found:
        assert check_resource(event) == []
        AuditEvent.model_validate(event)
        if event["id"] in known:
            assert own(event) == known[event["id"]].action
    assert {"receive", "decide", "search", "read", "acknowledge", "administer", "refuse"} <= set(map(own, found))


@pytest.mark.parametrize("action", [*SHAPES, "decide", "something-new"])
def test_an_event_of_each_kind_is_sound_with_and_without_a_caller(broker, action):
    details: dict[str, Json] = {"person": {"found": ["a", "b"]}, "team": {"n": 1}, "other-thing": {}}

    def work(session):
        for entity, detail in details.items():
            audit.record(session, action=action, entity=entity, entity_id="e", now=NOON, detail=detail)

    broker.runtime.store.write(work)
    found = events(broker, f"subtype={ACTION}|{action}", None, AUDITOR)
    assert found
    for event in found:
        assert check_resource(event) == []
        AuditEvent.model_validate(event)


def test_every_word_for_what_was_done_is_published(broker):
    published = broker.http.get("/fhir/CodeSystem/audit-action").json()
    codes = {concept["code"] for concept in published["concept"]}
    assert {own(event) for event in everything(broker, team=None, scopes=AUDITOR)} - {"something-new"} <= codes
    assert set(SHAPES) <= codes


def test_every_word_that_may_be_written_is_published_and_no_other(broker):
    published = broker.http.get("/fhir/CodeSystem/audit-action").json()
    assert {concept["code"] for concept in published["concept"]} == set(get_args(audit.Action))


def test_an_event_says_who_did_what_to_what_and_when(broker):
    task = broker.call("GET", "/fhir/Task?code=acknowledge", VISITORS).json()["entry"][0]["resource"]["id"]
    [event] = events(broker, f"entity=Task/{task}&subtype=read")
    assert (event["action"], event["outcome"], event["recorded"]) == ("R", "0", "2026-03-02T12:00:00Z")
    assert event["type"]["code"] == "rest"
    assert event["entity"][0]["what"] == {"reference": f"Task/{task}"}
    system, team, itself = event["agent"]
    assert system["who"]["identifier"] == {"system": CLIENT, "value": broker.name(VISITORS)}
    assert (system["requestor"], itself["requestor"]) == (True, False)
    assert team["who"]["identifier"] == {"system": TEAM, "value": VISITORS}
    assert itself["network"] == {"address": "http://testserver/fhir", "type": "5"}


def test_what_baton_decides_by_itself_it_asked_for_itself(broker):
    event = events(broker, "subtype=decide", None, AUDITOR)[-1]
    assert event["agent"][0]["requestor"] is True
    assert event["agent"][0]["who"] == {"display": "Baton"}


def test_a_team_sees_its_own_and_an_auditor_all(broker):
    def teams(**who):
        return {
            agent["who"]["identifier"]["value"]
            for event in everything(broker, **who)
            for agent in event["agent"]
            if agent["who"].get("identifier", {}).get("system") == TEAM
        }

    assert teams(team=VISITORS) == {VISITORS}
    assert teams(team=MIDWIVES) == {MIDWIVES}
    assert teams(team=None, scopes=AUDITOR) == {VISITORS, MIDWIVES}
    assert teams(team=None, scopes=("system/AuditEvent.rs",)) == set()
    foreign = events(broker, "", MIDWIVES)[0]["id"]
    assert broker.call("GET", f"/fhir/AuditEvent/{foreign}", VISITORS).status_code == 404
    assert broker.call("GET", f"/fhir/AuditEvent/{foreign}", None, scopes=AUDITOR).json()["id"] == foreign
    assert events(broker, f"agent={MIDWIVES}") == []
    assert broker.call("GET", f"/fhir/AuditEvent/{NOBODY}", VISITORS).status_code == 404


def test_reading_the_audit_is_audited(broker):
    def noted(call):
        """What it left, but for what was asked."""
        before = broker.ids(Audit)
        call()
        [row] = [row for row in broker.rows(Audit) if row.id not in before]
        assert (row.entity, row.team_id) == ("audit", VISITORS)
        return (
            row.action,
            row.entity_id,
            {name: value for name, value in row.detail.items() if name not in ("asked", "address")},
        )

    [event] = events(broker, "_count=1&action=R")
    assert noted(lambda: events(broker, "_count=1&action=R")) == ("search", None, {"found": [event["id"]]})
    address = f"/fhir/AuditEvent/{event['id']}"
    assert noted(lambda: broker.call("GET", address, VISITORS)) == ("read", event["id"], {})
    assert noted(lambda: events(broker, "_summary=count&action=C")) == ("search", None, {"count": 0})


def asked(event):
    """What a search was narrowed by."""
    [query] = [entity["query"] for entity in event["entity"] if entity.get("role", {}).get("code") == "24"]
    return base64.b64decode(query).decode()


def test_a_search_says_by_what_it_was_narrowed_and_never_to_what(broker):
    number = "9990000409"
    form = {"identifier": f"https://fhir.nhs.uk/Id/nhs-number|{number}"}
    assert broker.call("POST", "/fhir/Patient/_search", VISITORS, data=form).status_code == 200
    event = next(one for one in events(broker, "subtype=search&_count=100") if asked(one) == "Patient?identifier")
    assert event["purposeOfEvent"][0]["coding"][0]["code"] == "COC"
    every = json.dumps(everything(broker, team=None, scopes=AUDITOR))
    assert number not in every
    decoded = [base64.b64decode(one).decode() for one in re.findall(r'"query": "([^"]*)"', every)]
    assert len(decoded) > 5
    assert not [text for text in decoded if not re.fullmatch(r"[A-Za-z-]+\?[A-Za-z_:&.-]*", text)]


def test_what_the_audit_itself_is_looked_at_for_is_not_care(broker):
    [event] = events(broker, "_count=1")
    assert broker.call("GET", f"/fhir/AuditEvent/{event['id']}", VISITORS).status_code == 200
    looked = events(broker, f"entity=AuditEvent/{event['id']}&subtype=read")
    assert {one["purposeOfEvent"][0]["coding"][0]["code"] for one in looked} == {"HCOMPL"}


FINDS = [  # with our words for what the events found must be, of those that stand in the fixture
    ("action=R", {"read"}),
    ("action=C,U", {"acknowledge"}),
    ("action=http://hl7.org/fhir/audit-event-action|E", {"search", "deny"}),
    ("action=R&action=U", set()),
    ("action=E,R", {"search", "read", "deny"}),
    ("subtype=search", {"search"}),
    ("subtype=http://hl7.org/fhir/restful-interaction|update", {"acknowledge"}),
    (f"subtype={ACTION}|acknowledge,read", {"acknowledge", "read"}),
    ("outcome=8", {"deny"}),
    ("outcome=0&action=U", {"acknowledge"}),
    (f"agent={VISITORS}&action=U", {"acknowledge"}),
    (f"agent=Organization/{VISITORS}&action=U", {"acknowledge"}),
    (f"agent=Device/{VISITORS}", set()),
    (f"agent:identifier={TEAM}|{VISITORS}&action=U", {"acknowledge"}),
    (f"agent:identifier={CLIENT}|{VISITORS}", set()),
    (f"agent:identifier={CLIENT}|nobody", set()),
    ("entity=nothing", set()),
    (f"entity=Patient/{NOBODY}", set()),
    ("date=ge2026-03-02&action=U", {"acknowledge"}),
    ("date=lt2026-03-01", set()),
    ("date=gt2026-03-02", set()),
    ("date=2026-03-02T12:00&action=U", {"acknowledge"}),
]


@pytest.mark.parametrize(("query", "found"), FINDS)
def test_each_parameter_finds_what_it_should(broker, query, found):
    assert {own(event) for event in everything(broker, query, team=VISITORS)} == found
    total = bundle(broker.call("GET", f"/fhir/AuditEvent?{query}&_summary=count", VISITORS))["total"]
    assert (total > 0) == bool(found)
    posted = bundle(broker.call("POST", "/fhir/AuditEvent/_search", VISITORS, content=query, headers=FORM))
    assert ("entry" in posted) == bool(found)


def test_what_was_done_to_a_thing_is_found_with_the_searches_that_showed_it(broker):
    [task, *_] = broker.call("GET", "/fhir/Task?code=acknowledge", VISITORS).json()["entry"]
    id_ = task["resource"]["id"]
    for query in (f"entity=Task/{id_}", f"entity={id_}"):
        assert {own(event) for event in everything(broker, query, team=VISITORS)} >= {"read", "search"}
    identifier = f"entity:identifier=https://fhir.baton.example/Id/delivery|{delivery(broker)}"
    assert {own(event) for event in everything(broker, identifier, team=VISITORS)} == {"read", "acknowledge"}
    assert everything(broker, f"entity=Patient/{id_}", team=VISITORS) == []


def delivery(broker):
    [row] = broker.rows(Audit, entity="delivery", action="acknowledge")
    return row.entity_id


@pytest.mark.parametrize(
    "query",
    [
        "mood=good", "action=X", "action=x|R", "outcome=4", "outcome=0&outcome=8", "subtype=%00", "agent=%00",
        "agent=Patient/x", "agent:identifier=x|y", "entity=Nothing/x", "entity=a|b", "entity:identifier=x|y",
        "date=yesterday", "_sort=agent", "_count=-1", "_cursor=made-up", "_summary=true",
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_refused_and_not_ignored(broker, query):
    answer = broker.call("GET", f"/fhir/AuditEvent?{query}", VISITORS)
    assert answer.status_code == 400
    assert issues(answer)
    assert (value := query.partition("=")[2])[:4] not in answer.text or len(value) < 5


def test_pages_show_each_event_once_in_order_while_new_ones_come_in(broker):
    """Each page is an event itself: the newest first, so that none of them moves the pages."""
    expected = [event["id"] for event in events(broker, "_count=200&date=lt2026-03-03")]
    paged = [event["id"] for event in everything(broker, "date=lt2026-03-03", team=VISITORS)]
    assert len(paged) == len(set(paged))
    assert [id_ for id_ in paged if id_ in expected] == expected
    oldest = events(broker, "_sort=date&_count=200")
    times = [event["recorded"] for event in oldest]
    assert times == sorted(times)


def test_zero_is_a_count(broker):
    assert bundle(broker.call("GET", "/fhir/AuditEvent?_count=0", VISITORS))["total"] > 0


def test_who_signed_in_to_the_pages_is_a_practitioner_and_found_as_one(broker):
    caller = Caller(client=f"{PERSON}nadia", team=VISITORS)
    broker.runtime.store.write(
        lambda s: audit.record(s, action="read", entity="task", entity_id="pages", now=NOON, caller=caller)
    )
    [event] = events(broker, "agent=Practitioner/nadia")
    assert event["agent"][0]["who"]["type"] == "Practitioner"
    assert event["agent"][0]["requestor"] is True
    assert event["entity"][0]["what"] == {"reference": "Task/pages"}
    assert not events(broker, "agent=Practitioner/nobody")
    assert {one["agent"][0]["who"]["type"] for one in events(broker, "agent:identifier=" + f"{CLIENT}|{VISITORS}")} <= {
        "Device"
    }


def left(broker, call):
    """The answer to a call, and the one event that it left."""
    before = broker.ids(Audit)
    answer = call()
    [row] = [row for row in broker.rows(Audit) if row.id not in before]
    return answer, broker.call("GET", f"/fhir/AuditEvent/{row.id}", VISITORS).json()


def people_in(event):
    """Ids of the patients that an event names."""
    return {
        entity["what"]["reference"].removeprefix("Patient/")
        for entity in event["entity"]
        if entity["type"]["code"] == "1"
    }


def test_every_event_is_what_it_claims_to_be(broker):
    found = everything(broker, team=None, scopes=AUDITOR)
    assert [fault for event in found for fault in balp.faults(event)] == []
    assert {"Update", "PatientRead", "Query"} <= {name for event in found for name in balp.claimed(event)}


def some_task(broker):
    return broker.call("GET", "/fhir/Task?code=acknowledge", VISITORS).json()["entry"][0]["resource"]


def found_by(broker, query):
    return {event["id"] for event in everything(broker, query, team=VISITORS)}


def test_a_read_names_whom_it_was_about_and_from_where(broker):
    task = some_task(broker)
    patient = task["for"]["reference"].removeprefix("Patient/")
    for address in (f"/fhir/Task/{task['id']}", f"/responsibility?person={patient}"):
        answer, event = left(broker, lambda address=address: broker.call("GET", address, VISITORS))
        assert answer.status_code == 200
        assert (balp.claimed(event), people_in(event)) == (["PatientRead"], {patient})
        assert event["agent"][0]["network"] == {"address": "testclient", "type": "1"}
        assert event["id"] in found_by(broker, f"patient={patient}&subtype=read")
        assert event["id"] not in found_by(broker, f"patient={NOBODY}")


NUMBER = {"identifier": "https://fhir.nhs.uk/Id/nhs-number|9990000409"}


def test_what_shows_several_people_names_each_of_them(broker):
    [entry, *_] = broker.call("POST", "/fhir/Patient/_search", VISITORS, data=NUMBER).json()["entry"]
    home = entry["resource"]["identifier"][1]["value"]
    members = {one["person"] for one in broker.call("GET", f"/households/{home}", VISITORS).json()["members"]}
    assert len(members) > 1
    for address in (f"/households/{home}", f"/households/{home}/chronology"):
        _, event = left(broker, lambda address=address: broker.call("GET", address, VISITORS))
        assert (balp.claimed(event), people_in(event)) == (["Read"], members)
        for member in members:
            assert event["id"] in found_by(broker, f"patient=Patient/{member}&subtype=read")


def test_a_search_is_about_one_patient_or_about_nobody(broker):
    answer, event = left(broker, lambda: broker.call("POST", "/fhir/Patient/_search", VISITORS, data=NUMBER))
    assert balp.claimed(event) == ["PatientQuery"]
    assert people_in(event) == {answer.json()["entry"][0]["resource"]["id"]}
    answer, event = left(broker, lambda: broker.call("GET", "/fhir/Task?status=cancelled", VISITORS))
    assert "entry" not in answer.json()
    assert (balp.claimed(event), people_in(event)) == (["Query"], set())


def test_a_message_from_the_mailbox_names_those_whom_its_copy_names(broker):
    id_ = delivery(broker)
    copy, event = left(broker, lambda: broker.call("GET", f"/mailbox/inbox/{id_}", VISITORS))
    patients = [one for one in copy.json()["entry"] if one["resource"]["resourceType"] == "Patient"]
    assert people_in(event) == {one["fullUrl"].removeprefix("urn:uuid:") for one in patients}
    assert balp.claimed(event) == ["Read" if len(patients) > 1 else "PatientRead"]


def test_entries_of_before_claim_nothing(broker):
    """They say neither whom they showed nor from where it was asked."""
    caller = Caller(client="old", team=VISITORS)
    broker.runtime.store.write(
        lambda s: audit.record(s, action="read", entity="task", entity_id="old", now=NOON, caller=caller)
    )
    [event] = events(broker, "entity=Task/old")
    assert "meta" not in event
    assert balp.claimed(event) == []


SOMEWHERE = Caller(client="known", team=VISITORS, address="192.0.2.1")


@pytest.mark.parametrize(
    ("more", "claims"),
    [
        ({"caller": SOMEWHERE}, ["Read"]),
        ({"caller": SOMEWHERE, "outcome": "failure"}, []),
        ({"caller": SOMEWHERE, "entity_id": None}, []),
        ({"caller": replace(SOMEWHERE, address=None)}, []),
        ({"caller": None}, []),
    ],
    ids=["met", "failed", "of nothing", "from nowhere", "by nobody"],
)
def test_what_lacks_an_element_of_its_pattern_claims_nothing(broker, more, claims):
    said = {"entity_id": NOBODY} | more
    event = audit_event(entry_of(broker, action="read", entity="team", **said), "https://baton.example/fhir")
    assert (balp.claimed(event), balp.faults(event)) == (claims, [])


def entry_of(broker, **said):
    """The entry that is written of it."""
    before = broker.ids(Audit)
    broker.runtime.store.write(lambda session: audit.record(session, now=NOON, **said))
    [row] = [row for row in broker.rows(Audit) if row.id not in before]
    return broker.runtime.store.read(lambda session: audit_search.get(session, row.id, EVERYTHING))


@pytest.mark.parametrize(("action", "pattern"), [("refuse", None), ("read", "Read"), ("answer", "Update")])
def test_somebody_on_the_pages_acts_by_a_browser_somewhere(broker, action, pattern):
    caller = Caller(client=f"{PERSON}ruth", team=VISITORS, address="2001:db8::7")
    detail: Json = {audit.PATIENTS: []}
    broker.runtime.store.write(
        lambda s: audit.record(
            s, action=action, entity="task", entity_id=f"by-{action}", now=NOON, caller=caller, detail=detail
        )
    )
    [event] = events(broker, f"entity=Task/by-{action}")
    user, browser, *_ = event["agent"]
    assert user["who"]["type"] == "Practitioner"
    assert browser["network"] == {"address": "2001:db8::7", "type": "2"}
    assert balp.claimed(event) == ([pattern] if pattern else [])
    assert balp.faults(event) == []


def test_both_what_and_whom_it_is_about_narrow_a_search(broker):
    task = some_task(broker)
    broker.call("GET", f"/fhir/Task/{task['id']}", VISITORS)
    assert found_by(broker, f"entity=Task/{task['id']}&patient={task['for']['reference']}")
    assert not found_by(broker, f"entity=Task/{task['id']}&patient={NOBODY}")
