"""Reading a household in an emergency: who may, what proves that it is them, who is told, what stays hidden, and when it is over."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import html
from sqlalchemy import update

from broker.domain.caller import PERSON, Caller
from broker.storage import audit
from broker.storage import break_glass as rows
from broker.storage.store import open_store
from broker.storage.tables import Audit, BreakGlass, Membership, PageSession, Task
from schemas.identifiers import NHS_NUMBER
from tests.conftest import NOON
from tests.contract.calling import VISITORS, Broker, message, opened, sender, town_copy
from tests.contract.visiting import Visitor, employ, text, visitor

ED, POLICE, PRACTICE = "swbh-emergency-department", "wmp-police", "harborne-practice"
LEAD = "swbh-safeguarding-lead"
MOTHER = "9990000107"
WHY = "The baby was brought in unconscious, and nobody at the practice answers."
FLAT = "14 Clent View Road"


@pytest.fixture
def town(request, tmp_path):
    """A birth at an address that is protected, and a bruise, in a household that the emergency department does not know."""
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "sam", ED, role="emergency-physician")
        employ(broker, "ruth", VISITORS)
        employ(broker, "ann", POLICE, role="police-officer")
        employ(broker, "lee", LEAD, role="named-nurse")
        birth = message("birth")
        for entry in birth["entry"]:
            if entry["resource"]["resourceType"] == "Patient":
                mark = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
                entry["resource"]["meta"] = {"security": [mark]}
        assert broker.post(birth).status_code == 200
        assert broker.post(message("concern-bruising"), team="swbh-health-visiting").status_code == 200
        yield broker


def home(town: Broker) -> str:
    return town.rows(Membership)[0].household_id


def born(town: Broker) -> str:
    """The mother's day of birth, as the message says it with its dates moved."""
    [mother] = [
        entry["resource"]
        for entry in message("birth")["entry"]
        if {"system": NHS_NUMBER, "value": MOTHER}.items()
        <= {
            key: value
            for one in entry["resource"].get("identifier", [{}])
            if isinstance(one, dict)
            for key, value in one.items()
        }.items()
    ]
    return mother["birthDate"]


def again(who: Visitor, subject: str):
    """Sign in again at the demonstration's issuer, as whom one chooses."""
    away = who.http.get("/app/sign-in/go", params={"again": "1", "to": "/app/break-glass"})
    form = {name: values[0] for name, values in parse_qs(urlsplit(away.headers["location"]).query).items()}
    return who.follow(who.http.post("/app/demo/people", data=form | {"subject": subject}))


def asks(who: Visitor, town: Broker, **other: str):
    form = {"number": MOTHER, "born": born(town), "reason": "emergency-care", "why": WHY} | other
    return who.send(who.get("/app/break-glass"), "/app/break-glass", **form)


def broken(town: Broker, who: str = "sam") -> Visitor:
    """Somebody who reads the household in an emergency."""
    somebody = visitor(town, who)
    again(somebody, who)
    answer = asks(somebody, town)
    assert answer.request.url.path == f"/app/households/{home(town)}", answer.text[-3000:]
    return somebody


def test_for_an_hour_they_read_that_household_as_the_rules_have_it_for_who_works_there(town):
    sam = visitor(town, "sam")
    assert sam.http.get(f"/app/households/{home(town)}").status_code == 404
    sam = broken(town)
    page = sam.get(f"/app/households/{home(town)}")
    assert "You read this in an emergency, until" in text(page)
    assert "Everything that was told, latest first" in text(page)
    assert "Hand over care" not in text(page)
    town.clock.forward(minutes=59, seconds=59)
    keep_awake(town, sam)
    assert sam.http.get(f"/app/households/{home(town)}").status_code == 200
    town.clock.forward(seconds=1)
    assert sam.http.get(f"/app/households/{home(town)}").status_code == 404


def test_a_look_is_no_reason_to_say_that_one_works_with_them(town):
    sam, place = broken(town), f"/app/households/{home(town)}"
    assert sam.http.get(f"{place}/concern").status_code == 200
    for what in ("tell", "transfer", "involvement-start", "change-of-address"):
        assert sam.http.get(f"{place}/{what}").status_code == 404, what


def keep_awake(town: Broker, who: Visitor) -> None:
    """As if they had gone on stepping from page to page."""

    def work(session):
        session.execute(update(PageSession).values(seen_at=town.clock()))

    town.runtime.store.write(work)


def test_nobody_else_reads_it_by_that_nor_they_for_another_team_or_by_their_system(town):
    employ(town, "sam", ED, "swbh-paediatrics", role="emergency-physician")
    employ(town, "pat", ED, role="emergency-physician")
    sam = broken(town)
    assert visitor(town, "pat").http.get(f"/app/households/{home(town)}").status_code == 404
    assert town.call("GET", f"/households/{home(town)}", ED).status_code == 404
    assert town.call("GET", f"/households/{home(town)}/chronology", ED).status_code == 404
    sam.send(sam.get("/app/inbox"), "/app/seat", team="swbh-paediatrics")
    assert sam.http.get(f"/app/households/{home(town)}").status_code == 404


def test_the_lead_has_a_task_at_once_with_who_and_why_and_nobody_else_has(town):
    before = town.ids(Task)
    broken(town)
    [task] = [one for one in town.rows(Task) if one.id not in before]
    assert (task.owner_team_id, task.code, task.household_id) == (LEAD, "discuss-with-safeguarding-lead", home(town))
    assert task.due_at == town.clock() + timedelta(days=1)
    shown = text(visitor(town, "lee").get(f"/app/tasks/{task.id}"))
    assert "Emergency access" in shown
    assert WHY in shown
    assert "Sam, emergency-physician" in shown
    assert visitor(town, "ruth").http.get(f"/app/tasks/{task.id}").status_code == 404


def test_everything_is_in_the_audit_as_an_emergency_and_without_a_name(town):
    before = town.ids(Audit)
    broken(town)
    [kept] = town.rows(BreakGlass)
    rows = [row for row in town.rows(Audit, client_name="person:sam") if row.id not in before]
    [begun] = [row for row in rows if row.action == "break-glass"]
    assert (begun.entity_id, begun.detail["reason"], begun.detail["emergency"]) == (
        home(town),
        "emergency-care",
        kept.id,
    )
    read = [row for row in rows if (row.action, row.outcome, row.entity) == ("read", "success", "household")]
    assert {row.detail["emergency"] for row in read} == {kept.id}
    shown = town.call("GET", f"/fhir/AuditEvent/{begun.id}", None, scopes=("baton/audit",)).json()
    [purpose] = shown["purposeOfEvent"]
    assert purpose["coding"][0] | {"display": ""} == {
        "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
        "code": "BTG",
        "display": "",
    }
    assert WHY not in str([row.detail for row in rows])


def test_a_protected_address_and_what_gives_it_away_stay_hidden(town):
    page = broken(town).get(f"/app/households/{home(town)}")
    shown = html.tostring(page).decode()
    assert FLAT not in shown
    assert "Birmingham health visiting" not in text(page)
    assert "Harborne Practice" not in text(page)
    assert "None that you may know of" in text(page)


def test_whoever_works_with_adults_alone_may_not(town):
    ann = visitor(town, "ann")
    again(ann, "ann")
    assert "People of your team cannot do this" in text(ann.get("/app/break-glass"))
    csrf = ann.get("/app/break-glass").xpath("//input[@name='csrf']/@value")[0]
    form = {"csrf": csrf, "number": MOTHER, "born": born(town), "reason": "emergency-care", "why": WHY}
    assert ann.http.post("/app/break-glass", data=form).status_code == 403
    assert town.rows(BreakGlass) == []


def test_without_having_just_signed_in_again_there_is_no_form_and_none_is_taken(town):
    sam = visitor(town, "sam")
    page = sam.get("/app/break-glass")
    assert "Sign in again" in text(page)
    csrf = page.xpath("//input[@name='csrf']/@value")[0]
    form = {"csrf": csrf, "number": MOTHER, "born": born(town), "reason": "emergency-care", "why": WHY}
    assert sam.http.post("/app/break-glass", data=form).headers["location"] == "/app/break-glass"
    again(sam, "sam")
    csrf = sam.get("/app/break-glass").xpath("//input[@name='csrf']/@value")[0]
    town.clock.forward(minutes=5, seconds=1)
    assert sam.http.post("/app/break-glass", data=form | {"csrf": csrf}).headers["location"] == "/app/break-glass"
    assert town.rows(BreakGlass) == []


def test_who_signs_in_again_as_somebody_else_has_proved_nothing(town):
    sam = visitor(town, "sam")
    assert again(sam, "ruth").status_code == 409
    assert "Sign in again" in text(sam.get("/app/break-glass"))
    assert [row.proved_at for row in town.rows(PageSession)] == [None]


def test_signing_in_again_is_a_new_session_in_the_same_seat(town):
    employ(town, "sam", ED, "swbh-paediatrics", role="emergency-physician")
    sam = visitor(town, "sam")
    sam.send(sam.get("/app/inbox"), "/app/seat", team="swbh-paediatrics")
    [old] = town.rows(PageSession)
    again(sam, "sam")
    [new] = town.rows(PageSession)
    assert (new.digest != old.digest, new.team_id) == (True, "swbh-paediatrics")


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": ""},
        {"number": "9990000108"},
        {"number": "' OR 1=1 --"},
        {"born": ""},
        {"born": "soon"},
        {"reason": ""},
        {"reason": "curiosity"},
        {"why": "x"},
        {"why": "x" * 2001},
    ],
)
def test_what_is_not_said_or_not_readable_opens_nothing_and_troubles_nobody(town, wrong):
    before = town.counts(Task, Audit, BreakGlass)
    sam = visitor(town, "sam")
    again(sam, "sam")
    sent = asks(sam, town, **wrong)
    assert sent.status_code == 422
    assert "There is a problem" in sent.text
    assert town.counts(Task, BreakGlass) == {name: before[name] for name in ("Task", "BreakGlass")}


@pytest.mark.parametrize("wrong", [{"born": "1999-06-13"}, {"number": "9990009902"}])
def test_nobody_found_says_the_same_whether_there_is_such_a_number_and_the_lead_hears_of_it(town, wrong):
    before = town.ids(Task)
    sam = visitor(town, "sam")
    again(sam, "sam")
    sent = asks(sam, town, **wrong)
    assert sent.status_code == 422
    assert "Nobody with that number and that day of birth has a household here" in sent.text
    assert town.rows(BreakGlass) == []
    [task] = [one for one in town.rows(Task) if one.id not in before]
    assert (task.owner_team_id, task.household_id) == (LEAD, None)
    assert asks(sam, town, **wrong).status_code == 422
    assert len(town.ids(Task) - before) == 1
    [first, second] = town.rows(Audit, action="break-glass")
    assert {first.outcome, second.outcome} == {"failure"}
    assert (first.entity_id, second.entity_id) == (None, None)


def test_who_guesses_days_of_birth_is_stopped_for_an_hour_though_the_next_be_right(town):
    sam = visitor(town, "sam")
    again(sam, "sam")
    for day in range(1, 6):
        assert asks(sam, town, born=f"1999-06-{day:02}").status_code == 422
    assert asks(sam, town).status_code == 403
    assert town.rows(BreakGlass) == []
    town.clock.forward(hours=1, seconds=1)
    sam.sign_in("sam")
    again(sam, "sam")
    assert asks(sam, town).request.url.path == f"/app/households/{home(town)}"


def test_tries_at_the_same_time_are_counted_one_after_the_other_whatever_process_has_them(either_broker):
    """On PostgreSQL two processes write at once: the second must see the first one's try, or a burst would be as many guesses."""
    employ(either_broker, "sam", ED, role="emergency-physician")
    store, client = either_broker.runtime.store, f"{PERSON}sam"
    others = [store, open_store(str(store.engine.url.render_as_string(hide_password=False)), store.codec)]
    has_counted = [Event(), Event()]

    def tries(number):
        def work(session):
            before = rows.in_vain(session, client, NOON - timedelta(hours=1))
            has_counted[number].set()
            has_counted[1 - number].wait(1)  # only who need not wait for the other has counted by then
            audit.record(
                session,
                action="break-glass",
                entity="household",
                entity_id=None,
                now=NOON,
                caller=Caller(client=client, team=ED),
                outcome="failure",
            )
            return before

        return others[number].write(work)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(tries, (0, 1))) == [0, 1]
    others[1].close()


def test_who_sees_the_household_anyhow_just_goes_there(town):
    started = message("involvement-start")
    assert town.post(started, team=sender(started)).status_code == 200
    employ(town, "ruth", sender(started))
    ruth = visitor(town, "ruth")
    again(ruth, "ruth")
    before = town.counts(Task, BreakGlass)
    answer = asks(ruth, town)
    assert answer.request.url.path == f"/app/households/{home(town)}"
    assert "in an emergency" not in answer.text
    assert town.counts(Task, BreakGlass) == before


def test_an_account_that_is_ended_reads_no_more_at_once(town):
    sam = broken(town)
    employ(town, "sam", ED, role="emergency-physician", left_at=town.clock() - timedelta(minutes=1))
    assert sam.http.get(f"/app/households/{home(town)}").status_code == 303
