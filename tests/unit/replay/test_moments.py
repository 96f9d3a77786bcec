"""Moments as a scenario writes them."""

from datetime import UTC, datetime, timedelta

import pytest

from broker.replay.moments import DAYS_END, Unknown, moment, span

BIRTH = datetime(2018, 2, 14, 4, 52, tzinfo=UTC)
BEFORE = datetime(2018, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2018-02-14 10:30", datetime(2018, 2, 14, 10, 30, tzinfo=UTC)),
        ("2018-02-14", datetime(2018, 2, 14, 9, tzinfo=UTC)),
        ("birth +13d", BIRTH + timedelta(days=13)),
        ("birth +13d 11:00", datetime(2018, 2, 27, 11, tzinfo=UTC)),
        ("birth +1w2d", BIRTH + timedelta(days=9)),
        ("+2h30m", BEFORE + timedelta(hours=2, minutes=30)),
        ("+1d 08:15", datetime(2018, 3, 2, 8, 15, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_day_an_hour_or_so_long_after_a_step(text, when):
    assert moment(text, {"birth": BIRTH}, BEFORE) == when


def test_a_day_alone_is_what_its_reader_makes_of_it():
    assert moment("2018-02-14", {}, None, DAYS_END) == datetime(2018, 2, 14, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("text", ["birth +1d", "+1d"])
def test_nothing_counts_from_a_step_that_is_not_there(text):
    with pytest.raises(Unknown):
        moment(text, {}, None)


def test_spans_add_up():
    assert span("6w1d12h") == timedelta(weeks=6, days=1, hours=12)
