"""What the reader of one type of event may answer, and how the adapter puts it into the words of the port."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from adapters.port import Completion, Ignored, Lookup, Notifications, Pointer, Quarantine, Translation
from schemas.events import coded
from schemas.events.ages import age
from schemas.message import Fact, FactValue, Message, Person
from schemas.problem import Problem

PERSON: Final = "person"
"""Key of the one person an event is about."""


@dataclass(frozen=True, slots=True)
class Told:
    """The messages an event comes to, in the order in which they are to be handled, and what a person should look at."""

    messages: tuple[Message, ...]
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class NotTold:
    """Understood, and nothing for anybody: why, for the sender."""

    reason: str


Outcome: TypeAlias = Told | NotTold | tuple[Problem, ...]
"""Problems, at least one of them an error: the event could not be read with enough certainty to tell anybody."""


def answer(outcome: Outcome | Lookup, key: str, content_key: str, warnings: tuple[Problem, ...]) -> Translation:
    """The outcome as the port has it. `key` is that of the event; where messages are told it is the id of the first."""
    if isinstance(outcome, Lookup):
        return Pointer(outcome, key=key, content_key=content_key, warnings=warnings)
    return settled(outcome, key, content_key, warnings)


def settled(outcome: Outcome, key: str, content_key: str, warnings: tuple[Problem, ...] = ()) -> Completion:
    """The outcome of an event that leaves nothing to a lookup."""
    match outcome:
        case Told(messages, doubts):
            return Notifications(messages, (*warnings, *doubts), key=messages[0].id, content_key=content_key)
        case NotTold(reason):
            return Ignored(reason, key=key, content_key=content_key)
        case problems:
            return Quarantine((*problems, *warnings))


OF_AN_ADULT: Final = "A vaccination of an adult is theirs: teams of a household are told of those of children."
_OF_AGE: Final = 18


def of_age(person: Person, at: datetime) -> bool:
    """Whether the person was an adult then; not known of somebody without a date of birth."""
    return person.birth_date is not None and age(person.birth_date, at.date()) >= _OF_AGE


def code(fact: str, value: str) -> Fact:
    """A fact about the event's person that is a code of its value set."""
    return said(fact, coded(fact, value))


def said(fact: str, value: FactValue) -> Fact:
    """A fact about the event's person."""
    return Fact(code=fact, value=value, about=PERSON)
