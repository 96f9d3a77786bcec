"""Whether a pregnancy or a baby that a message speaks of is one already known; what becomes of it is for `pregnancies.py`."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Final

from broker.domain.kinship import mothers
from broker.domain.states import PersonState
from broker.domain.world import KnownPerson
from schemas.codes import Event
from schemas.message import Message, Person

SAME_PREGNANCY: Final = timedelta(days=42)
"""Two expected dates closer than this are one pregnancy: scans correct by up to a few weeks, and no later conception is so near."""
EARLIEST: Final = timedelta(days=126)
"""A baby born so long before the expected date (22 weeks of pregnancy) may still be its child."""
LATEST: Final = timedelta(days=28)
"""And so long after it."""
TERM: Final = timedelta(days=300)
"""Without an expected date, a baby belongs to a pregnancy that was known at most so long before."""


def same_expected(one: date | None, other: date | None) -> bool:
    """Both expected dates are known and of one pregnancy."""
    return one is not None and other is not None and abs(one - other) <= SAME_PREGNANCY


def born_of(born: date | None, expected: date | None) -> bool:
    """Whether a baby born on that day can be of the pregnancy expected for that day; unknown days contradict nothing."""
    return born is None or expected is None or expected - EARLIEST <= born <= expected + LATEST


def is_that_pregnancy(known: KnownPerson, expected: date | None, on: date, *, opening: bool) -> bool:
    """Whether what is expected at `expected`, as somebody said on the day `on`, is this known unborn or born child.

    An open pregnancy takes in whatever is said of a pregnancy until it must be over: a second one cannot begin
    before the first has ended, so a date far off is a slip, or an end nobody told (`pregnancies.py` asks).
    Messages overtake each other: what is said after the birth or the end may be of that pregnancy still. Without a
    date it is, unless the event is one that opens a pregnancy.
    """
    if known.state is PersonState.UNBORN:
        return same_expected(expected, known.expected) or not over(known, on)
    if expected is None:
        return not opening and (known.born is None or known.born > on - TERM)
    if known.expected is not None:
        return same_expected(expected, known.expected)
    return known.born is not None and born_of(known.born, expected)


def over(unborn: KnownPerson, on: date) -> bool:
    """Whether by that day the pregnancy cannot be current any more, whatever was told."""
    return unborn.expected is not None and unborn.expected + SAME_PREGNANCY < on


def may_be_born_as(unborn: KnownPerson, born: date | None) -> bool:
    """Whether that unborn person can be a baby born on that day."""
    return unborn.state is PersonState.UNBORN and born_of(born, unborn.expected)


def expected_date(message: Message, person: Person) -> date | None:
    """When the unborn person is expected: its own date, else the one said of its mother or of the event."""
    if person.expected is not None:
        return person.expected
    about = {person.key, *mothers(message).get(person.key, ()), None}
    return expected_fact(message, about)


def expected_fact(message: Message, about: Collection[str | None]) -> date | None:
    """The expected date of birth among the facts said of one of these keys."""
    said = [fact.value for fact in message.facts if fact.code == "expected-date" and fact.about in about]
    days = [value.date() if isinstance(value, datetime) else value for value in said if isinstance(value, date)]
    return days[0] if days else None


def birth_date(message: Message, person: Person) -> date | None:
    """When the person was born; a birth without a date of birth happened when it happened."""
    parents = {r.person for r in message.relationships}
    newborn = message.event is Event.BIRTH and person.key in message.subjects and person.key not in parents
    return person.birth_date or (message.occurred.date() if newborn and not person.unborn else None)
