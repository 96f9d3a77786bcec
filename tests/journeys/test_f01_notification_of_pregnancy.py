"""F1 (7.1.7): midwifery never sent the notification of pregnancy to health visiting, so nobody came before the birth.

Health visiting is found from the directory of the area, though it has never heard of the family; and where nobody can be
found, somebody is told that nobody was. What is expected by when is watched elsewhere.
"""

from dataclasses import replace
from datetime import timedelta

from schemas.codes import Event
from schemas.examples.cast import CHLOE, living
from schemas.examples.story import MESSAGES
from schemas.message import PostalAddress
from tests.journeys.copies import due, inputs, is_open

BOOKING, NOTIFICATION = MESSAGES["pregnancy-booking"], replace(MESSAGES["pregnancy-notification"], to=())


def of_somebody_living(message, *addresses):
    """The message, about a mother at these addresses."""
    return replace(message, people=(living(CHLOE, *addresses), *message.people[1:]))


def test_health_visiting_learns_of_it_at_booking_and_is_asked_when_it_is_notified(office, clock):
    midwifery, visitors = office.system("swbh-midwifery"), office.system("bcht-health-visiting")
    assert midwifery.tells(BOOKING).names("bcht-health-visiting")
    assert visitors.copy_of(Event.PREGNANCY_BOOKING).purpose == "information"
    assert midwifery.tells(NOTIFICATION).names("bcht-health-visiting")
    task = visitors.copy_of(Event.PREGNANCY_NOTIFICATION).task
    assert "antenatal contact at 28 to 36 weeks" in task["description"]
    assert due(task) == clock() + timedelta(days=10)


def test_without_an_address_the_senders_own_area_is_told_and_the_right_one_once_it_is_known(office):
    midwifery = office.system("swbh-midwifery")
    reply = midwifery.tells(of_somebody_living(NOTIFICATION))
    assert reply.names("swbh-health-visiting")  # better than nobody
    assert ["address is expected" in one for one in inputs(midwifery.task("data-quality"), "problems")] == [True]
    right = office.system("bcht-health-visiting")
    assert not right.heard()
    midwifery.tells(BOOKING)  # which says where she lives
    assert right.copy_of(Event.PREGNANCY_NOTIFICATION).task


def test_when_the_area_has_no_team_the_partnership_is_told_too(office):
    """London has no health visiting team in this directory."""
    midwifery = office.system("swbh-midwifery")
    in_london = PostalAddress(lines=("1 Lea Row", "London"), postcode="SE15 4QL")
    midwifery.tells(of_somebody_living(NOTIFICATION, in_london))
    [task] = [task for task in midwifery.tasks("undeliverable") if "health visiting" in task["description"]]
    assert is_open(task)
    assert "nobody was told in its place" in task["description"]
