"""F30 (7.3.5): in the second pregnancy midwifery learnt of Grandfather's illness from Mother, and told nobody.

What one agency learns about an adult at home is a concern of its own, routed as the mental health team's own message would be,
without waiting for that team. F11 (7.3.5): a concern by any agency reaches all that are involved.
"""

import pytest

from broker.domain.terms import working_days
from broker.storage import bank_holidays
from schemas.codes import Event
from schemas.examples.cast import MARTIN
from schemas.examples.story import MESSAGES
from schemas.examples.telling import tell, when
from tests.journeys.copies import due, requester

ENGLAND = bank_holidays.calendar()


@pytest.fixture
def known(office):
    """Health visiting and the practice know the family; the CMHT knows Grandfather and has said nothing of late."""
    office.system("swbh-midwifery").tells(MESSAGES["birth"])
    office.system("bcht-health-visiting").tells(MESSAGES["child-contact"])
    office.system("harborne-practice").tells(MESSAGES["gp-registration"])
    office.system("bsmhft-cmht").tells(
        tell("cmht-works-with-martin", Event.INVOLVEMENT_START, "bsmhft-cmht", when(2018, 6, 1), subjects=[MARTIN])
    )
    return office


def test_what_mother_told_the_midwife_is_told_to_all_who_work_for_the_child(known, clock):
    midwifery = known.system("swbh-midwifery")
    reply = midwifery.tells(MESSAGES["concern-adult-mental-health"])
    for team in ("bcht-health-visiting", "harborne-practice"):
        assert reply.names(team)
        copy = known.system(team).copy_of(Event.CONCERN)
        assert copy.facts["risk-to-others-at-home"] == "Shouts and breaks things when unwell; has not hurt anybody."
        assert copy.facts["staff-safety"].startswith("Visit in pairs")
        assert copy.facts["concern-detail"].startswith("Chloe says")
        assert copy.silent_about("M0048213", "9990000034")  # who he is, and not his numbers
        assert "martin" in copy.text
        assert requester(copy.task) == "swbh-midwifery"
        assert due(copy.task) == working_days(2).after(clock(), ENGLAND)


def test_his_own_team_is_asked_too_and_the_midwife_does_not_learn_that_it_is(known):
    midwifery, cmht = known.system("swbh-midwifery"), known.system("bsmhft-cmht")
    reply = midwifery.tells(MESSAGES["concern-adult-mental-health"])
    copy = cmht.copy_of(Event.CONCERN)
    assert copy.task["code"]["coding"][0]["code"] == "acknowledge"
    assert copy.silent_about("2018-02-14", "Ava")  # of the child it needs to know no more than that there is one
    assert not reply.names("bsmhft-cmht")
    assert "bsmhft-cmht" not in [task["owner"]["identifier"]["value"] for task in midwifery.waits_for()]


def test_it_does_not_wait_for_the_mental_health_team(office):
    """Nobody of the CMHT knows the man here, and all the same everybody who works for the child is told."""
    office.system("swbh-midwifery").tells(MESSAGES["birth"])
    office.system("bcht-health-visiting").tells(MESSAGES["child-contact"])
    office.system("swbh-midwifery").tells(MESSAGES["concern-adult-mental-health"])
    assert office.system("bcht-health-visiting").copy_of(Event.CONCERN).task["status"] == "requested"
    assert not office.system("bsmhft-cmht").heard()


def test_a_concern_of_a_support_worker_reaches_health_visiting(known):
    """F11: she saw low mood and isolation, and there was no liaison."""
    known.system("swbh-midwifery").tells(MESSAGES["concern"])
    for team in ("bcht-health-visiting", "harborne-practice"):
        copy = known.system(team).copy_of(Event.CONCERN)
        assert {"concern-detail", "maternal-mood"} <= set(copy.facts)
        assert copy.marked
        assert copy.task["status"] == "requested"
