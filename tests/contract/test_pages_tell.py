"""Telling from a page over HTTP: a concern, and handing over every child of the household, as a system would send them."""

import pytest
from lxml import html

from broker.storage.tables import Membership, Notification, Subject, Task
from tests.contract.calling import VISITORS, message, opened, town_copy
from tests.contract.visiting import Visitor, employ, text

RECEIVERS = "swbh-health-visiting"


@pytest.fixture
def town(request, tmp_path):
    """Health visitors who were told of the birth of twins."""
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "ruth", VISITORS, name="Ruth Okafor")
        employ(broker, "police", "wmp-police", role="police-officer")
        assert broker.post(message("birth-twins")).status_code == 200
        yield broker


def ruth(town):
    made = Visitor(town)
    made.sign_in("ruth")
    return made


def address(town, telling):
    homes = {row.household_id for row in town.rows(Membership)}
    who = ruth(town)
    [home] = [one for one in homes if who.http.get(f"/app/households/{one}/{telling}").status_code == 200]
    return f"/app/households/{home}/{telling}"


def told(town, event):
    return [row for row in town.rows(Notification, event=event) if row.sender_team_id == VISITORS]


def about(page):
    return [box.get("value") for box in page.xpath("//input[@name='about']")]


def test_a_concern_goes_the_way_of_every_message_under_the_name_of_who_sent_it(town):
    who, place = ruth(town), address(town, "concern")
    page = who.get(place)
    said = {"about": about(page)[:1], "kind": "neglect", "detail": "No <b>food</b> in the home.", "priority": "urgent"}
    for _ in range(2):  # the same form twice is the same message
        done = who.send(page, place, **said)
        assert done.request.url.path == "/app/sent"
        assert "It was sent." in done.text
    [notification] = told(town, "concern")
    assert (notification.kind, notification.priority, notification.state) == ("neglect", "urgent", "accepted")
    asked = town.rows(Task, notification_id=notification.id, code="acknowledge")
    assert asked
    other = who.send(page, place, **said | {"detail": "Something else."})
    assert other.status_code == 422
    assert "sent before with other words" in other.text
    sent = who.get(f"/app/tasks/{asked[0].id}")
    assert "No <b>food</b> in the home." in text(sent)
    assert "Ruth Okafor, health visitor" in text(sent)


def test_every_child_of_the_household_is_ticked_to_be_handed_over(town):
    who, place = ruth(town), address(town, "transfer")
    page = who.get(place)
    ticked = [box.get("value") for box in page.xpath("//input[@name='about'][@checked]")]
    assert len(ticked) == 2
    care = {f"care-{ticked[0]}": "Weighed last week; no concerns."}
    done = who.send(page, place, about=ticked, to=RECEIVERS, reason="moved", **care)
    assert "It was sent." in done.text
    [notification] = told(town, "transfer")
    assert {row.person_id for row in town.rows(Subject, notification_id=notification.id) if not row.named} == set(
        ticked
    )
    [whole] = town.rows(Task, owner_team_id=RECEIVERS, code="transfer")
    lines = town.rows(Task, part_of=whole.id, code="confirm-child")
    assert {line.person_id for line in lines} == set(ticked)


@pytest.mark.parametrize(
    ("telling", "wanted"),
    [("concern", {"#about", "#kind", "#detail", "#priority"}), ("transfer", {"#to", "#reason"})],
)
def test_what_is_missing_is_said_at_its_field_and_nothing_is_sent(town, telling, wanted):
    who, place = ruth(town), address(town, telling)
    wrong = who.send(who.get(place), place)
    assert wrong.status_code == 422
    page = html.fromstring(wrong.text)
    assert {link.get("href") for link in page.xpath("//*[contains(@class,'nhsuk-error-summary__list')]//a")} == wanted
    assert told(town, telling) == []


def test_nobody_is_told_of_who_was_not_offered(town):
    who, place = ruth(town), address(town, "concern")
    said = {"about": ["somebody-else"], "kind": "neglect", "detail": "x", "priority": "routine"}
    assert who.send(who.get(place), place, **said).status_code == 422
    assert told(town, "concern") == []


def test_a_household_of_others_is_not_there(town):
    place = address(town, "concern")
    other = Visitor(town)
    other.sign_in("police")
    assert other.http.get(place).status_code == 404
