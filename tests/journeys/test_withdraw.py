"""A message sent in error is taken back: what nobody has seen stops, whoever may have seen it is told, open tasks end."""

from dataclasses import replace

import pytest

from schemas.codes import Event
from schemas.examples.cast import CHLOE, DANIEL, UNBORN_AVA, fixed_id
from schemas.examples.story import MESSAGES
from schemas.examples.telling import LONDON_OFFICER, choice, father, mother, tell, together, when
from tests.journeys.actors import Action, Somebody
from tests.journeys.copies import business_status, is_open

AT_HOME = tell(
    "father-at-home",
    Event.HOUSEHOLD_UPDATE,
    "swbh-midwifery",
    when(2017, 7, 25),
    subjects=[CHLOE],
    people=[DANIEL, UNBORN_AVA],
    relationships=mother(CHLOE, UNBORN_AVA) + father(DANIEL, UNBORN_AVA),
    household=together(CHLOE, DANIEL),
)
WRONG = replace(
    MESSAGES["supervision-start"], id=fixed_id("wrong"), occurred=when(2017, 8, 1), sent=when(2017, 8, 1, 9)
)


def taking_back(message, sender="lcrc-probation", name="taken-back"):
    """The message that withdraws another."""
    return tell(
        name,
        Event.WITHDRAW,
        sender,
        when(2017, 8, 2),
        subjects=[],
        author=LONDON_OFFICER,
        basis=None,
        reference=message.id,
        facts=(choice("withdraw-reason", "untrue"),),
    )


@pytest.fixture
def told(office):
    """Supervision of a man who lives with a pregnant partner has been told; midwifery has taken it, health visiting not yet."""
    office.system("swbh-midwifery").tells(MESSAGES["pregnancy-booking"], AT_HOME)
    office.system("lcrc-probation").tells(WRONG)
    midwifery = office.system("swbh-midwifery")
    midwifery.takes(midwifery.copy_of(Event.SUPERVISION_START))
    return office


def test_who_has_it_is_told_and_who_reads_it_again_finds_nothing(told):
    midwifery = told.system("swbh-midwifery")
    had = midwifery.copy_of(Event.SUPERVISION_START)
    told.system("lcrc-probation").tells(taking_back(WRONG))
    recall = next(copy for copy in midwifery.heard(Event.WITHDRAW) if copy.id != had.id)
    assert recall.silent_about("Osei", "substance", "drug")
    reference = [one for one in recall.header["extension"] if one["url"].endswith("/reference")]
    assert reference[0]["valueId"] == had.id
    again = next(copy for copy in midwifery.heard() if copy.id == had.id)
    assert again.event is Event.WITHDRAW
    assert again.silent_about("Osei", "substance", "drug")
    assert [entry["number"] for entry in midwifery.inbox(after=0)] == list(range(1, len(midwifery.inbox(after=0)) + 1))


def test_open_tasks_end_and_what_was_agreed_stays(told, clock):
    midwifery, visitors = told.system("swbh-midwifery"), told.system("bcht-health-visiting")
    task = midwifery.copy_of(Event.SUPERVISION_START).task
    waiting = visitors.copy_of(Event.SUPERVISION_START).task
    action = Action(
        "Ask about him at the next visit",
        Somebody("Alison Frost", "midwife"),
        clock.forward(hours=1).replace(year=2018),
    )
    midwifery.accepts(task, None, action)
    told.system("lcrc-probation").tells(taking_back(WRONG))
    assert (visitors.again(waiting)["status"], business_status(visitors.again(waiting))) == ("cancelled", "withdrawn")
    assert is_open(midwifery.task("agreed-action"))  # what a team agreed to is its own
    for team in ("birmingham-csc", "wmp-police"):
        assert not [task for task in told.system(team).tasks() if is_open(task)]


def test_taking_back_twice_is_once(told):
    probation, midwifery = told.system("lcrc-probation"), told.system("swbh-midwifery")
    probation.tells(taking_back(WRONG))
    before = len(midwifery.heard())
    probation.tells(taking_back(WRONG), taking_back(WRONG, name="once-more"))
    assert len(midwifery.heard()) == before


def test_nobody_takes_back_what_another_sent(told):
    practice, midwifery = told.system("harborne-practice"), told.system("swbh-midwifery")
    copy = practice.copy_of(Event.SUPERVISION_START)
    for reference in (WRONG.id, copy.id):
        attempt = replace(taking_back(WRONG, "harborne-practice", name=f"not-mine-{reference}"), reference=reference)
        reply = practice.sends(attempt)
        assert reply.status == 200
        assert any("is of no message that your team sent" in warning for warning in reply.warnings)
    assert midwifery.copy_of(Event.SUPERVISION_START)
    assert len(practice.tasks("data-quality")) == 2


def test_what_it_said_of_people_no_longer_counts(office):
    """A statement of who lives together, taken back: the household is as it was."""
    midwifery = office.system("swbh-midwifery")
    midwifery.tells(MESSAGES["pregnancy-booking"])
    alone = midwifery.homes_of(CHLOE)[0]["members"]
    midwifery.tells(AT_HOME)
    assert len(midwifery.homes_of(CHLOE)[0]["members"]) == len(alone) + 1
    midwifery.tells(taking_back(AT_HOME, "swbh-midwifery"))
    assert midwifery.homes_of(CHLOE)[0]["members"] == alone
