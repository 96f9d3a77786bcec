"""How long what a message says is kept, and what is left of it afterwards; how long people are known. What may not go yet is asked of the database."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from schemas.codes import Event, Function
from schemas.message import Message, Person

SCHOOL_LEAVER: Final = 17
"""Whose last contact was at this age is kept until one birthday later (NHS Records Management Code)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """How long somebody is known after the last that was heard of them, once nothing about them is open."""

    after_last: timedelta
    children_until: int
    """Nobody goes before this birthday, in years."""
    maternity: timedelta
    """From the birth of her last child, a mother."""
    kept_by: frozenset[Function]
    """Functions whose work lasts until it is ended, and keeps whom it is with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the time of one person counts from."""

    first: datetime
    last: datetime
    """When something was last heard of them, or done about them."""
    birth: date | None
    """The day of birth, or on which it is or was expected."""
    is_child: bool
    """Somebody is known as their parent."""
    last_child: date | None
    """The same of the youngest whose mother they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Lengths of time from the day of receipt."""

    payloads: timedelta
    """Of events that have none of their own."""
    events: Mapping[Event, timedelta]
    unreadable: timedelta
    """Of what could not be read, which has no event."""
    people: People

    def of(self, event: Event | None) -> timedelta:
        """How long what a message of this event says is kept."""
        return self.unreadable if event is None else self.events.get(event, self.payloads)


def skeleton(message: Message) -> Message:
    """What is left of a message: that it was sent, by whom, of which event, about whom by id, and how it was to be kept from others."""
    return replace(
        message,
        people=tuple(Person(key=one.key, unborn=one.unborn, protected=one.protected) for one in message.people),
        relationships=(),
        household=(),
        facts=(),
        author=None,
    )


def known_until(heard: Heard, rules: People) -> datetime:
    """When the time of somebody about whom nothing is open is over: the latest of all that it counts from."""
    ends = [heard.last + rules.after_last]
    birth = heard.birth or (heard.first.date() if heard.is_child else None)
    if birth is not None:
        left_at = _birthday(birth, SCHOOL_LEAVER) <= heard.last < _birthday(birth, SCHOOL_LEAVER + 1)
        ends.append(_birthday(birth, rules.children_until + left_at))
    if heard.last_child is not None:
        ends.append(_begins(heard.last_child) + rules.maternity)
    return max(ends)


def _birthday(birth: date, years: int) -> datetime:
    """The day on which somebody is so old; who was born on 29 February has it on 1 March of other years."""
    try:
        return _begins(birth.replace(year=birth.year + years))
    except ValueError:
        return _begins(date(birth.year + years, 3, 1))


def _begins(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
