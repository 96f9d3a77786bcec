"""Working time: weekends, bank holidays and the change of clocks, onwards and back."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.terms import LONDON, Calendar, Nation, Term, elapsed, parse, parse_elapsed, working_days
from broker.storage import bank_holidays

EASTER = Calendar(frozenset({date(2019, 4, 19), date(2019, 4, 22)}))


def london(text):
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC)


@pytest.mark.parametrize(
    ("written", "begun", "over"),
    [
        ("2 working days", "2019-03-11 15:00", "2019-03-13 15:00"),
        ("2 working days", "2019-03-15 15:00", "2019-03-19 15:00"),  # over a weekend
        ("1 working day", "2019-03-15 20:00", "2019-03-19 09:00"),  # Friday evening counts from Monday
        ("1 working day", "2019-03-16 11:00", "2019-03-19 09:00"),
        ("1 working day", "2019-03-12 07:30", "2019-03-13 09:00"),
        ("1 working day", "2019-04-18 12:00", "2019-04-23 12:00"),  # Easter
        ("3 working days", "2019-03-29 10:00", "2019-04-03 10:00"),  # the clocks go forward on the 31st
        ("1 working day", "2019-10-25 16:59", "2019-10-28 16:59"),  # and back on the 27th
        ("4 working hours", "2019-03-11 10:00", "2019-03-11 14:00"),
        ("4 working hours", "2019-03-11 15:00", "2019-03-12 11:00"),
        ("4 working hours", "2019-03-29 16:00", "2019-04-01 12:00"),
        ("2 working hours", "2019-03-11 15:00", "2019-03-11 17:00"),
        ("10 working hours", "2019-04-18 15:00", "2019-04-23 17:00"),
        ("4 working hours", "2019-03-10 15:00", "2019-03-11 13:00"),
        ("P1D", "2019-03-30 12:00", "2019-03-31 13:00"),  # a day as it passes is 24 hours
        ("PT4H", "2019-04-19 23:00", "2019-04-20 03:00"),
    ],
)
def test_when_it_is_over(written, begun, over):
    assert parse(written).after(london(begun), EASTER) == london(over)


@pytest.mark.parametrize(
    ("written", "over", "begins"),
    [
        ("1 working day", "2019-04-23 12:00", "2019-04-18 12:00"),
        ("1 working day", "2019-03-17 23:00", "2019-03-14 17:00"),  # due on a Sunday: as if on Friday at five
        ("2 working hours", "2019-03-11 10:00", "2019-03-08 16:00"),
        ("9 working hours", "2019-03-12 12:00", "2019-03-11 11:00"),
        ("PT2H", "2019-03-11 01:00", "2019-03-10 23:00"),
    ],
)
def test_when_it_must_begin(written, over, begins):
    assert parse(written).before(london(over), EASTER) == london(begins)


@pytest.mark.parametrize(
    "text", ["P0D", "0 working days", "2 days", "1.5 working days", "P1M", "two working days", None, 4]
)
def test_what_is_no_term(text):
    with pytest.raises(ValueError, match=r"is not a duration|longer than no time"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    ["P6000W", "P999999999999W", "PT99999999H", "40000 working days", "999999999 working days", "900000 working hours"],
)
def test_more_than_a_hundred_years_is_no_term(text):
    with pytest.raises(ValueError, match=r"a hundred years|is not a duration"):
        parse(text)


def test_one_measure_at_a_time():
    with pytest.raises(ValueError, match="longer than no time"):
        Term(elapsed=timedelta(hours=1), working_days=1)
    with pytest.raises(ValueError, match="is not a duration"):
        parse_elapsed("2 working days")


def test_the_bank_holidays_of_england():
    england = bank_holidays.calendar()
    assert not england.works(date(2019, 4, 22))  # Easter Monday, which Scotland works
    assert bank_holidays.calendar(Nation.SCOTLAND).works(date(2019, 4, 22))
    assert not england.works(date(2022, 6, 3))  # the jubilee of that year alone
    assert not england.works(date(2021, 12, 28))  # Boxing Day fell on a Sunday
    assert england.works(date(2019, 4, 23))


TERMS = st.one_of(
    st.builds(working_days, st.integers(1, 60)),
    st.builds(lambda hours: Term(working_time=timedelta(hours=hours)), st.integers(1, 200)),
    st.builds(lambda minutes: elapsed(minutes=minutes), st.integers(1, 100_000)),
)
MOMENTS = st.integers(0, 24 * 366 * 24 * 60).map(
    lambda minutes: datetime(2016, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(TERMS)
def test_what_is_written_is_read_back(term):
    assert parse(str(term)) == term


@given(TERMS, MOMENTS, st.timedeltas(timedelta(), timedelta(days=20)))
def test_time_goes_one_way(term, moment, later):
    """Whoever begins later is done later, none is done before its least time, and an hour may go at a change of clocks."""
    calendar = bank_holidays.calendar()
    over = term.after(moment, calendar)
    assert over.tzinfo is UTC
    assert over - moment >= term.at_least - timedelta(hours=1)
    assert over <= term.after(moment + later, calendar)


@given(st.integers(1, 60), MOMENTS)
def test_working_time_is_over_in_working_time(number, moment):
    calendar = bank_holidays.calendar()
    over = working_days(number).after(moment, calendar).astimezone(LONDON)
    assert calendar.works(over.date())
    assert 9 <= over.hour < 17


@given(TERMS, MOMENTS)
def test_back_is_the_way_onwards_turned_round(term, moment):
    calendar = bank_holidays.calendar()
    over = term.after(moment, calendar)
    assert term.after(term.before(over, calendar), calendar) == over
