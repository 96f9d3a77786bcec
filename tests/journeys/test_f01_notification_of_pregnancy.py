"""F1 (7.1.7): midwifery never sent the notification of pregnancy to health visiting, so nobody came before the birth.

Health visiting is found from the directory of the area, though it has never heard of the family; and where nobody can be
found, somebody is told that nobody was. What is expected by when is watched elsewhere.
"""

from dataclasses import replace

import yaml

from broker.domain.terms import working_days
from broker.storage import bank_holidays
from schemas.codes import Event
from schemas.examples.cast import CHLOE, living
from schemas.examples.story import MESSAGES
from schemas.message import PostalAddress
from tests.journeys.actors import DEMO_DIRECTORY
from tests.journeys.copies import due, inputs, is_open

ENGLAND = bank_holidays.calendar()

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
    assert due(task) == working_days(10).after(clock(), ENGLAND)


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


def test_a_team_that_begins_to_cover_an_area_later_is_told_of_what_still_stands_there(office):
    midwifery = office.system("swbh-midwifery")
    in_london = PostalAddress(lines=("1 Lea Row", "London"), postcode="SE15 4QL")
    midwifery.tells(of_somebody_living(NOTIFICATION, in_london))
    missing = [task for task in midwifery.tasks("undeliverable") if "health visiting" in task["description"]]
    london = next(area for area in yaml.safe_load(DEMO_DIRECTORY.read_text())["areas"] if "SE15" in area["postcodes"])
    office.put("/admin/agencies/new-trust", {"name": "New Trust"})
    office.put(
        "/admin/teams/new-visitors",
        {"agency": "new-trust", "function": "health-visiting", "name": "New visitors", "area": london["id"]},
    )
    visitors = office.onboard("new-visitors")
    covered = {**london.get("coverage", {}), "health-visiting": "new-visitors"}
    for _ in range(2):
        office.put(
            f"/admin/areas/{london['id']}",
            {"name": london["name"], "postcodes": london["postcodes"], "coverage": covered},
        )
    assert [copy.event for copy in visitors.heard()] == [Event.PREGNANCY_NOTIFICATION]
    assert visitors.copy_of(Event.PREGNANCY_NOTIFICATION).task
    assert [midwifery.again(task)["status"] for task in missing] == ["cancelled"]
