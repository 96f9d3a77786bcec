"""F4 (7.1.4, 8.1.6): the receiving officer made no local checks, and nobody told health visiting of Father's drug orders.

Supervision that begins in, or moves into, a household with a child or a pregnancy opens the checks for the officer, asks for
a judgement on the MASH, and tells those who work for the child what is relevant to it.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain.terms import working_days
from broker.storage import bank_holidays
from schemas.codes import Event
from schemas.examples.cast import CHLOE, DANIEL, GRANDPARENTS_HOME, SUSAN, UNBORN_AVA, fixed_id, living
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
    assert begun.moves(task, "complete", discussed(clock())).status == 200
    assert not is_open(begun.again(task))


def discussed(at):
    """The head of safeguarding was asked then, and thought it need not be referred."""
    return {
        "name": "discussion",
        "part": [
            {"name": "with", "valueString": "Head of safeguarding"},
            {"name": "at", "valueDateTime": at.isoformat()},
            {"name": "outcome", "valueCode": "not-referred-because"},
            {"name": "because", "valueString": "Midwifery visits weekly and will call."},
        ],
    }


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


def test_a_household_is_not_asked_the_same_again_while_nobody_has_answered_nor_within_four_weeks_of_it(
    at_home, begun, clock
):
    """What changes there meanwhile is told; whoever is asked says once what is known, to the office that waits for it."""
    care = at_home.system("birmingham-csc")
    began = clock()
    begun.tells(changed("a-week-on", began + timedelta(days=7)))
    [task] = asked(care, begun)
    care.answers(task, "Nothing known of the address or of anybody there.")
    begun.tells(changed("two-weeks-on", began + timedelta(days=14)))
    assert asked(care, begun) == []
    begun.tells(changed("five-weeks-on", began + timedelta(days=35)))
    assert len(asked(care, begun)) == 1


def test_another_office_gets_an_answer_of_its_own(at_home, begun, clock):
    """Whoever waits for an answer is told it; what is asked for one office is not asked for another."""
    care, london = at_home.system("birmingham-csc"), at_home.system("lcrc-probation")
    london.tells(changed("london", clock() + timedelta(days=1), sender="lcrc-probation"))
    assert len(asked(care, begun)) == len(asked(care, london)) == 1


def changed(name, at, sender="bcrc-probation"):
    """His circumstances have changed, where he lives with her."""
    message = MESSAGES["supervision-change"]
    return replace(
        message,
        id=fixed_id(name),
        sender=sender,
        kind="circumstances",
        occurred=at,
        sent=at,
        household=together(CHLOE, DANIEL),
    )


def asked(care, office):
    """What the council is asked for the office and has not answered."""
    return [task for task in care.tasks("supply-information") if is_open(task) and requester(task) == office.team]


def test_an_answer_stands_for_what_came_while_it_was_awaited_when_the_household_changes(at_home, begun, clock):
    care, midwives = at_home.system("birmingham-csc"), at_home.system("swbh-midwifery")
    begun.tells(changed("a-week-on", clock() + timedelta(days=7)))
    [task] = asked(care, begun)
    care.answers(task, "Nothing known of the address or of anybody there.")
    judged = begun.task("discuss-with-safeguarding-lead")
    assert begun.moves(judged, "complete", discussed(clock())).status == 200
    joins = replace(
        LIVES_THERE,
        id=fixed_id("susan-too"),
        people=(*LIVES_THERE.people, SUSAN),
        household=together(CHLOE, DANIEL, SUSAN),
    )
    midwives.tells(replace(joins, relationships=(), occurred=clock(), sent=clock()))
    assert asked(care, begun) == []
    assert not [one for one in begun.tasks("discuss-with-safeguarding-lead") if is_open(one)]
