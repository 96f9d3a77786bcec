"""Agencies, teams and areas by form: what an administrator writes is what the directory has, what is wrong is said at its field, and the second of two is told."""

import pytest
from lxml import html

from broker.storage.tables import Agency, Area, Audit, Coverage, Task, Team
from tests.contract.calling import VISITORS, message, opened, sender, town_copy
from tests.contract.visiting import employ, text, visitor

PLACE = "/app/admin/directory"
HOSTILE = "<b>Tipton</b> \u202ehealth 👶"
TEAM = {"id": "tipton-midwifery", "name": HOSTILE, "agency": "swbh", "function": "midwifery", "area": "sandwell"}


@pytest.fixture
def town(request, tmp_path):
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "ruth", VISITORS, name="Ruth Okafor")
        employ(broker, "chris", scopes=("baton/admin",))
        employ(broker, "nadia", scopes=("baton/audit",))
        yield broker


@pytest.fixture
def chris(town):
    return visitor(town, "chris")


def put(one, place, **said):
    """Load the form, change these fields, send it; what comes of it."""
    return one.send(one.get(place), place, **said)


def wrong(answer):
    """The fields that the summary of a refused form leads to."""
    assert answer.status_code == 422, answer.text
    return html.fromstring(answer.text).xpath("//*[contains(@class,'nhsuk-error-summary__list')]//a/@href")


def test_an_agency_is_added_and_changed(town, chris):
    added = put(chris, f"{PLACE}/agency", id="tipton", name="Tipton Trust", ods_code="Y9X")
    assert "The agency is in the directory" in text(html.fromstring(added.text))
    put(chris, f"{PLACE}/agency/tipton", name=HOSTILE, ods_code="")
    [row] = town.rows(Agency, id="tipton")
    assert (row.name, row.ods_code) == (HOSTILE, None)
    shown = chris.http.get("/app/admin/teams").text
    assert "<b>Tipton" not in shown
    assert HOSTILE in text(html.fromstring(shown))
    assert [
        (one.entity, one.entity_id) for one in town.rows(Audit, action="administer", client_name="person:chris")
    ] == [("agency", "tipton")] * 2


def test_a_team_is_added_and_changed_and_what_the_form_shows_is_what_it_keeps(town, chris):
    added = put(chris, f"{PLACE}/team", **TEAM, telephone="0121 496 0199", hours="Mo-Fr 09:00-17:00")
    assert HOSTILE in text(html.fromstring(added.text))
    place = f"{PLACE}/team/tipton-midwifery"
    for _ in range(2):  # saved as it stands, it stays as it is
        [row] = town.rows(Team, id="tipton-midwifery")
        assert (row.telephone, row.hours, row.area_id) == (
            "0121 496 0199",
            "Mo-Fr 09:00-17:00",
            "sandwell",
        )
        assert (row.honours_marks, row.executive, row.closed_at) == (True, False, None)
        put(chris, place)
    put(chris, place, flags="closed")
    [row] = town.rows(Team, id="tipton-midwifery")
    assert (row.honours_marks, row.closed_at) == (False, town.clock())


def test_a_form_begins_with_the_agency_it_was_opened_from(chris):
    page = chris.get(f"{PLACE}/team", agency="swbh")
    assert page.xpath("//select[@id='agency']/option[@selected]/@value") == ["swbh"]


def test_an_area_says_who_covers_what_and_keeps_what_it_does_not_change(town, chris):
    before = {(row.function, row.team_id) for row in town.rows(Coverage, area_id="sandwell")}
    put(chris, f"{PLACE}/area/sandwell")
    assert {(row.function, row.team_id) for row in town.rows(Coverage, area_id="sandwell")} == before
    put(
        chris,
        f"{PLACE}/area",
        id="tipton",
        name="Tipton",
        postcodes="zz1, ZZ2",
        **{"coverage.health-visiting": VISITORS},
    )
    assert [row.name for row in town.rows(Area, id="tipton")] == ["Tipton"]
    assert [(row.function, row.team_id) for row in town.rows(Coverage, area_id="tipton")] == [
        ("health-visiting", VISITORS)
    ]
    assert "ZZ1, ZZ2" in text(chris.get("/app/admin/areas"))


def test_who_begins_to_cover_is_told_of_what_was_looked_for_in_vain(town, chris):
    put(chris, f"{PLACE}/area/birmingham", **{"coverage.health-visiting": ""})
    told = message("birth")
    assert town.post(told, sender(told)).status_code == 200
    assert [task for task in town.rows(Task, owner_team_id=VISITORS) if task.code == "acknowledge"] == []
    put(chris, f"{PLACE}/area/birmingham", **{"coverage.health-visiting": VISITORS})
    assert [task for task in town.rows(Task, owner_team_id=VISITORS) if task.code == "acknowledge"] != []


@pytest.mark.parametrize(
    ("listed", "said", "fields"),
    [
        ("agency", {"id": "", "name": "X"}, ["#id"]),
        ("agency", {"id": "Capital", "name": "X"}, ["#id"]),
        ("agency", {"id": "swbh", "name": "X"}, ["#id"]),
        ("agency", {"id": "x", "name": ""}, ["#name"]),
        ("agency", {"id": "x", "name": "X", "ods_code": "lower"}, ["#ods-code"]),
        ("team", TEAM | {"agency": ""}, ["#agency"]),
        ("team", TEAM | {"agency": "nobody"}, ["#agency"]),
        ("team", TEAM | {"area": "nowhere"}, ["#area"]),
        ("team", TEAM | {"function": "wizardry"}, ["#function"]),
        ("team", TEAM | {"hours": "all day"}, ["#hours"]),
        ("team", TEAM | {"telephone": "1" * 41}, ["#telephone"]),
        ("area", {"id": "x", "name": "X", "postcodes": "Sandwell"}, ["#postcodes"]),
        ("area", {"id": "x", "name": "X", "postcodes": "ZZ1 B64"}, ["#postcodes"]),
        ("area", {"id": "x", "name": "X", "postcodes": "ZZ1 ZZ1"}, ["#postcodes"]),
        ("area", {"id": "x", "name": "X", "coverage.midwifery": VISITORS}, ["#coverage-midwifery"]),
        ("area", {"id": "x", "name": "X", "nation": "atlantis"}, ["#nation"]),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(town, chris, listed, said, fields):
    before = town.counts(Agency, Team, Area)
    answer = put(chris, f"{PLACE}/{listed}", **said)
    assert wrong(answer) == fields
    assert html.fromstring(answer.text).xpath("//input[@id='name']/@value") == [said["name"]]
    assert town.counts(Agency, Team, Area) == before


def test_a_district_that_lies_elsewhere_is_named(chris):
    answer = put(chris, f"{PLACE}/area", id="x", name="X", postcodes="ZZ1 B64")
    assert "B64 lies in another area" in answer.text


def test_a_team_keeps_the_service_by_which_it_covers(chris):
    assert wrong(put(chris, f"{PLACE}/team/{VISITORS}", function="midwifery")) == ["#function"]


def test_of_two_who_change_the_same_the_second_is_told_and_keeps_what_they_typed(town, chris):
    place = f"{PLACE}/team/{VISITORS}"
    loaded = chris.get(place)
    put(chris, place, telephone="0121 496 0000")
    late = chris.send(loaded, place, telephone="0121 496 0001")
    assert late.status_code == 409
    page = html.fromstring(late.text)
    assert "Somebody was quicker" in text(page)
    assert page.xpath("//input[@id='telephone']/@value") == ["0121 496 0001"]
    assert [row.telephone for row in town.rows(Team, id=VISITORS)] == ["0121 496 0000"]
    chris.send(page, place)
    assert [row.telephone for row in town.rows(Team, id=VISITORS)] == ["0121 496 0001"]


@pytest.mark.parametrize("who", ["ruth", "nadia"])
def test_the_forms_are_for_administrators_alone(town, who):
    one = visitor(town, who)
    csrf = one.get("/app/help").xpath("//input[@name='csrf']/@value")[0]
    for place in (f"{PLACE}/agency", f"{PLACE}/team/{VISITORS}"):
        assert one.http.get(place).status_code == 403
        assert one.http.post(place, data={"csrf": csrf, "name": "X", "id": "x"}).status_code == 403
    assert town.rows(Agency, id="x") == []


@pytest.mark.parametrize("place", [f"{PLACE}/team/nobody", f"{PLACE}/wizard", f"{PLACE}/area/nowhere"])
def test_what_the_directory_does_not_have_is_not_there(chris, place):
    assert chris.http.get(place).status_code == 404
