"""`/admin/teams/{id}/practitioners`: who is of a team and when they are not there, as often as one likes."""

import json

import pytest

from tests.contract.calling import VISITORS

PATH = f"/admin/teams/{VISITORS}/practitioners"
JSON = {"Content-Type": "application/json"}
PIKE = {"name": "Joanne Pike", "role": "health-visitor"}


def put(broker, who, body, team=VISITORS, scopes=("baton/admin",)):
    path = f"/admin/teams/{team}/practitioners/{who}"
    return broker.call("PUT", path, None, content=json.dumps(body).encode(), headers=JSON, scopes=scopes)


def people(broker):
    return broker.call("GET", PATH, None, scopes=("baton/admin",)).json()["practitioners"]


def test_who_is_of_a_team_and_who_is_not_there(broker):
    assert put(broker, "dawn", {"name": "Dawn Ellis", "role": "health-visitor"}).status_code == 200
    away = PIKE | {"absent_from": "2020-01-01T09:00:00+00:00", "cover": "dawn"}
    for _ in range(2):
        assert put(broker, "joanne", away).json() == {"team": VISITORS, "id": "joanne"}
    [dawn, joanne] = people(broker)
    assert (dawn["name"], dawn["gone"]) == ("Dawn Ellis", None)
    assert (joanne["cover"], joanne["gone"], joanne["absent_until"]) == ("dawn", "absent", None)
    assert put(broker, "joanne", PIKE).status_code == 200  # back again: a PUT says everything
    assert [one["gone"] for one in people(broker)] == [None, None]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Joanne Pike"},
        PIKE | {"name": "Pike, Joanne"},
        PIKE | {"role": "Health Visitor"},
        PIKE | {"cover": "nobody"},
        PIKE | {"cover": "joanne"},
        PIKE | {"left_at": "2020-01-01T09:00:00"},  # of which time zone?
        PIKE | {"absent_until": "2020-01-01T09:00:00Z"},
        PIKE | {"absent_from": "2020-01-02T09:00:00Z", "absent_until": "2020-01-01T09:00:00Z"},
        PIKE | {"telephone": "0121"},
    ],
)
def test_what_is_wrong_is_refused(broker, body):
    answer = put(broker, "joanne", body)
    assert answer.status_code in (400, 422)
    assert "Pike" not in answer.text


def test_a_team_that_is_not_there_and_a_caller_who_may_not(broker):
    assert put(broker, "joanne", PIKE, team="nowhere").status_code == 404
    assert broker.call("GET", "/admin/teams/nowhere/practitioners", None, scopes=("baton/admin",)).status_code == 404
    assert put(broker, "joanne", PIKE, scopes=("baton/mailbox",)).status_code == 403
