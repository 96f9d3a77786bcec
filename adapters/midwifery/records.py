"""What is said of records (A08, A28, A31) and of two that are one (A40 and its like): a death, a move, another number, or nothing new."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from adapters.hl7v2 import V2Message, people
from adapters.hl7v2.people import Patient
from adapters.hl7v2.records import id_of
from adapters.midwifery.arrivals import pregnancy, says_pregnancy
from adapters.midwifery.drafts import NotOurs, Outcome, Read, Told, read, told_once
from adapters.midwifery.leavings import death, is_anothers
from adapters.midwifery.services import OTHERS
from schemas.codes import Event
from schemas.identifiers import NHS_NUMBER
from schemas.message import Coding, Fact, Identifier, Message, Person, PostalAddress
from schemas.problem import Problem

_RECENT: Final = timedelta(days=60)
"""How long ago somebody may have moved for an update to be told as a move: offices are told late, and sent again in every update for ever."""
_AHEAD: Final = timedelta(days=14)


def updated(message: V2Message) -> Outcome:
    """What an update says has changed. The whole record comes each time, so only what it dates, or can happen once, is new."""
    found = read(message)
    if isinstance(found, tuple):
        return found
    if is_anothers(found):
        return NotOurs(OTHERS)
    if found.patient.deceased:
        told = death(found, found.happened)
        return told_once(found, told, "death", str(found.patient.deceased)) if isinstance(told, Told) else told
    if message.trigger == "A28" and says_pregnancy(message, found.stay):
        return pregnancy(found)
    if _moved(found.patient, found.happened.date()):
        return _move(found)
    return NotOurs(
        "The record as it stands, without a word of what changed: a move is told when its address has a date from (XAD-12 or XAD-13)."
    )


def _moved(person: Person, on: date) -> bool:
    return any(address.since and on - _RECENT <= address.since <= on + _AHEAD for address in _current(person, on))


def _current(person: Person, on: date) -> tuple[PostalAddress, ...]:
    return tuple(address for address in person.addresses if address.until is None or address.until >= on)


def _move(found: Read) -> Told:
    moved = replace(found.patient, addresses=_current(found.patient, found.happened.date()))
    message = Message(
        id=id_of(found.message, None),
        event=Event.CHANGE_OF_ADDRESS,
        sender=None,
        occurred=found.happened,
        sent=people.sent(found.message),
        subjects=(moved.key,),
        people=(moved,),
    )
    since = max(address.since for address in moved.addresses if address.since)
    return told_once(found, Told((message,), found.warnings), "address", since.isoformat())


def merged(message: V2Message) -> Outcome:
    """Two records were of one person, or a number was replaced (A47): for each who remains, the numbers given up."""
    at, doubts = people.happened(message)
    if at is None:
        return (Problem("EVN-2", "is required: when it was recorded, or MSH-7", "required"), *doubts)
    pairs = tuple(people.merged(message))
    problems = tuple(filter(None, (_incomplete(remaining, gone) for remaining, gone in pairs)))
    if problems or not pairs:
        return problems or (Problem("MRG", "is required: the numbers that were given up", "required"),)
    kind = "replaced" if message.trigger == "A47" else "merge"
    told: list[Message] = []
    for position, (remaining, gone) in enumerate(pairs):
        assert isinstance(remaining, Patient)  # the others are problems
        somebody = remaining.person
        told.append(
            Message(
                id=id_of(message, None, position),
                event=Event.IDENTIFIER_CHANGE,
                kind=kind,
                sender=None,
                occurred=at,
                sent=people.sent(message),
                subjects=(somebody.key,),
                people=(somebody,),
                facts=tuple(_formerly(one, somebody.key) for one in gone if one not in somebody.identifiers),
            )
        )
    return Told(tuple(told), doubts)


def _incomplete(remaining: Patient | Problem, gone: tuple[Identifier, ...]) -> Problem | None:
    if isinstance(remaining, Problem):
        return remaining
    if not remaining.person.identifiers:
        return Problem("PID-3", "is required: the number that remains", "required")
    if not gone:
        return Problem("MRG-1", "is required: the number that was given up", "required")
    return None


def _formerly(identifier: Identifier, about: str) -> Fact:
    if identifier.system == NHS_NUMBER:
        return Fact(code="previous-nhs-number", value=identifier.value, about=about)
    value = Coding(system=identifier.system, code=identifier.value)
    return Fact(code="previous-local-number", value=value, about=about)
