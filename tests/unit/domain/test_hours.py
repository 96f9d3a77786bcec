"""Opening hours: read, asked, and written back."""

from datetime import UTC, date, datetime

import pytest

from broker.domain.hours import read
from broker.domain.terms import LONDON, Calendar

OFFICE = read("Mo-Fr 09:00-17:00; Sa 09:00-12:00")
EASTER = Calendar(frozenset({date(2019, 4, 19), date(2019, 4, 22)}))


def london(text):
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "there"),
    [
        ("2019-03-11 08:59", False),
        ("2019-03-11 09:00", True),
        ("2019-03-11 17:00", False),
        ("2019-07-01 16:30", True),  # in summer
        ("2019-03-16 11:59", True),
        ("2019-03-16 12:00", False),
        ("2019-03-17 11:00", False),
        ("2019-04-19 11:00", False),  # Good Friday
    ],
)
def test_whether_somebody_is_there(at, there):
    assert OFFICE.open_at(london(at), EASTER) is there


def test_when_it_closes_and_opens():
    assert OFFICE.closes_after(london("2019-03-16 09:30"), EASTER) == london("2019-03-16 12:00")
    assert OFFICE.opens_after(london("2019-03-16 12:00"), EASTER) == london("2019-03-18 09:00")
    assert OFFICE.opens_after(london("2019-03-18 07:00"), EASTER) == london("2019-03-18 09:00")
    assert OFFICE.opens_after(london("2019-04-18 17:00"), EASTER) == london("2019-04-20 09:00")
    assert read("Mo 09:00-10:00").opens_after(london("2019-04-16 09:00"), EASTER) == london("2019-04-29 09:00")


def test_a_break_at_noon_is_two_times():
    split = read("Mo-Fr 13:00-17:00; Mo-Fr 09:00-12:00")
    assert not split.open_at(london("2019-03-11 12:30"), EASTER)
    assert split.opens_after(london("2019-03-11 12:30"), EASTER) == london("2019-03-11 13:00")
    assert read(str(split)) == split
    assert str(split) == "Mo-Fr 09:00-12:00; Mo-Fr 13:00-17:00"


@pytest.mark.parametrize("text", ["Mo-Fr 08:45-17:15", "Mo 09:00-10:00; We-Th 09:00-10:00; Sa-Su 10:00-11:00"])
def test_days_alike_are_written_together(text):
    assert str(read(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "always",
        "Mo-Fr 9:00-17:00",
        "Fr-Mo 09:00-17:00",
        "Mo 17:00-09:00",
        "Mo 09:00-12:00; Mo 11:00-13:00",
        "Mo 25:00-26:00",
    ],
)
def test_what_cannot_be_read(text):
    with pytest.raises(ValueError, match=r"is not written|ends before|overlap|hour must be"):
        read(text)
