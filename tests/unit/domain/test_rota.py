"""Who is there, when what somebody holds goes back, and to whom."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from broker.domain.rota import Gone, Practitioner, covers

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PIKE = Practitioner(id="pike", team_id="visitors", name="Joanne Pike", role="health-visitor")


@pytest.mark.parametrize(
    ("times", "gone", "hands_back", "then"),
    [
        ({}, None, None, None),
        ({"left_at": NOW}, Gone.LEFT, NOW, None),
        ({"left_at": NOW + HOUR}, None, NOW + HOUR, NOW + HOUR),
        ({"shift_ends": NOW - HOUR}, Gone.SHIFT_OVER, NOW, None),
        ({"absent_from": NOW - HOUR}, Gone.ABSENT, NOW, None),
        ({"absent_from": NOW - 2 * HOUR, "absent_until": NOW}, None, None, None),
        ({"absent_from": NOW - HOUR, "left_at": NOW + HOUR}, Gone.ABSENT, NOW, NOW + HOUR),
        ({"absent_from": NOW + 2 * HOUR, "shift_ends": NOW + HOUR}, None, NOW + HOUR, NOW + HOUR),
    ],
)
def test_who_is_there_and_when_it_goes_back(times, gone, hands_back, then):
    somebody = replace(PIKE, **times)
    assert somebody.gone(NOW) is gone
    assert somebody.hands_back_at(NOW) == hands_back
    assert somebody.hands_back_at(NOW, after=True) == then


@pytest.mark.parametrize(
    ("held_by", "hers"),
    [
        ("Joanne Pike, health-visitor", True),
        ("JOANNE  pike, Health Visitor", True),
        ("Joanne Pike", True),
        ("Joanne Pike, midwife", False),
        ("Joanne Pikes, health-visitor", False),
        ("health-visitor", False),
        (None, False),
    ],
)
def test_what_is_hers(held_by, hers):
    assert PIKE.holds(held_by) is hers


def test_who_covers_must_be_there():
    ellis = Practitioner(id="ellis", team_id="visitors", name="Dawn Ellis", role="health-visitor")
    away = replace(PIKE, cover_id="ellis")
    assert covers(away, [PIKE, ellis], NOW) == ellis
    assert covers(away, [PIKE, replace(ellis, left_at=NOW)], NOW) is None
    assert covers(replace(PIKE, cover_id="pike"), [PIKE], NOW) is None
    assert covers(PIKE, [PIKE, ellis], NOW) is None
