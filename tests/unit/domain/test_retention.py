"""How long somebody is known: after the last that was heard of them, and never before their birthday or so long after a birth."""

from datetime import UTC, date, datetime, timedelta

import pytest

from broker.domain.retention import Heard, known_until
from tests.default_policy import default_policy

RULES = default_policy().retention.people


def at(year, month=1, day=1):
    return datetime(year, month, day, tzinfo=UTC)


def heard(last, birth=None, *, first=None, is_child=False, last_child=None):
    return Heard(first=first or last, last=last, birth=birth, is_child=is_child, last_child=last_child)


@pytest.mark.parametrize(
    ("known", "until"),
    [
        (heard(at(2020, 5, 1), date(1985, 3, 3)), at(2028, 5, 1)),
        (heard(at(2020, 5, 1), date(2015, 3, 3)), at(2040, 3, 3)),
        (heard(at(2033, 3, 3), date(2015, 3, 3)), at(2041, 3, 3)),
        (heard(at(2032, 3, 2), date(2015, 3, 3)), at(2040, 3, 3)),
        (heard(at(2032, 3, 3), date(2015, 3, 3)), at(2041, 3, 3)),
        (heard(at(2036, 1, 1), date(2015, 3, 3)), at(2044, 1, 2)),
        (heard(at(2020), date(2016, 2, 29)), at(2041, 3, 1)),
        (heard(at(2020), first=at(2019, 6, 1), is_child=True), at(2044, 6, 1)),
        (heard(at(2020), first=at(2019, 6, 1)), at(2028, 1, 2)),
        (heard(at(2020), date(1985, 3, 3), last_child=date(2019, 12, 1)), at(2044, 12, 1)),
    ],
    ids=[
        "eight years after the last",
        "the 25th birthday",
        "eight years from the 18th birthday end on the 26th",
        "the day before the 17th birthday",
        "who was 17 at the last until the 26th birthday",
        "who was grown up at the last",
        "born on 29 February",
        "a child of unknown birthday as if born when it was first heard of",
        "somebody of unknown birthday",
        "25 years from the birth of her last child",
    ],
)
def test_somebody_is_known_until_the_latest_of_all(known, until):
    assert abs(known_until(known, RULES) - until) <= timedelta(days=2)
