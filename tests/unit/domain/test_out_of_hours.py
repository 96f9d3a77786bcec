"""When who stands in is told, and who that is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from broker.domain.hours import read
from broker.domain.terms import LONDON
from broker.domain.world import Directory, Team
from schemas.codes import Event, Function, Priority, TaskCode
from tests.default_policy import default_policy

RULES = default_policy().out_of_hours
OFFICE = read("Mo-Fr 09:00-17:00")
VISITORS = Team(
    id="visitors", agency_id="a", function=Function.HEALTH_VISITING, name="V", area_id="north", hours=OFFICE
)
DUTY = Team(id="duty", agency_id="a", function=Function.EMERGENCY_DUTY_TEAM, name="Duty", area_id="north")
CHILDREN = Team(id="children", agency_id="a", function=Function.PAEDIATRICS, name="Paediatrics", area_id="north")
COVERAGE = {("north", Function.EMERGENCY_DUTY_TEAM): "duty", ("north", Function.PAEDIATRICS): "children"}


def london(text):
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC)


@pytest.mark.parametrize(
    ("raised", "due", "told"),
    [
        ("2019-03-11 15:00", "2019-03-11 23:00", "2019-03-11 17:00"),  # due in the night: when it closes
        ("2019-03-11 15:00", "2019-03-12 15:00", None),  # due when it is there again
        ("2019-03-11 10:00", "2019-03-11 14:00", None),  # due while it is there
        ("2019-03-15 15:00", "2019-03-16 15:00", "2019-03-15 17:00"),  # due on Saturday
        ("2019-03-11 19:00", "2019-03-12 19:00", "2019-03-11 19:00"),  # meets it closed: at once
        ("2019-03-16 10:00", "2019-03-20 10:00", "2019-03-16 10:00"),
    ],
)
def test_when_who_stands_in_is_told(raised, due, told):
    found = RULES.covers_at(VISITORS, TaskCode.ACKNOWLEDGE, Priority.URGENT, london(raised), london(due))
    assert found == (told and london(told))


@pytest.mark.parametrize(
    ("team", "code", "priority"),
    [
        (VISITORS, TaskCode.ACKNOWLEDGE, Priority.ROUTINE),
        (VISITORS, TaskCode.DATA_QUALITY, Priority.URGENT),
        (replace(VISITORS, hours=None), TaskCode.ACKNOWLEDGE, Priority.STAT),
        (replace(VISITORS, function=Function.POLICE), TaskCode.ACKNOWLEDGE, Priority.STAT),
    ],
)
def test_whom_nobody_need_stand_in_for(team, code, priority):
    night = london("2019-03-11 22:00")
    assert RULES.covers_at(team, code, priority, night, night + timedelta(hours=1)) is None


def standing_in(*teams, event=Event.CONCERN, kind="bruising"):
    directory = Directory(teams={team.id: team for team in (VISITORS, *teams)}, coverage=COVERAGE)
    found = RULES.standing_in(VISITORS, event, kind, directory, london("2019-03-11 22:00"))
    return [team.id for _, team in found]


def test_who_stands_in():
    assert standing_in(DUTY, CHILDREN) == ["children", "duty"]
    assert standing_in(DUTY, CHILDREN, kind="isolation") == ["duty"]
    assert standing_in(DUTY, replace(CHILDREN, hours=OFFICE)) == ["duty"]  # closed itself
    assert standing_in(replace(DUTY, closed=True)) == []
