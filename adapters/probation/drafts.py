"""What one HMPPS event comes to before it has an id and a time: messages in draft, or the reason why there are none."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, TypeAlias

from adapters.probation.envelope import DomainEvent
from schemas.codes import Event
from schemas.events import coded
from schemas.message import Fact, FactValue, Identifier
from schemas.problem import Problem

PERSON: Final = "person"
"""Key of the one person an HMPPS event is about."""

HELD: Final = "held-for-release"
"""Label of what probation's safeguarding lead releases, to whom they name, before anybody is told (sharing principle 7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record of the sending service by its own number, which later events name again: a registration, a requirement."""

    kind: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One message about the event's person, or about who has `subject` as identifiers."""

    event: Event
    kind: str | None = None
    facts: tuple[Fact, ...] = ()
    held: bool = False
    deceased: bool = False
    subject: tuple[Identifier, ...] | None = None
    creates: Record | None = None
    """The message gets its id from this record, so that a later event can refer to it."""
    refers_to: Record | None = None
    """The record whose message this one replaces or withdraws."""
    to_whom: bool = False
    """Who has the case from now on is asked for."""
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class NotOurs:
    """Nothing for anybody in a household: why, for the sender."""

    reason: str


@dataclass(frozen=True, slots=True)
class Asks:
    """Nothing in the event itself: what it says stands in the record of its person."""

    about: Literal["address", "person"]


Outcome: TypeAlias = tuple[Draft, ...] | NotOurs | Asks | Problem
Reader: TypeAlias = Callable[[DomainEvent], Outcome]


def fact(fact_code: str, value: FactValue, at: date | None = None) -> Fact:
    """A fact about the event's person."""
    return Fact(code=fact_code, value=value, about=PERSON, at=at)


def code(fact_code: str, value: str, at: date | None = None) -> Fact:
    """A fact about the event's person that is a code of its value set."""
    return fact(fact_code, coded(fact_code, value), at)


def tells(event: Event, kind: str | None = None, *facts: Fact, held: bool = False, to_whom: bool = False) -> Reader:
    """Reads events of a type that always says the same."""
    draft = Draft(event=event, kind=kind, facts=facts, held=held, to_whom=to_whom)
    return lambda _: (draft,)


def not_ours(reason: str) -> Reader:
    """Reads events of a type that is none of Baton's business."""
    outcome = NotOurs(reason)
    return lambda _: outcome


def asks(about: Literal["address", "person"]) -> Reader:
    """Reads events of a type that only says that something in the record of its person has changed."""
    outcome = Asks(about)
    return lambda _: outcome


def not_read(reason: str) -> Reader:
    """Reads events of a type that matters and cannot be told from what the event holds: kept until it can."""
    return lambda event: Problem(f"{event.place}eventType", reason, "not-supported")


def lacks(event: DomainEvent, name: str) -> Problem:
    """That `additionalInformation` lacks what the event cannot be understood without."""
    return Problem(f"{event.place}additionalInformation.{name}", "is required with this type of event", "required")
