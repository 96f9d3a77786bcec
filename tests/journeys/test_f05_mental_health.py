"""F5 (7.1.5, 7.1.6, 8.1.2): Grandfather was sectioned; the GP heard of his discharge without his behaviour at home, midwives
and health visitors heard nothing.

Any mental-health event about an adult reaches those who work for a child or a pregnancy at home as risk relevant to the child.
Behaviour at home and the safety of staff are wanted facts: without them the message is routed at once and sent back to be mended.
"""

from datetime import timedelta

import pytest

from broker.domain.terms import working_days
from broker.storage import bank_holidays
from schemas.codes import Event
from schemas.examples.cast import MARTIN
from schemas.examples.story import MESSAGES
from schemas.examples.telling import tell, when
from tests.journeys.copies import due, inputs, is_open, requester
from tests.journeys.grandparents import AT_HOME

ENGLAND = bank_holidays.calendar()

HIS_RECORD = ("Bipolar", "manic", "section-2", "M0048213", "9990000034", "legal-status", "diagnosis")
CHILD_FACING = ["swbh-midwifery", "bcht-health-visiting", "harborne-practice"]


@pytest.fixture
def family(office):
    """A pregnant daughter who lives with her parents, as midwifery has recorded."""
    office.system("swbh-midwifery").tells(MESSAGES["pregnancy-booking"], AT_HOME)
    return office


def test_an_admission_reaches_everybody_who_works_for_the_child(family, clock):
    family.system("bsmhft-cmht").tells(MESSAGES["mental-health-admission"])
    for team in CHILD_FACING:
        copy = family.system(team).copy_of(Event.MENTAL_HEALTH_ADMISSION)
        assert copy.facts == {
            "risk-to-others-at-home": "Hostile to his wife before admission; she was afraid of him.",
            "staff-safety": "Do not visit alone while he is unwell.",
            "contact-person": "Marcia Grant, care co-ordinator",
        }
        assert copy.silent_about(*HIS_RECORD)
        assert copy.sender == "bsmhft-cmht"
        assert copy.marked
        assert due(copy.task) == working_days(2).after(clock(), ENGLAND)


def test_the_sender_knows_of_midwifery_and_health_visiting_and_not_of_others(family):
    cmht = family.system("bsmhft-cmht")
    reply = cmht.tells(MESSAGES["mental-health-admission"])
    assert reply.names("swbh-midwifery")
    assert reply.names("bcht-health-visiting")
    assert not reply.names("harborne-practice")
    assert "Harborne" not in reply.text
    assert {task["owner"]["identifier"]["value"] for task in cmht.waits_for("acknowledge")} == {
        "swbh-midwifery",
        "bcht-health-visiting",
    }


def test_without_the_wanted_facts_it_is_routed_at_once_and_goes_back_to_be_mended(family, clock):
    cmht = family.system("bsmhft-cmht")
    reply = cmht.tells(MESSAGES["mental-health-discharge-incomplete"])
    assert len(reply.warnings) >= 2
    for team in CHILD_FACING:
        copy = family.system(team).copy_of(Event.MENTAL_HEALTH_DISCHARGE)
        assert "risk-to-others-at-home" not in copy.facts
        assert copy.task["priority"] == "urgent"  # there is a pregnancy (F6)
    [task] = [task for task in cmht.tasks("data-quality") if is_open(task)]
    assert due(task) > clock()
    wanting = " ".join(inputs(task, "problems"))
    assert "risk-to-others-at-home" in wanting
    assert "staff-safety" in wanting


def test_the_discharge_is_urgent_and_the_sender_must_speak_with_somebody(family, clock):
    cmht = family.system("bsmhft-cmht")
    cmht.tells(MESSAGES["mental-health-admission"], MESSAGES["mental-health-discharge"])
    visitors = family.system("bcht-health-visiting")
    task = visitors.copy_of(Event.MENTAL_HEALTH_DISCHARGE).task
    assert due(task) == clock() + timedelta(hours=8)
    refused = visitors.tries_to_accept(task, "We visit tomorrow, in a pair.")
    assert refused.status == 422
    assert "say with whom you spoke" in refused.text
    visitors.accepts(task, "We visit tomorrow, in a pair.", spoke_with="Marcia Grant, care co-ordinator")
    own = [task for task in cmht.tasks("supply-information") if task["priority"] == "urgent"]
    assert due(own[0]) == clock() + timedelta(hours=8)
    assert requester(own[0]) is None


def test_what_the_mental_health_team_says_of_the_home_counts_once_it_confirms_it(office, clock):
    """Nobody else has said that he lives with his daughter: until the team has, it is told that this reached nobody."""
    cmht, midwifery = office.system("bsmhft-cmht"), office.system("swbh-midwifery")
    midwifery.tells(MESSAGES["pregnancy-booking"])
    reply = cmht.tells(MESSAGES["mental-health-admission"])
    assert "This reached nobody" in reply.text
    assert office.system("bsmhft-safeguarding-lead").task("undeliverable")
    assert not midwifery.heard(Event.MENTAL_HEALTH_ADMISSION)
    confirmed = clock.forward(hours=2)
    cmht.chooses(cmht.task("confirm-household"), "confirm")
    for team in ("bsmhft-cmht", "bsmhft-safeguarding-lead"):  # whom it should reach need not be found out any more
        [incident] = office.system(team).tasks("undeliverable")
        assert incident["status"] == "cancelled"
    for team in CHILD_FACING:
        task = office.system(team).copy_of(Event.MENTAL_HEALTH_ADMISSION).task
        assert due(task) == working_days(2).after(
            confirmed, ENGLAND
        )  # from when they are told, not from when it was sent


def test_a_practice_that_knows_the_man_alone_gets_his_record(office):
    """The discharge letter that his own practice always got, now with the behaviour at home."""
    office.system("harborne-practice").tells(
        tell(
            "registers-martin",
            Event.GP_REGISTRATION,
            "harborne-practice",
            when(2017, 7, 3),
            kind="registered",
            subjects=[MARTIN],
        )
    )
    office.system("bsmhft-cmht").tells(MESSAGES["mental-health-admission"])
    copy = office.system("harborne-practice").copy_of(Event.MENTAL_HEALTH_ADMISSION)
    assert {"diagnosis", "legal-status", "risk-to-others-at-home", "staff-safety"} <= set(copy.facts)
