"""What a message of general practice comes to before it has an id: what it says of whom, and messages made of that."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adapters.gp import codes
from adapters.identity import message_id
from schemas.bundle.elements import JsonObject, object_in, text_in
from schemas.codes import Event, Function, Priority
from schemas.events import coded
from schemas.message import Fact, Message, Person, Professional
from schemas.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One message about one person; `of` tells it from others of the same document."""

    event: Event
    about: str
    """Key of the person."""
    kind: str | None = None
    facts: tuple[Fact, ...] = ()
    of: str = ""
    occurred: datetime | None = None
    """When it was, if not when it was written."""
    priority: Priority = Priority.ROUTINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What all messages of one document or referral have in common."""

    id: str
    occurred: datetime
    sent: datetime | None
    people: tuple[Person, ...]
    author: Professional | None
    reference: str | None = None
    labels: frozenset[str] = frozenset()
    """Marks of the message that are kept with it: not to be shown to patient or family."""


def messages(sheet: Sheet, drafts: Iterable[Draft]) -> tuple[Message, ...]:
    """The messages; the first has the sheet's own id, by which later ones name it, and what it refers to.

    What stands twice in a document is said once.
    """
    once: dict[tuple[str, str], Draft] = {}
    for draft in drafts:
        once.setdefault((draft.event, draft.of), draft)
    return tuple(_message(sheet, draft, position) for position, draft in enumerate(once.values()))


def _message(sheet: Sheet, draft: Draft, position: int) -> Message:
    first = position == 0
    return Message(
        id=sheet.id if first else message_id(sheet.id, draft.event, draft.of),
        event=draft.event,
        sender=None,
        kind=draft.kind,
        occurred=draft.occurred or sheet.occurred,
        sent=sheet.sent,
        subjects=(draft.about,),
        people=tuple(person for person in sheet.people if person.key == draft.about),
        facts=draft.facts,
        author=sheet.author,
        priority=draft.priority,
        reference=sheet.reference if first else None,
        labels=sheet.labels,
    )


def withdrawal(id_: str, reference: str, at: datetime) -> Message:
    """The message that takes an earlier one of the sender back."""
    return Message(
        id=id_,
        event=Event.WITHDRAW,
        sender=None,
        occurred=at,
        sent=at,
        subjects=(),
        people=(),
        facts=(Fact(code="withdraw-reason", value=coded("withdraw-reason", "untrue")),),
        reference=reference,
    )


def concern(flag: JsonObject, about: str, place: str) -> Draft:
    """A safeguarding Flag as a concern in the sender's own words."""
    detail = codes.words(object_in(flag, "code"))
    return Draft(
        event=Event.CONCERN,
        about=about,
        kind=codes.concern_kind(flag),
        facts=(Fact(code="concern-detail", value=detail, about=about),) if detail else (),
        of=text_in(flag, "id") or place,
    )


_NO_BIRTH: Final = "is of somebody without a date of birth: a child is not brought, an adult does not attend"


def missed(appointment: JsonObject, person: Person, at: datetime, place: str) -> Draft | Problem:
    """An Appointment at `place` that nobody came to; a problem when it is not known whether of a child or an adult."""
    if person.birth_date is None:
        return Problem(f"{place}.participant", _NO_BIRTH, "required")
    return Draft(
        event=codes.missed(person.birth_date, at.date()),
        about=person.key,
        kind=codes.appointment_kind(appointment),
        of=text_in(appointment, "id") or place,
        occurred=at,
    )


def referral(function: Function, reason: str | None, about: str, priority: Priority = Priority.ROUTINE) -> Draft:
    """A service is asked to see somebody."""
    facts = (Fact(code="referral-reason", value=reason, about=about),) if reason else ()
    return Draft(event=Event.REFERRAL, about=about, kind=function, facts=facts, priority=priority)


def outcome(decision: str, about: str) -> Draft:
    """What became of a referral; `decision` is a code of `referral-decision`."""
    value = coded("referral-decision", decision)
    return Draft(
        event=Event.REFERRAL_OUTCOME, about=about, facts=(Fact(code="referral-decision", value=value, about=about),)
    )


def registration(person: Person) -> Draft:
    """Somebody is registered with the practice that the person's record names."""
    return Draft(event=Event.GP_REGISTRATION, about=person.key, kind="registered")
