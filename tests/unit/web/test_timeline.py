"""The line of time of a household: rows, strokes, bars and dates, within the picture and few however much happened."""

from datetime import UTC, datetime, timedelta

import pytest

from broker.web.api.chronology_shown import MISSED, NO_CONTACT, GapShown
from broker.web.pages.timeline import NARROW, WIDE, EventRow, drawn

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def told(days, sender="Midwives", *, concern=False):
    return EventRow(at=NOW - timedelta(days=days), what="Birth", sender=sender, about="", concern=concern)


def gap(code, days, until=None, person="c"):
    since = NOW - timedelta(days=days)
    return GapShown(code=code, rule="new-birth-visit", person=person, since=since, until=until, weeks=1, alerts=None, text="", cites="")  # fmt: skip


def picture(events=(), gaps=(), wide=WIDE, begun=365):
    return drawn(list(events), list(gaps), {"c": "Rhys"}, (NOW - timedelta(days=begun), NOW), wide)


def test_a_row_for_each_team_that_says_how_much_it_told_the_most_first():
    found = picture([told(9, "Probation"), told(8), told(7), told(6, "")])
    assert [lane.words for lane in found.lanes] == ["Midwives: 2", "Probation: 1", "Not said who: 1"]


def test_what_many_teams_told_is_eight_rows_and_one_for_the_others():
    found = picture([told(number, f"Team {number}") for number in range(20)])
    assert len(found.lanes) == 9
    assert found.lanes[-1].words == "12 other teams: 12"


def test_a_concern_is_taller_and_thicker_and_what_lies_on_one_place_is_one_stroke():
    found = picture([told(100), told(100.01), told(50, concern=True)], wide=NARROW)
    assert found.lanes[0].ticks.count("M") == 1
    assert found.lanes[0].tall.count("M") == 1


def test_two_thousand_events_are_no_more_strokes_than_places():
    found = picture([told(number / 6) for number in range(2000)], wide=NARROW)
    assert found.lanes[0].ticks.count("M") < NARROW


def test_gaps_are_bars_from_their_begin_to_their_end_or_now():
    found = picture(gaps=[gap(NO_CONTACT, 365, NOW - timedelta(days=182.5)), gap(MISSED, 0)])
    quiet, missed = found.lanes
    assert (quiet.words, missed.words) == ("Rhys: no contact", "Rhys: did not come in time")
    assert quiet.bars[0].x + quiet.bars[0].wide == WIDE // 2
    assert missed.bars[0].wide == 4  # never so short that it is not seen


@pytest.mark.parametrize("wide", [WIDE, NARROW])
@pytest.mark.parametrize("begun", [0, 1, 40, 365, 3000, 36500])
def test_everything_stands_within_the_picture_and_dates_do_not_touch(wide, begun):
    found = picture([told(begun, "x" * 300), told(0), told(-3)], [gap(NO_CONTACT, begun)], wide=wide, begun=begun)
    assert all(bar.x >= 0 and bar.x + bar.wide <= wide for lane in found.lanes for bar in lane.bars)
    assert all(7 * len(lane.words) <= wide for lane in found.lanes)
    assert all(after.x - before.x >= 45 for before, after in zip(found.marks, found.marks[1:], strict=False))
    assert all(mark.x + 60 <= wide for mark in found.marks)
    assert found.lanes[-1].y + 40 <= found.high
