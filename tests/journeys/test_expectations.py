"""What should have come and did not: the team that owes it is asked, again and again, until it comes, is answered, or can come no more."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count

import pytest

from schemas.codes import Event, ResponseReason
from schemas.examples.cast import AVA, CHLOE, HARBORNE, TYLER, UNBORN_AVA, fixed_id
from schemas.examples.story import MESSAGES
from schemas.examples.telling import choice, fact, mother, tell, when
from tests.default_policy import default_policy
from tests.journeys.conftest import NO_CLOCKS
from tests.journeys.copies import inputs, is_open

BOOKING = replace(MESSAGES["pregnancy-booking"], to=())
NOTIFICATION = replace(MESSAGES["pregnancy-notification"], to=())
BIRTH = MESSAGES["birth"]
TWENTY_WEEKS = date(2017, 9, 26)
"""The day after the one on which twenty weeks are over: the baby is expected on 12 February 2018."""
NOTIFIED, NEW_BIRTH, ANTENATAL = "notification-of-pregnancy", "new-birth-contact", "antenatal-contact"
NUMBERS = count()


@pytest.fixture(scope="session")
def policy():
    """The default policy without its ladder: what climbs is for other journeys."""
    return replace(default_policy(), clocks=NO_CLOCKS)


@pytest.fixture
def midwifery(office):
    return office.system("swbh-midwifery")


@pytest.fixture
def visitors(office):
    return office.system("bcht-health-visiting")


@pytest.fixture
def passes(office, clock, eventually):
    """Let time pass to one o'clock of a day, and wait until the clock has gone through all that was due by then."""
    nurse = office.system("swbh-health-visiting")

    def pass_to(day):
        said = tell(
            f"advice-{next(NUMBERS)}",
            Event.ADVICE_TO_ATTEND,
            "swbh-health-visiting",
            clock(),
            subjects=[TYLER],
            facts=(
                choice("advised-places", "general-practice", TYLER),
                fact("advice-reason", "A cough.", TYLER),
                fact("attend-by", day - timedelta(days=1), TYLER),
            ),
        )
        before = len(of_rule(nurse, "attendance-after-advice"))
        nurse.tells(replace(said, sent=clock()))
        clock.time = datetime.combine(day, time(1), UTC)
        eventually(lambda: len(of_rule(nurse, "attendance-after-advice")) == before + 1)

    return pass_to


def of_rule(system, rule):
    """A team's tasks for what one rule expects."""
    return [task for task in system.tasks("expected-event") if inputs(task, "rule") == [rule]]


def alerts(system, rule):
    """The number of alerts of each of them that is open."""
    return [inputs(task, "alert") for task in of_rule(system, rule) if is_open(task)]


def now(message, clock):
    return replace(message, occurred=clock(), sent=clock())


def taking_back(message, clock):
    said = tell(
        f"taken-back-{message.id}",
        Event.WITHDRAW,
        message.sender,
        clock(),
        subjects=[CHLOE],
        facts=(choice("withdraw-reason", "untrue"),),
    )
    return replace(said, reference=message.id, sent=clock())


def test_midwifery_is_asked_at_twenty_weeks_and_no_more_once_it_has_come(midwifery, clock, passes):
    midwifery.tells(BOOKING)
    passes(TWENTY_WEEKS - timedelta(days=1))
    assert of_rule(midwifery, NOTIFIED) == []
    passes(TWENTY_WEEKS)
    assert alerts(midwifery, NOTIFIED) == [["1"]]
    [task] = of_rule(midwifery, NOTIFIED)
    assert "has not come" in task["description"]
    assert task["for"]["reference"].startswith("Patient/")
    midwifery.tells(now(NOTIFICATION, clock))
    [task] = of_rule(midwifery, NOTIFIED)
    assert (task["status"], task["businessStatus"]["coding"][0]["code"]) == ("cancelled", "arrived")


def test_the_number_rises_at_each_alert_on_one_task(midwifery, clock, passes):
    midwifery.tells(BOOKING)
    for number in range(3):
        passes(TWENTY_WEEKS + timedelta(days=14 * number))
        assert alerts(midwifery, NOTIFIED) == [[str(number + 1)]]
    assert len(of_rule(midwifery, NOTIFIED)) == 1


def test_it_may_be_put_off_with_a_reason_and_comes_back_at_that_date(midwifery, clock, passes):
    midwifery.tells(BOOKING)
    passes(TWENTY_WEEKS)
    [task] = of_rule(midwifery, NOTIFIED)
    until = TWENTY_WEEKS + timedelta(days=30)
    assert midwifery.extends(task, datetime.combine(until, time(), UTC), "The scan is repeated.").status == 200
    passes(until - timedelta(days=1))
    assert alerts(midwifery, NOTIFIED) == [["1"]]
    passes(until)
    assert alerts(midwifery, NOTIFIED) == [["2"]]


def test_putting_it_off_without_a_reason_is_refused(midwifery, passes):
    midwifery.tells(BOOKING)
    passes(TWENTY_WEEKS)
    [task] = of_rule(midwifery, NOTIFIED)
    assert midwifery.extends(task, datetime(2017, 11, 1, tzinfo=UTC), None).status == 422


def test_who_says_that_it_is_not_needed_is_asked_no_more(midwifery, clock, passes):
    midwifery.tells(BOOKING)
    passes(TWENTY_WEEKS)
    [task] = of_rule(midwifery, NOTIFIED)
    midwifery.declines(task, ResponseReason.NOT_NEEDED, "She moves abroad tomorrow.")
    passes(TWENTY_WEEKS + timedelta(days=60))
    assert [task["status"] for task in of_rule(midwifery, NOTIFIED)] == ["rejected"]


def test_what_came_early_is_not_asked_for(midwifery, visitors, clock, passes):
    midwifery.tells(NOTIFICATION)
    midwifery.tells(replace(BOOKING, sent=clock()))  # passed on late
    passes(date(2018, 1, 16))  # after 36 weeks
    assert alerts(visitors, ANTENATAL) == [["1"]]
    assert of_rule(midwifery, NOTIFIED) == []


def test_what_came_before_the_birth_was_told_is_not_asked_for_beside_what_did_not(office, midwifery, visitors, passes):
    practice = office.system("harborne-practice")
    registered = tell(
        "registered-early",
        Event.GP_REGISTRATION,
        "harborne-practice",
        when(2018, 2, 15, 9),
        kind="registered",
        subjects=[replace(AVA, practice=HARBORNE)],
        people=[CHLOE],
        relationships=mother(CHLOE, AVA),
    )
    practice.tells(replace(registered, sent=when(2018, 2, 15, 9)))
    midwifery.tells(replace(BIRTH, sent=when(2018, 2, 16, 9)))
    passes(date(2018, 4, 1))
    assert of_rule(visitors, "gp-registration") == []
    assert alerts(visitors, NEW_BIRTH) == [["1"]]


def test_nobody_is_chased_when_the_pregnancy_has_ended(midwifery, visitors, clock, passes):
    midwifery.tells(BOOKING)
    passes(TWENTY_WEEKS)
    assert alerts(midwifery, NOTIFIED) == [["1"]]
    midwifery.tells(
        tell(
            "ended",
            Event.PREGNANCY_END,
            "swbh-midwifery",
            clock(),
            subjects=[CHLOE],
            people=[UNBORN_AVA],
            relationships=mother(CHLOE, UNBORN_AVA),
        )
    )
    passes(date(2018, 6, 1))
    assert [task["status"] for task in midwifery.tasks("expected-event")] == ["cancelled"]
    assert visitors.tasks("expected-event") == []


def test_a_child_who_has_died_is_expected_nowhere(office, midwifery, visitors, clock, passes):
    midwifery.tells(BIRTH)
    passes(date(2018, 3, 1))
    assert alerts(visitors, NEW_BIRTH) == [["1"]]
    death = tell(
        "death-of-the-baby",
        Event.DEATH,
        "swbh-midwifery",
        clock(),
        kind="informal",
        subjects=[replace(AVA, deceased=date(2018, 3, 1))],
        people=[CHLOE],
        relationships=mother(CHLOE, AVA),
        facts=(fact("unexpected-death", False, AVA),),
    )
    midwifery.tells(death)
    passes(date(2019, 6, 1))
    assert [task["status"] for task in visitors.tasks("expected-event")] == ["cancelled"]
    assert office.system("harborne-practice").tasks("expected-event") == []


def test_a_booking_that_is_withdrawn_leaves_nothing_expected(midwifery, clock, passes):
    midwifery.tells(BOOKING)
    midwifery.tells(taking_back(BOOKING, clock))
    passes(TWENTY_WEEKS + timedelta(days=30))
    assert midwifery.tasks("expected-event") == []


def test_what_had_met_it_and_was_withdrawn_is_waited_for_again(midwifery, clock, passes):
    midwifery.tells(BOOKING, NOTIFICATION)
    midwifery.tells(taking_back(NOTIFICATION, clock))
    passes(TWENTY_WEEKS)
    assert alerts(midwifery, NOTIFIED) == [["1"]]


def test_a_later_expected_date_moves_what_is_due(midwifery, clock, passes):
    midwifery.tells(BOOKING)
    later = replace(UNBORN_AVA, expected=date(2018, 2, 26))
    dated = replace(BOOKING, id=fixed_id("dated by the scan"), people=(*BOOKING.people[:-1], later), facts=())
    midwifery.tells(replace(dated, occurred=clock(), sent=clock()))
    passes(TWENTY_WEEKS + timedelta(days=13))
    assert alerts(midwifery, NOTIFIED) == []
    passes(TWENTY_WEEKS + timedelta(days=14))
    assert alerts(midwifery, NOTIFIED) == [["1"]]


def test_its_message_says_that_there_is_a_task_and_names_nobody(midwifery, visitors, passes):
    midwifery.tells(BIRTH)
    passes(date(2018, 3, 1))
    [task] = of_rule(visitors, NEW_BIRTH)
    [copy] = [copy for copy in visitors.heard() if task["id"] in str(copy.body)]
    assert "Hartley" not in str(copy.body)
    assert CHLOE.identifiers[0].value not in str(copy.body)
