"""The circuit breaker as a table of what happened and what follows, and what holds whatever happens."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.breaker import Breaker, Health, Result, Sign, after

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LADDER = [timedelta(seconds=s) for s in (10, 30, 60)]
BREAKER = Breaker(failures=3, ladder=LADDER)
EARLIER = NOW - timedelta(minutes=10)

OK, BAD, PROBE = Result(Sign.ANSWERED), Result(Sign.FAILED), Result(Sign.FAILED, probe=True)


def paused(failures, seconds):
    return Health(failures, EARLIER, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("before", "results", "then"),
    [
        (Health(), [], Health()),
        (Health(), [OK], Health()),
        (Health(), [BAD], Health(1, NOW)),
        (Health(2, EARLIER), [OK], Health()),
        (Health(1, EARLIER), [BAD], Health(2, EARLIER)),
        (Health(2, EARLIER), [BAD], paused(3, 10)),  # opens
        (Health(2, EARLIER), [BAD, BAD, BAD, BAD], paused(3, 10)),  # what was under way says nothing new
        (paused(3, 4), [BAD], paused(3, 4)),
        (paused(3, 0), [PROBE], paused(4, 30)),  # half-open, and the next pause is longer
        (paused(4, 0), [PROBE], paused(5, 60)),
        (paused(5, 0), [PROBE], paused(6, 60)),  # the last rung for all that follow
        (paused(99, 0), [PROBE], paused(100, 60)),
        (paused(5, 0), [Result(Sign.ANSWERED, probe=True)], Health()),  # closes
        (paused(5, 50), [OK], Health()),  # a straggler that came through closes it as well
        (Health(2, EARLIER), [BAD, OK, BAD], Health(1, NOW)),
    ],
)
def test_what_follows(before, results, then):
    assert after(before, results, now=NOW, breaker=BREAKER) == then


RESULTS = st.lists(st.builds(Result, st.sampled_from(Sign), st.booleans()), max_size=30)


@given(RESULTS, st.integers(1, 6))
def test_whatever_happens(results, failures):
    health = after(Health(), results, now=NOW, breaker=Breaker(failures=failures, ladder=LADDER))
    assert (health.failures == 0) == (health.failing_since is None)
    assert (health.paused_until is not None) == (health.failures >= failures)
    if health.paused_until is not None:
        assert LADDER[0] <= health.paused_until - NOW <= LADDER[-1]
    if results and results[-1].sign is Sign.ANSWERED:
        assert health == Health()


@given(RESULTS, RESULTS)
def test_recorded_together_or_one_after_the_other_is_the_same(first, second):
    together = after(Health(), first + second, now=NOW, breaker=BREAKER)
    assert after(after(Health(), first, now=NOW, breaker=BREAKER), second, now=NOW, breaker=BREAKER) == together
