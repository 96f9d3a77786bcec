"""A pregnancy that ends (sharing principle 14) and a child who dies: everybody who would have come hears of it, and nobody is asked for anything."""

from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.codes import Event
from schemas.examples.cast import AVA, CHLOE, NASREEN
from schemas.examples.story import MESSAGES
from schemas.examples.telling import MIDWIFE, fact, mother, tell, when
from tests.journeys.actors import Action, Somebody
from tests.journeys.copies import is_open

END = tell("chloe-end", Event.PREGNANCY_END, "swbh-midwifery", when(2017, 11, 8), subjects=[CHLOE], author=MIDWIFE)


@pytest.fixture
def expecting(office, clock):
    """Booked and notified; a father is to move in, so that his officer knows of a pregnancy; health visiting has agreed to visit."""
    midwifery, probation = office.system("swbh-midwifery"), office.system("lcrc-probation")
    probation.tells(MESSAGES["supervision-start"])
    midwifery.tells(MESSAGES["pregnancy-booking"], MESSAGES["pregnancy-notification"])
    probation.tells(MESSAGES["supervision-change"])
    probation.chooses(probation.task("confirm-household"), "confirm")
    visitors = office.system("bcht-health-visiting")
    contact = Action("Antenatal contact", Somebody("Farah Malik", "health-visitor"), clock() + timedelta(days=60))
    visitors.accepts(visitors.copy_of(Event.PREGNANCY_NOTIFICATION).task, None, contact)
    return office


def test_all_who_were_told_of_the_pregnancy_are_told_that_it_is_no_longer_current(expecting):
    expecting.system("swbh-midwifery").tells(END)
    for team in ("bcht-health-visiting", "harborne-practice", "lcrc-probation"):
        copy = expecting.system(team).copy_of(Event.PREGNANCY_END)
        assert not copy.facts
        assert not copy.tasks
        assert copy.sender is None
        assert copy.silent_about("miscarriage", "stillbirth", MIDWIFE.name or "", "2017-11-08T10:00")


def test_everything_expected_of_it_stops_at_once(expecting):
    visitors = expecting.system("bcht-health-visiting")
    assert [task for task in visitors.tasks("agreed-action") if is_open(task)]
    expecting.system("swbh-midwifery").tells(END)
    about_her = [task for task in visitors.tasks() if task["authoredOn"] < "2017-10-01"]
    assert [task["status"] for task in about_her if is_open(task)] == []
    assert all("businessStatus" not in task for task in visitors.tasks("agreed-action"))


def test_nobody_is_asked_who_should_know_when_nobody_knew(office):
    """An end that reaches the broker first, as of a pregnancy that nobody was told of."""
    reply = office.system("swbh-midwifery").tells(MESSAGES["pregnancy-end"])
    assert reply.warnings == []
    assert not office.system("swbh-midwifery").tasks()


def test_of_twins_one_may_be_lost_and_the_pregnancy_goes_on(office):
    midwifery, visitors = office.system("swbh-midwifery"), office.system("bcht-health-visiting")
    booked = tell(
        "twins-booked",
        Event.PREGNANCY_BOOKING,
        "swbh-midwifery",
        when(2018, 11, 1),
        subjects=[NASREEN],
        author=MIDWIFE,
        facts=(fact("expected-date", when(2019, 5, 20).date(), NASREEN), fact("number-of-fetuses", 2, NASREEN)),
    )
    told = replace(
        booked,
        id=fresh("twins-told"),
        event=Event.PREGNANCY_NOTIFICATION,
        occurred=when(2018, 12, 1),
        sent=when(2018, 12, 1),
    )
    midwifery.tells(booked, told)
    lost = tell(
        "one-lost",
        Event.PREGNANCY_END,
        "swbh-midwifery",
        when(2018, 12, 20),
        subjects=[NASREEN],
        author=MIDWIFE,
        facts=(fact("number-of-fetuses", 1, NASREEN),),
    )
    midwifery.tells(lost)
    assert not visitors.heard(Event.PREGNANCY_END)  # nobody may take it that no child is expected any more
    assert is_open(visitors.copy_of(Event.PREGNANCY_NOTIFICATION).task)
    unborn = [m for home in midwifery.homes_of(NASREEN) for m in home["members"] if m["state"] == "unborn"]
    assert len(unborn) == 1


def test_of_a_child_that_died_its_teams_hear_at_once_and_are_asked_for_nothing(office):
    """F8's other side: nobody invites a dead child to be weighed or immunised."""
    office.system("swbh-midwifery").tells(MESSAGES["birth"])
    visitors = office.system("bcht-health-visiting")
    asked = visitors.copy_of(Event.BIRTH).task
    died = tell(
        "ava-died",
        Event.DEATH,
        "swbh-midwifery",
        when(2018, 2, 20),
        kind="informal",
        subjects=[replace(AVA, deceased=when(2018, 2, 20).date())],
        people=[CHLOE],
        relationships=mother(CHLOE, AVA),
        author=MIDWIFE,
        facts=(fact("unexpected-death", True, AVA),),
    )
    office.system("swbh-midwifery").tells(died)
    for team in ("bcht-health-visiting", "harborne-practice"):
        copy = office.system(team).copy_of(Event.DEATH)
        assert copy.purpose == "information"
        assert copy.marked
        assert office.system(team).inbox()[-1]["purpose"] == "information"
    assert is_open(visitors.again(asked))  # what was asked before stays until a person says that it is not needed


def fresh(name):
    """An id of its own."""
    return tell(name, Event.PREGNANCY_END, "swbh-midwifery", when(2018, 1, 1), subjects=[]).id
