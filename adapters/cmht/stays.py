"""A stay on a mental health ward as the messages it comes to, whichever format told of it, and what takes them back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.codes import Event
from schemas.events import coded
from schemas.message import Fact, Message, Person, Professional, Relationship

PATIENT: Final = "patient"
"""Key of whom a stay is of, where the format names nobody by an id."""

DIED: Final = "informal"
"""Kind of a death that a ward tells of: it is not registered yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing that happened in a stay."""

    id: str
    event: Event
    occurred: datetime
    kind: str | None = None
    subject: str = PATIENT
    people: tuple[Person, ...]
    relationships: tuple[Relationship, ...] = ()
    facts: tuple[Fact, ...] = ()
    author: Professional | None = None
    sent: datetime | None = None
    reference: str | None = None

    def message(self) -> Message:
        """As the broker has it; of somebody who died on the ward, the death."""
        died = self.event is Event.MENTAL_HEALTH_DISCHARGE and self._died()
        return Message(
            id=self.id,
            event=Event.DEATH if died else self.event,
            sender=None,
            occurred=self.occurred,
            sent=self.sent,
            kind=DIED if died else self.kind,
            subjects=(self.subject,),
            people=self.people,
            relationships=self.relationships,
            # Why somebody was on the ward is no business of those who hear that they died.
            facts=() if died else self.facts,
            author=self.author,
            reference=self.reference,
        )

    def _died(self) -> bool:
        return any(person.key == self.subject and person.deceased not in (None, False) for person in self.people)


def minute(at: datetime) -> str:
    """The minute of a time: who cancels repeats it to the minute, not always to the second."""
    return (at - timedelta(seconds=at.second, microseconds=at.microsecond)).isoformat()


def withdrawal(id_: str, reference: str, at: datetime, sent: datetime | None) -> Message:
    """The message that takes back what did not happen: a message, or all that was told of a record."""
    return Message(
        id=id_,
        event=Event.WITHDRAW,
        sender=None,
        occurred=at,
        sent=sent,
        subjects=(),
        people=(),
        facts=(Fact(code="withdraw-reason", value=coded("withdraw-reason", "untrue")),),
        reference=reference,
    )
