"""The rate limit as a table, and over any history: never more than the burst at once nor than the rate in the long run, and nothing withheld for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.rate import Rate, allowed, per_second, spent

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def seconds(number):
    return timedelta(seconds=number)


@pytest.mark.parametrize(
    ("rate", "interval", "burst"),
    [(10.0, 0.1, 10), (2.5, 0.4, 3), (1.0, 1.0, 1), (0.5, 2.0, 1), (0.001, 1000.0, 1)],
)
def test_a_rate_a_second(rate, interval, burst):
    assert per_second(rate) == Rate(seconds(interval), burst)


@pytest.mark.parametrize(
    ("rate", "ahead", "count"),
    [
        (per_second(10), None, 10),
        (per_second(10), -100, 10),
        (per_second(10), 0, 10),
        (per_second(10), 0.25, 7),
        (per_second(10), 0.95, 0),
        (per_second(10), 1, 0),
        (per_second(10), 50, 10),  # a clock was wrong
        (per_second(0.5), None, 1),
        (per_second(0.5), 0.01, 0),
        (Rate(timedelta(minutes=15)), 899, 0),
        (Rate(timedelta(minutes=15)), 0, 1),
        (Rate(timedelta(minutes=15)), 900, 0),
        (Rate(timedelta(minutes=15)), 86_400, 1),
    ],
)
def test_how_many_may_go(rate, ahead, count):
    assert allowed(rate, None if ahead is None else NOW + seconds(ahead), NOW) == count


def test_what_went_is_taken_from_the_share():
    rate = per_second(4)
    arrival = spent(rate, None, NOW, 3)
    assert arrival == NOW + seconds(0.75)
    assert allowed(rate, arrival, NOW) == 1
    assert spent(rate, arrival, NOW + seconds(60), 1) == NOW + seconds(60.25)
    assert spent(rate, NOW + seconds(86_400), NOW, 1) == NOW + seconds(0.25)  # a clock was wrong


@given(
    st.floats(0.01, 500, allow_nan=False),
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 50)), max_size=40),
)
def test_over_any_history(rate_per_second, history):
    """`history`: milliseconds that pass, and how many would like to go then."""
    rate = per_second(rate_per_second)
    now, arrival, gone = NOW, None, 0
    for passed, wanted in history:
        now += timedelta(milliseconds=passed)
        count = min(wanted, allowed(rate, arrival, now))
        assert 0 <= count <= rate.burst
        arrival = spent(rate, arrival, now, count) if count else arrival
        gone += count
        assert (gone - rate.burst) * rate.interval <= now - NOW
    assert allowed(rate, arrival, now + rate.burst * rate.interval) == rate.burst
