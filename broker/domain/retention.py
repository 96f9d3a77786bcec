"""How long what a message says is kept, and what is left of it afterwards; what may not go yet is asked of the database."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from schemas.codes import Event
from schemas.message import Message, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Lengths of time from the day of receipt."""

    payloads: timedelta
    """Of events that have none of their own."""
    events: Mapping[Event, timedelta]
    unreadable: timedelta
    """Of what could not be read, which has no event."""

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
