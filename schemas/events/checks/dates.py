"""Whether the dates of a message can be: absurd ones are refused, unlikely ones questioned."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from schemas.codes import Event
from schemas.events import places
from schemas.events.ages import age
from schemas.message import Message, Person, PostalAddress
from schemas.problem import Problem

EARLIEST: Final = date(1900, 1, 1)
OLDEST: Final = 110  # years; above it a date of birth is likelier a typing error than a birthday

# Clocks of agencies differ, and a day that ends in one time zone has begun in another.
TOLERANCE: Final = timedelta(days=1)

# A pregnancy is booked from about the fourth week, 36 before birth; notifications come late, letters later.
EXPECTED_FROM: Final = timedelta(weeks=-10)
EXPECTED_TO: Final = timedelta(weeks=45)
# Beyond this no pregnancy and no late letter explains it.
EXPECTED_ABSURD: Final = timedelta(days=2 * 365)


def implausible_dates(message: Message, now: datetime) -> Iterator[Problem]:
    """The event's own time, births, expected births, deaths and addresses."""
    occurred = message.occurred.date()
    if message.occurred > now + TOLERANCE:
        yield Problem(places.HEADER, "reports an event of the future", "value")
    if occurred < EARLIEST:
        yield Problem(places.HEADER, f"reports an event before {EARLIEST.year}", "value")
    if message.sent is not None and message.sent > now + TOLERANCE:
        yield Problem("Bundle.timestamp", "is in the future", "value", "warning")
    for index, person in enumerate(message.people):
        yield from _birth(message, index, person, now.date())
        yield from _unborn(index, person, occurred)
        yield from _death(index, person, now.date())
        yield from _addresses(index, person.addresses)
    for fact in message.facts:
        if fact.code == "expected-date" and isinstance(fact.value, date) and not isinstance(fact.value, datetime):
            yield from _expected(f"{places.fact(fact.code)}.value", fact.value, occurred)


def _birth(message: Message, index: int, person: Person, today: date) -> Iterator[Problem]:
    born = person.birth_date
    if born is None:
        return
    place = places.person(index, "birthDate")
    # Of the subjects only: a message about the start of an order may well name a child born since.
    latest = message.occurred.date() if person.key in message.subjects else today
    if born > min(latest, today) + TOLERANCE:
        yield Problem(place, "is after the event" if latest < today else "is in the future", "value")
    elif born < EARLIEST:
        yield Problem(place, f"is before {EARLIEST.year}", "value")
    elif age(born, today) > OLDEST:
        yield Problem(place, f"is more than {OLDEST} years ago", "value", "warning")
    elif message.event is Event.BIRTH and person.key in message.subjects and born < message.occurred.date() - TOLERANCE:
        yield Problem(place, "is not the day of the birth", "value", "warning")


def _unborn(index: int, person: Person, occurred: date) -> Iterator[Problem]:
    if not person.unborn:
        return
    if person.birth_date is not None:
        yield Problem(places.person(index, "birthDate"), "cannot be: the child is not born", "invariant")
    if person.expected is None:
        yield Problem(places.person(index), "has no expected date of birth", "required", "warning")
    else:
        yield from _expected(places.person(index), person.expected, occurred)


def _expected(place: str, expected: date, occurred: date) -> Iterator[Problem]:
    ahead = expected - occurred
    if abs(ahead) > EXPECTED_ABSURD:
        yield Problem(place, "cannot be an expected date of birth at that time", "value")
    elif not EXPECTED_FROM <= ahead <= EXPECTED_TO:
        yield Problem(place, "is unlikely as an expected date of birth at that time", "value", "warning")


def _death(index: int, person: Person, today: date) -> Iterator[Problem]:
    died = person.deceased
    if isinstance(died, bool) or died is None:
        return
    day = died.date() if isinstance(died, datetime) else died
    place = places.person(index, "deceased")
    if day > today + TOLERANCE:
        yield Problem(place, "is in the future", "value")
    elif person.birth_date is not None and day < person.birth_date:
        yield Problem(place, "is before the date of birth", "value")


def _addresses(index: int, addresses: tuple[PostalAddress, ...]) -> Iterator[Problem]:
    for position, address in enumerate(addresses):
        if address.since is not None and address.until is not None and address.until < address.since:
            place = places.person(index, f"address[{position}].period")
            yield Problem(place, "ends before it begins", "value", "warning")
