"""F29 (7.1.5, 8.2.15): that Grandmother should be offered a carer's assessment was recorded, and never done.

What the mental health team recommends is an action of its own, with a date, without anybody's having to think of it.
"""

from dataclasses import replace

from broker.domain.terms import working_days
from broker.storage import bank_holidays
from schemas.examples.story import MESSAGES
from tests.journeys.copies import due, is_open, owner

ENGLAND = bank_holidays.calendar()

ADMITTED = MESSAGES["mental-health-admission"]


def test_a_recommended_assessment_is_an_action_with_a_date(office, clock):
    cmht = office.system("bsmhft-cmht")
    cmht.tells(ADMITTED)
    action = cmht.task("agreed-action")
    assert (owner(action), action["status"]) == ("bsmhft-cmht", "accepted")
    assert due(action) == working_days(20).after(clock(), ENGLAND)
    assert "carer's assessment" in action["description"]
    done = cmht.does(action, "Offered, and declined for now.")
    assert not is_open(done)


def test_without_a_recommendation_there_is_none(office):
    facts = tuple(fact for fact in ADMITTED.facts if fact.code != "carers-assessment-recommended")
    cmht = office.system("bsmhft-cmht")
    cmht.tells(replace(ADMITTED, facts=facts))
    assert cmht.tasks("agreed-action") == []
