"""Who is responsible for a child or an adult, since when and by what: asked over HTTP by those who may know, and by those who may not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import col, select

from broker.storage.tables import Audit
from schemas.codes import Event
from schemas.examples.cast import AVA, BRIAN, CHLOE, FLAT, MARTIN
from schemas.examples.story import MESSAGES
from schemas.examples.telling import mother, tell, when

HELD = ["midwifery", "health-visiting", "general-practice", "mental-health", "probation"]
CHILDS = HELD[:3]
"""What those who work for children may know."""
BORN = [MESSAGES["pregnancy-booking"], MESSAGES["birth"]]


@pytest.fixture
def born(office):
    """Ava, whom midwifery booked unborn."""
    office.system("swbh-midwifery").tells(*BORN)
    return office


@pytest.fixture
def auditor(office):
    return office.auditor()


def id_of(office, person, team="swbh-midwifery"):
    return office.system(team).looks_up(person)["id"]


def asks(system, person, **query):
    """The answers by function."""
    found = system.get("/responsibility", params={"person": person, **query})
    assert found["person"] == person
    return {answer["function"]: answer for answer in found["functions"]}


def who(answers):
    """Team, or why there is none, by function."""
    return {
        function: answer["team"]["id"] if answer["team"] else answer["because"]["code"]
        for function, answer in answers.items()
    }


def test_from_booking_to_health_visiting_and_a_practice(born, clock):
    midwifery, ava = born.system("swbh-midwifery"), id_of(born, AVA)
    answers = asks(midwifery, ava)
    assert who(answers) == dict(zip(CHILDS, ["swbh-midwifery", "not-known", "not-known"], strict=True))
    assert answers["midwifery"]["team"] == {
        "id": "swbh-midwifery",
        "name": "Community midwifery",
        "telephone": "0121 496 0101",
        "closed": False,
    }
    assert answers["midwifery"]["by"] == "registration"
    assert answers["health-visiting"]["because"]["text"] == "Nothing has been said of it."
    born.system("bcht-health-visiting").tells(MESSAGES["involvement-start"])
    began = clock()
    born.system("harborne-practice").tells(MESSAGES["gp-registration"])
    everything = who(asks(midwifery, ava))
    assert everything == dict(zip(CHILDS, ["swbh-midwifery", "bcht-health-visiting", "harborne-practice"], strict=True))
    before = asks(midwifery, ava, at=(began - timedelta(seconds=1)).isoformat())
    assert who(before) == dict(zip(CHILDS, ["swbh-midwifery", "not-known", "not-known"], strict=True))
    born.system("bcht-health-visiting").tells(MESSAGES["involvement-end"])
    visiting = asks(midwifery, ava, function="health-visiting", history="true")
    assert who(visiting) == {"health-visiting": "ended"}
    first, second = visiting["health-visiting"]["history"]
    assert (first["team"]["id"], first["until"]) == ("bcht-health-visiting", second["since"])
    assert (second["because"]["code"], second["until"], second["by"]) == ("ended", None, "end")


def test_what_is_late_says_so(born, clock):
    clock.forward(days=30)
    born.system("bcht-health-visiting").sends(replace(MESSAGES["involvement-start"], sent=clock()))
    [answer] = asks(born.system("swbh-midwifery"), id_of(born, AVA), function="health-visiting").values()
    assert answer["since"].startswith(clock().date().isoformat())
    assert answer["occurred"].startswith("2018-02-27")


def test_a_contact_and_an_acknowledgement_move_nothing(office, clock):
    midwifery, visitors = office.system("swbh-midwifery"), office.system("bcht-health-visiting")
    midwifery.tells(MESSAGES["pregnancy-booking"], MESSAGES["pregnancy-notification"])
    visitors.accepts(visitors.copy_of(Event.PREGNANCY_NOTIFICATION).task, "We visit her in January.")
    midwifery.tells(MESSAGES["birth"])
    visitors.tells(tell("seen", Event.CHILD_CONTACT, "bcht-health-visiting", clock(), subjects=[AVA], kind="new-birth"))
    assert who(asks(visitors, id_of(office, AVA)))["health-visiting"] == "not-known"


def test_what_another_function_does_with_an_adult_is_nobodys_business(born, auditor):
    """The health visitor sees Grandfather at home and not that a mental health team has him; the team sees itself."""
    born.system("bsmhft-cmht").tells(MESSAGES["mental-health-admission"])
    visitors, cmht = born.system("bcht-health-visiting"), born.system("bsmhft-cmht")
    martin = cmht.looks_up(MARTIN)["id"]
    assert who(asks(cmht, martin)) == {
        "midwifery": "not-known",
        "health-visiting": "not-known",
        "mental-health": "bsmhft-cmht",
    }
    visitors.tells(
        tell(
            "home",
            Event.HOUSEHOLD_UPDATE,
            "bcht-health-visiting",
            when(2018, 3, 1),
            subjects=[AVA],
            people=[CHLOE, MARTIN],
            relationships=mother(CHLOE, AVA),
            household=MESSAGES["mental-health-admission"].household[:1],
        )
    )
    assert set(who(asks(visitors, id_of(born, AVA)))) == set(CHILDS)
    unknown = visitors.call("GET", "/responsibility", params={"person": martin, "function": "mental-health"})
    assert unknown.status_code == 404
    assert who(asks(auditor, martin)) == dict.fromkeys(HELD, "not-known") | {"mental-health": "bsmhft-cmht"}


def test_of_whom_one_may_not_know_nothing_is_said(born, auditor):
    """The same answer as of somebody who is not there."""
    ava = id_of(born, AVA)
    stranger = born.system("met-police")
    known = stranger.call("GET", "/responsibility", params={"person": ava})
    unknown = stranger.call("GET", "/responsibility", params={"person": "nobody"})
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert known.status_code == 404
    assert auditor.call("GET", "/responsibility", params={"person": "nobody"}).status_code == 404


@pytest.mark.parametrize(
    "query",
    [{}, {"person": "a b"}, {"function": "police"}, {"function": "x"}, {"at": "2018-02-27T10:00:00"}, {"at": "soon"}],
)
def test_what_cannot_be_read_is_said_without_repeating_it(born, query):
    given = {"person": id_of(born, AVA)} | query if query else {}
    answer = born.system("swbh-midwifery").call("GET", "/responsibility", params=given)
    assert answer.status_code == 400
    assert not [value for value in query.values() if value in answer.text and value != "x"]


def test_a_function_that_is_none_is_answered_with_those_that_there_are(office):
    answer = office.system("swbh-midwifery").call("GET", "/responsibility", params={"person": "a", "function": "hv"})
    [issue] = answer.json()["issue"]
    assert issue["expression"] == ["query.function"]
    assert {"midwifery", "health-visiting"} <= set(issue["diagnostics"].removeprefix("must be one of ").split(", "))


def test_nobody_is_told_what_gives_a_protected_address_away(born):
    """Team and practice are location (principle 10): who does not hold the address learns of its own part alone."""
    visitors, midwifery = born.system("bcht-health-visiting"), born.system("swbh-midwifery")
    visitors.tells(MESSAGES["involvement-start"])
    ava = id_of(born, AVA)
    hidden = replace(CHLOE, addresses=(replace(FLAT, protected=True),))
    message = replace(MESSAGES["change-of-address"], occurred=when(2018, 3, 20), sent=when(2018, 3, 20, 12))
    baby = replace(AVA, addresses=(replace(FLAT, protected=True),))
    midwifery.tells(
        replace(message, subjects=(CHLOE.key, AVA.key), people=(hidden, baby), relationships=mother(CHLOE, AVA))
    )
    assert who(asks(visitors, ava)) == {"health-visiting": "bcht-health-visiting"}
    assert visitors.call("GET", "/responsibility", params={"person": ava, "function": "midwifery"}).status_code == 404
    assert who(asks(midwifery, ava))["health-visiting"] == "bcht-health-visiting"
    [home] = visitors.homes_of(AVA)
    assert {team["team"] for team in home["teams"]} == {"bcht-health-visiting"}
    assert {member["accordingTo"] for member in home["members"]} <= {None, "bcht-health-visiting"}
    [home] = midwifery.homes_of(AVA)
    assert "bcht-health-visiting" in {team["team"] for team in home["teams"]}


def test_a_team_that_is_there_no_more_stays_responsible_and_is_shown_so(born):
    team = {
        "agency": "swbh",
        "function": "midwifery",
        "name": "Community midwifery",
        "area": "sandwell",
        "closed": True,
    }
    visitors = born.system("bcht-health-visiting")
    visitors.tells(MESSAGES["involvement-start"])
    ava = id_of(born, AVA)
    born.put("/admin/teams/swbh-midwifery", team)
    [answer] = asks(visitors, ava, function="midwifery").values()
    assert (answer["team"]["id"], answer["team"]["closed"]) == ("swbh-midwifery", True)


def test_of_the_dead_nobody_is_responsible(office, auditor):
    registered = replace(BRIAN, practice="Y90002")
    practice = office.system("sandwell-practice")
    practice.tells(
        tell(
            "list",
            Event.GP_REGISTRATION,
            "sandwell-practice",
            when(2019, 1, 2),
            subjects=[registered],
            kind="registered",
        ),
        MESSAGES["death"],
    )
    brian = practice.looks_up(BRIAN)["id"]
    assert who(asks(practice, brian))["general-practice"] == "died"
    assert who(asks(auditor, brian)) == dict.fromkeys(HELD, "died")
    assert who(asks(auditor, brian, at="2019-01-03T00:00:00Z"))["general-practice"] == "sandwell-practice"


def test_every_question_leaves_a_trace(born, auditor):
    ava = id_of(born, AVA)
    runtime = born.admin.http.app.state.runtime

    def left():
        asked = select(Audit).where(col(Audit.client_name).in_(["auditor", "met-police-system"]))
        rows = runtime.store.read(lambda session: session.exec(asked).all())
        return {(row.client_name, row.action, row.entity_id) for row in rows if row.action in ("read", "deny")}

    asks(auditor, ava)
    born.system("met-police").call("GET", "/responsibility", params={"person": ava})
    assert left() == {("auditor", "read", ava), ("met-police-system", "deny", None)}
