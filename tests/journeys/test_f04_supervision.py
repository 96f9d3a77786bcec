"""F4 (7.1.4, 8.1.6): the receiving officer made no local checks, and nobody told health visiting of Father's drug orders.

Supervision that begins in, or moves into, a household with a child or a pregnancy opens the checks for the officer, asks for
a judgement on the MASH, and tells those who work for the child what is relevant to it.
"""

from dataclasses import replace

import pytest

from broker.domain.terms import working_days
from broker.storage import bank_holidays
from schemas.codes import Event
from schemas.examples.cast import CHLOE, DANIEL, GRANDPARENTS_HOME, UNBORN_AVA, living
from schemas.examples.story import MESSAGES
from schemas.examples.telling import LONDON_OFFICER, father, mother, tell, together, when
from tests.journeys.copies import due, is_open, outputs, requester

MARTINS_HEALTH = ("Bipolar", "section-2", "Martin")
MOTHERS_HEALTH = ("Panic attacks", "worried about money", "Hartley", "2018-02-12")
LIVES_THERE = tell(
    "father-lives-there",
    Event.HOUSEHOLD_UPDATE,
    "swbh-midwifery",
    when(2017, 10, 9),
    subjects=[CHLOE],
    people=[DANIEL, UNBORN_AVA],
    relationships=mother(CHLOE, UNBORN_AVA) + father(DANIEL, UNBORN_AVA),
    household=together(CHLOE, DANIEL),
)

ENGLAND = bank_holidays.calendar()
"""The midwife has met Father at home."""


@pytest.fixture
def at_home(office):
    """A pregnancy that midwifery and health visiting know of, and Father in the home."""
    office.system("swbh-midwifery").tells(
        MESSAGES["pregnancy-booking"], MESSAGES["pregnancy-notification"], LIVES_THERE
    )
    return office


@pytest.fixture
def begun(at_home):
    """Birmingham begins to supervise him there."""
    start = replace(
        MESSAGES["supervision-start"],
        sender="bcrc-probation",
        occurred=when(2017, 10, 16),
        sent=when(2017, 10, 16, 11),
        people=(living(DANIEL, GRANDPARENTS_HOME),),
    )
    probation = at_home.system("bcrc-probation")
    probation.tells(start)
    return probation


def test_a_start_opens_the_checks_and_asks_for_a_judgement(at_home, begun, clock):
    for team in ("birmingham-csc", "wmp-police"):
        task = at_home.system(team).task("supply-information", asked_by="bcrc-probation")
        assert due(task) == working_days(5).after(clock(), ENGLAND)
    judgement = begun.task("discuss-with-safeguarding-lead")
    assert due(judgement) == working_days(5).after(clock(), ENGLAND)
    assert "MASH" in judgement["description"]
    assert "Community midwifery, telephone 0121 496 0101" in judgement["description"]


def test_the_officer_waits_for_the_checks_and_gets_the_answers(at_home, begun):
    care = at_home.system("birmingham-csc")
    care.answers(care.task("supply-information"), "Nothing known of the address or of anybody there.")
    [answered] = [task for task in begun.waits_for("supply-information") if not is_open(task)]
    assert outputs(answered)["answer"] == "Nothing known of the address or of anybody there."
    outcome = next(copy for copy in begun.heard(Event.SUPERVISION_START) if copy.sender == "birmingham-csc")
    assert outcome.task["status"] == "completed"


def test_the_judgement_is_closed_by_a_discussion_and_not_by_a_word(begun, clock):
    task = begun.task("discuss-with-safeguarding-lead")
    reply = begun.moves(task, "complete", {"name": "note", "valueString": "Done."})
    assert reply.status == 422
    assert "say with whom it was discussed" in reply.text
    discussion = {
        "name": "discussion",
        "part": [
            {"name": "with", "valueString": "Head of safeguarding"},
            {"name": "at", "valueDateTime": clock().isoformat()},
            {"name": "outcome", "valueCode": "not-referred-because"},
            {"name": "because", "valueString": "Midwifery visits weekly and will call."},
        ],
    }
    assert begun.moves(task, "complete", discussion).status == 200
    assert not is_open(begun.again(task))


def test_those_who_work_for_the_child_are_told_what_is_relevant_to_it(at_home, begun, clock):
    for team in ("swbh-midwifery", "bcht-health-visiting", "harborne-practice"):
        copy = at_home.system(team).copy_of(Event.SUPERVISION_START)
        assert copy.facts["substance-misuse"] == "Drug rehabilitation is a requirement of his order."
        assert copy.silent_about("Possession", "community-order", "unpaid-work", "X320741")
        assert requester(copy.task) == "bcrc-probation"
        assert due(copy.task) == working_days(3).after(clock(), ENGLAND)


def test_the_officer_learns_of_the_pregnancy_and_not_of_anybodys_health(at_home, begun):
    at_home.system("bsmhft-cmht").tells(MESSAGES["mental-health-admission"])
    pointers = [copy for copy in begun.heard() if "pregnancy-in-household" in copy.facts]
    assert pointers
    assert pointers[0].facts["contact-person"] == "Community midwifery"
    for copy in begun.heard():
        assert copy.silent_about(*MARTINS_HEALTH, *MOTHERS_HEALTH)


def test_a_transfer_into_the_household_opens_them_for_the_receiving_officer(at_home):
    london, birmingham = at_home.system("lcrc-probation"), at_home.system("bcrc-probation")
    london.tells(MESSAGES["supervision-start"], MESSAGES["transfer-supervision"])
    copy = birmingham.copy_of(Event.TRANSFER)
    assert {"order", "order-ends", "requirement", "engagement", "substance-misuse"} <= set(copy.facts)
    assert copy.header["author"]  # a named officer hands over
    assert LONDON_OFFICER.name is not None
    assert LONDON_OFFICER.name.casefold() in copy.text
    assert birmingham.task("discuss-with-safeguarding-lead")
    for team in ("birmingham-csc", "wmp-police"):
        asked = at_home.system(team).tasks("supply-information")
        assert birmingham.team in [requester(task) for task in asked]
    told = at_home.system("bcht-health-visiting").copy_of(Event.TRANSFER)
    assert told.silent_about("warned in August", "unpaid", "community-order", "X320741")


def test_who_is_only_to_know_of_a_transfer_is_not_asked_to_take_over(at_home):
    """Handed to a team that is there no more: the health visitors of the child are told, and do not become its receiver."""
    london, visitors = at_home.system("lcrc-probation"), at_home.system("bcht-health-visiting")
    handed = replace(MESSAGES["transfer-supervision"], to=("gone-probation",))
    assert london.tells(MESSAGES["supervision-start"], handed).names("bcht-health-visiting")
    assert visitors.heard(Event.TRANSFER) or visitors.tasks("acknowledge")
    assert not visitors.tasks("transfer")
    assert not london.waits_for("transfer")
    assert [task for task in london.tasks("undeliverable") if "cannot be reached" in task["description"]]
