"""Shares and percentiles agree with a plain recount, whatever was handed over."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.timeliness import Period, Sent, percentile, start_of, timeliness
from schemas.codes import Event, TaskStatus

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 4, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

_OPEN = st.sampled_from([TaskStatus.REQUESTED, TaskStatus.RECEIVED, TaskStatus.ON_HOLD])
_DONE = st.sampled_from([TaskStatus.ACCEPTED, TaskStatus.COMPLETED, TaskStatus.REJECTED])
_GONE = st.sampled_from([TaskStatus.CANCELLED, TaskStatus.ENTERED_IN_ERROR])


@st.composite
def handovers(draw):
    sent = FIRST + HOUR * draw(st.integers(0, 80 * 24))
    due = sent + HOUR * draw(st.integers(1, 300)) if draw(st.booleans()) else None
    status = draw(st.one_of(_OPEN, _DONE, _GONE))
    answered = sent + HOUR * draw(st.integers(0, 400)) if status in ("accepted", "completed", "rejected") else None
    agency, kind = draw(st.sampled_from(["one", "two"])), draw(st.sampled_from([Event.BIRTH, Event.CONCERN, None]))
    return Sent(agency=agency, kind=kind, status=status, sent=sent, due=due, answered=answered)


@given(st.lists(handovers(), max_size=60), st.sampled_from(list(Period)))
def test_every_line_agrees_with_a_plain_recount(sent, period):
    counted = [one for one in sent if one.status not in ("cancelled", "entered-in-error")]
    lines = list(timeliness(sent, period, FIRST, NOW))
    assert sum(line.sent for line in lines) == len(counted)
    for line in lines:
        mine = [
            one
            for one in counted
            if (one.agency, one.kind) == (line.agency, line.kind) and start_of(period, one.sent, FIRST) == line.start
        ]
        answered = [one for one in mine if one.answered]
        in_time = [one for one in answered if one.due is None or one.answered <= one.due]
        overdue = [one for one in mine if not one.answered and one.due and one.due < NOW]
        assert (line.sent, line.answered, line.in_time, line.overdue) == (
            len(mine), len(answered), len(in_time), len(overdue),
        )  # fmt: skip
        assert line.late == len(answered) - len(in_time)
        assert line.waiting == len(mine) - len(answered) - len(overdue)
        assert line.declined == sum(one.status is TaskStatus.REJECTED for one in answered)
        whole = len(answered) + len(overdue)
        assert line.share == (float(Fraction(len(in_time), whole)) if whole else None)
        times = [one.answered - one.sent for one in answered]
        for share, value in ((Fraction(1, 2), line.median), (Fraction(9, 10), line.ninetieth)):
            if not times:
                assert value is None
                continue
            assert value in times
            assert sum(t <= value for t in times) >= share * len(times)
            assert sum(t < value for t in times) < share * len(times)


@pytest.mark.parametrize(
    ("hours", "share", "expected"),
    [
        ([], 0.5, None),
        ([3], 0.9, 3),
        ([1, 2], 0.5, 1),
        ([1, 2, 3], 0.5, 2),
        (range(1, 11), 0.9, 9),
        (range(1, 12), 0.9, 10),
    ],
)
def test_a_percentile_is_the_nearest_rank(hours, share, expected):
    found = percentile([HOUR * h for h in hours], share)
    assert found == (None if expected is None else HOUR * expected)


def test_a_week_begins_on_monday_and_a_month_on_the_first():
    at = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)  # a Sunday
    assert start_of(Period.WEEK, at, FIRST) == datetime(2026, 2, 23, tzinfo=UTC)
    assert start_of(Period.MONTH, at, FIRST) == datetime(2026, 3, 1, tzinfo=UTC)
    assert start_of(Period.ALL, at, FIRST) == FIRST
