"""The retry ladder: every failure has a next try, and its end is a person's business, never silence."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.retry import LONGEST, SPREAD, Failure, Park, RetryAt, after

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # half an hour before summer time begins
LADDER = [timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=10)]
DAY = timedelta(days=1)
MIDDLE = 0.5  # the jitter that moves nothing


def verdict(attempts, failure=Failure(), jitter=MIDDLE, ladder=LADDER):  # noqa: B008 - a frozen value
    return after(attempts, failure, now=NOW, ladder=ladder, daily=DAY, jitter=jitter)


@pytest.mark.parametrize(
    ("attempts", "failure", "expected"),
    [
        (1, Failure(), RetryAt(NOW + timedelta(seconds=5))),
        (2, Failure(), RetryAt(NOW + timedelta(seconds=30))),
        (3, Failure(), RetryAt(NOW + timedelta(minutes=10))),
        (4, Failure(), Park(NOW + DAY)),
        (400, Failure(), Park(NOW + DAY)),
        (1, Failure(gone=True), Park(NOW + DAY)),
        (1, Failure(wait=timedelta(seconds=1)), RetryAt(NOW + timedelta(seconds=5))),
        (1, Failure(wait=timedelta(seconds=-60)), RetryAt(NOW + timedelta(seconds=5))),
    ],
)
def test_what_follows_a_failed_try(attempts, failure, expected):
    assert verdict(attempts, failure) == expected


def test_an_empty_ladder_parks_after_the_first_try():
    assert verdict(1, ladder=[]) == Park(NOW + DAY)


def test_a_receiver_that_asks_for_time_gets_at_least_that():
    asked = timedelta(minutes=2)
    for jitter in (0.0, 0.5, 0.999):
        assert verdict(1, Failure(wait=asked), jitter).at >= NOW + asked


def test_a_receiver_cannot_ask_for_silence():
    assert verdict(1, Failure(wait=timedelta(days=3650))).at <= NOW + LONGEST * (1 + SPREAD)


@given(
    attempts=st.integers(1, 50),
    gone=st.booleans(),
    wait=st.none() | st.timedeltas(timedelta(days=-1), timedelta(days=30)),
    jitter=st.floats(0, 1, exclude_max=True),
    ladder=st.lists(st.timedeltas(timedelta(milliseconds=1), timedelta(days=1)), max_size=10),
)
def test_there_is_always_a_next_try_later_than_now_and_within_the_bounds(attempts, gone, wait, jitter, ladder):
    found = after(attempts, Failure(gone=gone, wait=wait), now=NOW, ladder=ladder, daily=DAY, jitter=jitter)
    assert NOW < found.at <= NOW + max([DAY, *ladder]) * (1 + SPREAD)
    assert isinstance(found, Park) == (gone or attempts > len(ladder))


@given(attempts=st.integers(1, 3), first=st.floats(0, 0.999), second=st.floats(0, 0.999))
def test_jitter_moves_a_try_by_its_spread_and_no_more(attempts, first, second):
    wait = LADDER[attempts - 1]
    apart = abs(verdict(attempts, jitter=first).at - verdict(attempts, jitter=second).at)
    assert apart <= wait * 2 * SPREAD
