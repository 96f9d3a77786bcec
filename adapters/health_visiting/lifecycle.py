"""By what a NEMS event is known again: one of a record that lives (new, updated, deleted), and one that only says what happened.

Which record an event is of says its identifier, which the publisher maintains between events; the id of the focus resource need not last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from fhir.resources.STU3.identifier import Identifier

from adapters.identity import id_in_record, message_id, record_id
from adapters.nems import EventMessage, instant
from schemas.codes import Event
from schemas.events import coded
from schemas.message import Fact, Message


@dataclass(frozen=True, slots=True)
class Record:
    """The record an event is of, by the id that the messages about it refer to (`schemas.records`)."""

    id: str
    event: EventMessage

    @property
    def message(self) -> str:
        """Id of the event's message: made of when the record changed, so that what comes again is one and what was restored is another."""
        changed = self.event.header.meta.lastUpdated if self.event.header.meta else None
        return id_in_record(self.id, self.event.change, str(changed or self.event.header.id or ""))


def record(event: EventMessage, identifiers: Sequence[Identifier] | None) -> Record:
    """The record with these identifiers, of which the first with a value counts."""
    found = next((identifier for identifier in identifiers or () if identifier.value), None)
    known_by = ("identifier", found.system or "", found.value) if found else ("focus", event.focus)
    return Record(record_id("nems", event.code, *known_by), event)


def changed_at(event: EventMessage) -> datetime:
    """When the record changed at its publisher; when the event was sent, where that is not said."""
    said = instant(event.header.meta.lastUpdated) if event.header.meta else None
    return said or event.sent


def happening(event: EventMessage) -> str:
    """Id of the message of an event that is only ever `new`: made of all it says and of when the record changed.

    The Spine may name the same focus in two events (the Patient, in a record change), and its own samples share the
    header's id: neither tells one event from another.
    """
    changed = event.header.meta.lastUpdated if event.header.meta else None
    return message_id("nems", event.code, event.content_key, str(changed or event.header.id or ""))


def midnight(value: object) -> datetime | None:
    """The beginning of a whole day that is given without a time; None for anything else."""
    whole = isinstance(value, date) and not isinstance(value, datetime)
    return datetime.combine(value, time(), UTC) if whole else None  # type: ignore[arg-type]  # it is a date


def withdrawal(of: Record) -> Message:
    """The message that takes back all that was told of a record that was wrong or is no more."""
    return Message(
        id=of.message,
        event=Event.WITHDRAW,
        sender=None,
        occurred=changed_at(of.event),
        sent=of.event.sent,
        subjects=(),
        people=(),
        facts=(Fact(code="withdraw-reason", value=coded("withdraw-reason", "untrue")),),
        reference=of.id,
    )
