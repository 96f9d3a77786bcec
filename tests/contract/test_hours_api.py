"""Opening hours and executives of teams over HTTP, and what a sender is answered when an urgent message meets a closed team."""

import json

import pytest

from broker.storage.tables import Area, Team
from tests.contract.calling import message, sender

PRACTICE = {
    "agency": "harborne-practice",
    "function": "general-practice",
    "name": "Harborne Practice",
    "ods_code": "Y90001",
    "area": "birmingham",
}
PATH = "/admin/teams/harborne-practice"


def put(broker, path, body):
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    return broker.call("PUT", path, None, content=content, headers=headers, scopes=("baton/admin",))


@pytest.mark.parametrize(("hours", "closed"), [("Su 03:00-03:01", True), ("Mo-Su 00:00-23:59", False), (None, False)])
def test_the_sender_of_something_urgent_hears_that_a_team_is_closed(broker, hours, closed):
    assert put(broker, PATH, PRACTICE | {"hours": hours}).status_code == 200
    urgent = message("concern-bruising")
    answer = broker.post(urgent, sender(urgent))
    [told] = [
        line for line in answer.text.split('"diagnostics"') if "Harborne Practice (harborne-practice) is told" in line
    ]
    assert ("It is closed now, and this stays yours" in told) is closed
    assert "Baton is not a referral" in answer.text


def test_hours_are_kept_as_they_are_read_and_refused_as_they_are_not(broker):
    assert put(broker, PATH, PRACTICE | {"hours": "Mo-Tu 09:00-12:00", "executive": True}).status_code == 200
    [row] = broker.rows(Team, id="harborne-practice")
    assert (row.hours, row.executive) == ("Mo-Tu 09:00-12:00", True)
    for wrong in ("always", "Mo 12:00-09:00", "Mo 09:00-12:00; Mo 11:00-13:00"):
        answer = put(broker, PATH, PRACTICE | {"hours": wrong})
        assert answer.status_code == 422
        assert "hours" in answer.text
    assert broker.rows(Team, id="harborne-practice")[0].hours == row.hours


def test_an_area_keeps_the_bank_holidays_of_its_nation(broker):
    body = {"name": "Dumfries", "postcodes": ["DG1"], "nation": "scotland"}
    assert put(broker, "/admin/areas/dumfries", body).status_code == 200
    assert broker.rows(Area, id="dumfries")[0].nation.value == "scotland"
    assert put(broker, "/admin/areas/dumfries", body | {"nation": "france"}).status_code == 422
