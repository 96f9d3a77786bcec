"""F27 (8.1.2, 8.1.4, 8.3.2): staff visited a home with an acutely unwell man without knowing.

Safety of visiting staff reaches every team that visits the household, whatever else that team may not see.
"""

from dataclasses import replace

import pytest

from schemas.codes import Event
from schemas.examples.cast import CHLOE, DANIEL, MARTIN, SUSAN
from schemas.examples.story import MESSAGES
from schemas.examples.telling import choice, fact, gone, tell, together, when
from tests.journeys.copies import is_open
from tests.journeys.grandparents import AT_HOME

SAFETY = "Do not visit alone while he is unwell."
HIS_HEALTH = ("Bipolar", "section-2", "Hostile", "Martin", "M0048213", "9990000034")


@pytest.fixture
def household(office):
    """Grandparents, daughter and her partner live together; London supervises him, and midwifery visits her."""
    probation = office.system("lcrc-probation")
    probation.tells(MESSAGES["supervision-start"])
    office.system("swbh-midwifery").tells(MESSAGES["pregnancy-booking"], AT_HOME)
    probation.tells(MESSAGES["supervision-change"])
    probation.chooses(probation.task("confirm-household"), "confirm")
    return office


def test_it_reaches_whoever_visits_even_those_who_may_see_nothing_else(household):
    household.system("bsmhft-cmht").tells(MESSAGES["mental-health-admission"])
    for team in ("swbh-midwifery", "bcht-health-visiting", "harborne-practice"):
        assert household.system(team).copy_of(Event.MENTAL_HEALTH_ADMISSION).facts["staff-safety"] == SAFETY
    officer = household.system("lcrc-probation")
    [warning] = [copy for copy in officer.heard() if "staff-safety" in copy.facts]
    assert warning.facts == {"staff-safety": SAFETY}
    assert "daniel" in warning.text  # at whose home
    assert warning.event is Event.INFORMATION  # not that somebody is in hospital
    assert warning.sender is None
    assert warning.marked
    assert not warning.tasks
    assert warning.silent_about(*HIS_HEALTH, "mental-health", "bsmhft")


def test_the_sender_does_not_learn_of_the_officer(household):
    reply = household.system("bsmhft-cmht").tells(MESSAGES["mental-health-admission"])
    assert not reply.names("lcrc-probation")
    assert "responsible officers" not in reply.text


def test_that_nothing_is_known_warns_nobody(household):
    safe = replace(
        MESSAGES["mental-health-admission"],
        facts=(
            fact("risk-to-others-at-home", False, MARTIN),
            fact("staff-safety", False, MARTIN),
            choice("legal-status", "informal", MARTIN),
        ),
    )
    household.system("bsmhft-cmht").tells(safe)
    assert not [copy for copy in household.system("lcrc-probation").heard() if "staff-safety" in copy.facts]
    told = household.system("swbh-midwifery").copy_of(Event.MENTAL_HEALTH_ADMISSION)
    assert told.facts["staff-safety"] is False  # asked, and none known, is news to whoever visits


def test_it_travels_with_any_event_that_states_it(household):
    """A midwife who was threatened says so in her concern; the officer who visits is warned by the same message."""
    household.system("swbh-midwifery").tells(MESSAGES["concern-adult-mental-health"])
    officer = household.system("lcrc-probation")
    [warning] = [copy for copy in officer.heard() if "staff-safety" in copy.facts]
    assert warning.facts == {"staff-safety": "Visit in pairs when he is unwell; ring before coming."}
    assert warning.silent_about("Shouts", "section", "Martin")


SUNDAY = when(2017, 11, 26)


def moved_out(sender, *who):
    """A team says on Sunday that these live in the home no more."""
    subject = who[0] if CHLOE not in who and DANIEL in who else CHLOE
    return tell(
        f"moved-out-says-{sender}",
        Event.HOUSEHOLD_UPDATE,
        sender,
        SUNDAY,
        subjects=[subject],
        people=[one for one in (CHLOE, *who) if one is not subject],
        household=(*together(*({CHLOE} - set(who))), *(gone(one, SUNDAY.date()) for one in who)),
    )


def says(household, message):
    """Tell it, and confirm it where the sender is asked to."""
    sender = household.system(message.sender)
    sender.tells(message)
    for task in sender.tasks("confirm-household"):
        if is_open(task):
            sender.chooses(task, "confirm")


HE_LEAVES = moved_out("swbh-midwifery", MARTIN, SUSAN)
THE_CLIENT_LEAVES = moved_out("lcrc-probation", DANIEL)


@pytest.mark.parametrize(
    "said",
    [[HE_LEAVES], [THE_CLIENT_LEAVES], [HE_LEAVES, THE_CLIENT_LEAVES]],
    ids=["he-leaves", "the-client-leaves", "both"],
)
def test_whoever_reads_it_late_still_learns_at_whose_home(household, said):
    """The officer's system polls on Monday; on Sunday somebody has moved out."""
    household.system("bsmhft-cmht").tells(MESSAGES["mental-health-admission"])
    for message in said:
        says(household, message)
    [warning] = [copy for copy in household.system("lcrc-probation").heard() if "staff-safety" in copy.facts]
    assert "daniel" in warning.text
    assert warning.silent_about(*HIS_HEALTH)


def test_so_does_who_is_told_of_the_risk(household):
    household.system("bsmhft-cmht").tells(MESSAGES["mental-health-admission"])
    midwives = household.system("swbh-midwifery")
    says(household, moved_out("swbh-midwifery", CHLOE))
    assert "chloe" in midwives.copy_of(Event.MENTAL_HEALTH_ADMISSION).text


def test_what_is_told_later_is_of_the_home_as_it_is_by_then(household):
    officer = household.system("lcrc-probation")
    says(household, THE_CLIENT_LEAVES)
    household.system("bsmhft-cmht").tells(MESSAGES["mental-health-admission"])
    assert not [copy for copy in officer.heard() if "staff-safety" in copy.facts]
