"""Discharges (A03) and what cancels an event (A11, A13, A38): a hand-over, a death, the end of a pregnancy, or nothing of ours."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from adapters.hl7v2 import V2Message, people
from adapters.hl7v2.observations import facts
from adapters.hl7v2.records import id_of, record_of
from adapters.midwifery.arrivals import is_child, says_pregnancy
from adapters.midwifery.drafts import NotOurs, Outcome, Read, Told, attending, instant_of, parted, read
from adapters.midwifery.services import OTHERS, is_another, is_maternity
from schemas.codes import Event, RelationshipKind
from schemas.events import coded
from schemas.events.ages import age
from schemas.message import Fact, Message, Person
from schemas.problem import Problem

_STILLBORN: Final = frozenset({"5", "STILLBIRTH", "STILLBORN"})
_DIED: Final = frozenset({"4", "20", "DIED", "EXPIRED", "DECEASED", "DEATH"})
"""PV1-36: DISCHARGE METHOD of the NHS Data Dictionary, table 0112 of HL7, and both in words."""

_OF_HAND_OVER: Final = frozenset({"birth-weight", "weight", "gestation"})
_BABY_FOR: Final = 1
"""Years in which a child may be maternity's baby: a neonatal unit has some for months."""
_MIDWIVES_FOR: Final = timedelta(days=60)
"""Midwives hand over within four weeks of the birth, at most six: an older baby came back, as any child does."""


def leaving(message: V2Message) -> Outcome:
    """What the end of a stay says of the patient."""
    found = read(message)
    if isinstance(found, tuple):
        return found
    how = message.first("PV1").text(36).upper()
    at = instant_of(found.stay.discharged) or found.happened
    if how in _STILLBORN:
        return _stillbirth(found, at)
    if is_anothers(found):
        return NotOurs(OTHERS)
    if how in _DIED:
        return _death(found, at)
    if found.patient.deceased:
        return death(found, at)
    if _is_ours(found, at.date()):
        return _hand_over(found, at)
    if is_child(found.patient, at.date()) and not says_pregnancy(message, found.stay) and not _babies(found, at):
        return _told(found, Event.CHILD_DISCHARGE, at, (found.patient.key,))
    if found.patient.gender == "male":
        return NotOurs("A man leaves hospital, which hands nobody over.")
    if says_pregnancy(message, found.stay) and not _babies(found, at):
        return NotOurs("A stay during a pregnancy ends; midwifery goes on, so nobody is handed over.")
    return _hand_over(found, at)


def is_anothers(found: Read) -> bool:
    """Whether another service has the patient, who is no child, and the message says nothing of a pregnancy or a baby."""
    on = found.happened
    said = is_child(found.patient, on.date()) or says_pregnancy(found.message, found.stay) or _babies(found, on)
    return is_another(found.message) and not said


def _is_ours(found: Read, on: date) -> bool:
    """A baby that has not left the care of maternity or the neonatal unit before."""
    born = found.patient.birth_date
    if born is None or not is_baby(found.patient, on):
        return False
    return is_maternity(found.message) or (not is_another(found.message) and on - born <= _MIDWIVES_FOR)


def is_baby(person: Person, on: date) -> bool:
    return person.birth_date is not None and age(person.birth_date, on) < _BABY_FOR


def _babies(found: Read, at: datetime) -> tuple[Person, ...]:
    """The patient's own children who are babies."""
    own = {said.to for said in found.relationships if said.person == found.patient.key and said.kind in _PARENTS}
    return tuple(person for person in found.people if person.key in own and is_baby(person, at.date()))


_PARENTS: Final = frozenset({RelationshipKind.MOTHER, RelationshipKind.FATHER, RelationshipKind.PARENT})


def _hand_over(found: Read, at: datetime) -> Told:
    babies = _babies(found, at)
    baby = found.patient if is_baby(found.patient, at.date()) else next(iter(babies), None)
    # Of twins an observation does not say which of them it is of.
    said, doubts = parted(facts(found.message, baby.key, _OF_HAND_OVER)) if baby and len(babies) < 2 else ((), ())
    subjects = (found.patient.key, *(person.key for person in babies))
    told = _told(found, Event.MATERNITY_DISCHARGE, at, subjects, said)
    return Told(told.messages, (*told.warnings, *doubts))


def _stillbirth(found: Read, at: datetime) -> Outcome:
    """Of a stillbirth only the end of the pregnancy is told, and it is the mother's (sharing principle 14)."""
    mother = found.mother or (None if is_baby(found.patient, at.date()) else found.patient)
    if mother is None:
        return (
            Problem("NK1", "names no mother, and of a stillbirth only the end of her pregnancy is told", "required"),
        )
    record = record_of(found.message, found.stay)
    message = Message(
        id=id_of(found.message, record),
        event=Event.PREGNANCY_END,
        sender=None,
        occurred=at,
        sent=people.sent(found.message),
        subjects=(mother.key,),
        people=(mother,),
        reference=record,
    )
    return Told((message,), found.warnings)


def death(found: Read, at: datetime) -> Outcome:
    """The patient died, unless it may be a stillborn child: a record has a date of birth and a mark of death for it, too."""
    born, died = found.patient.birth_date, found.patient.deceased
    newborn = born is not None and at.date() - born <= _MIDWIVES_FOR
    # A day later than its birth, somebody has lived; a datetime is a date as well.
    if newborn and not (isinstance(died, date) and born is not None and _day(died) > born):
        return (
            Problem(
                "PID-29",
                "does not say that a newborn lived; say how it died (PV1-36), or tell its mother's pregnancy-end",
                "required",
            ),
        )
    return _death(found, at)


def _day(at: datetime | date) -> date:
    return at.date() if isinstance(at, datetime) else at


def _death(found: Read, at: datetime) -> Told:
    """The date is that of PID-29; without one it is not said."""
    dead = replace(found.patient, deceased=found.patient.deceased or True)
    return _told(replace(found, patient=dead), Event.DEATH, at, (dead.key,))


def _told(found: Read, event: Event, at: datetime, subjects: tuple[str, ...], said: tuple[Fact, ...] = ()) -> Told:
    record = record_of(found.message, found.stay)
    message = Message(
        id=id_of(found.message, record),
        event=event,
        sender=None,
        occurred=at,
        sent=people.sent(found.message),
        subjects=subjects,
        people=found.people,
        relationships=found.relationships,
        facts=said,
        author=attending(found.message),
        reference=record,
    )
    return Told((message,), found.warnings)


def cancelled(message: V2Message) -> Outcome:
    """What takes an event back names the visit it was of; nobody wrongly named is named again."""
    found = read(message)
    if isinstance(found, Read) and is_anothers(found):
        return NotOurs(OTHERS)
    record = record_of(message, people.stay(message))
    if record is None:
        return (Problem("PV1-19", "is required: the visit whose event is cancelled", "required"),)
    at, doubts = people.happened(message)
    if at is None:
        return (Problem("EVN-2", "is required: when it was recorded, or MSH-7", "required"), *doubts)
    withdrawal = Message(
        id=id_of(message, record),
        event=Event.WITHDRAW,
        sender=None,
        occurred=people.sent(message) or at,
        sent=people.sent(message),
        subjects=(),
        people=(),
        facts=(Fact(code="withdraw-reason", value=coded("withdraw-reason", "untrue")),),
        reference=record,
    )
    return Told((withdrawal,), doubts)
