"""Which rungs have been reached, and whom each names."""

from datetime import UTC, datetime, timedelta

import pytest

from broker.domain.clocks import Rung, Target
from broker.domain.ladder import climb, whom
from broker.domain.terms import EVERY_WEEKDAY, elapsed
from broker.domain.world import Directory, Team
from schemas.codes import Function

DUE = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LADDER = (
    Rung(to=Target.TEAM, wait=elapsed(hours=1)),
    Rung(to=Target.LEAD, wait=elapsed(days=1)),
    Rung(to=Target.PARTNERSHIP, wait=elapsed(days=3)),
)

OWNER = Team(id="visitors", agency_id="trust", function=Function.HEALTH_VISITING, name="Visitors", area_id="north")
LEAD = Team(id="lead", agency_id="trust", function=Function.SAFEGUARDING_LEAD, name="Lead")
HUB = Team(id="hub", agency_id="council", function=Function.PARTNERSHIP, name="Partnership")
DIRECTORY = Directory(
    teams={team.id: team for team in (OWNER, LEAD, HUB)}, coverage={("north", Function.PARTNERSHIP): "hub"}
)


@pytest.mark.parametrize(
    ("level", "since", "reached", "next_at"),
    [
        (0, timedelta(), [], DUE + HOUR),
        (0, HOUR - timedelta(seconds=1), [], DUE + HOUR),
        (0, HOUR, ["team"], DUE + DAY),
        (1, HOUR, [], DUE + DAY),
        (1, DAY, ["lead"], DUE + 3 * DAY),
        (0, 2 * DAY, ["team", "lead"], DUE + 3 * DAY),
        (2, 3 * DAY, ["partnership"], None),
        (3, 9 * DAY, [], None),
    ],
)
def test_each_rung_comes_in_its_time_and_once(level, since, reached, next_at):
    found = climb(LADDER, DUE, level, DUE + since, EVERY_WEEKDAY)
    assert [rung.to for rung in found.rungs] == reached
    assert found.next_at == next_at


@pytest.mark.parametrize(("rung", "team"), list(zip(LADDER, (OWNER, LEAD, HUB), strict=True)))
def test_a_rung_names_a_team(rung, team):
    assert whom(rung.to, OWNER, DIRECTORY) is team


def test_where_nobody_is_there_nobody_is_named():
    nowhere = Directory(teams={OWNER.id: OWNER}, coverage={})
    assert [whom(rung.to, OWNER, nowhere) for rung in LADDER[1:]] == [None, None]
