"""Admissions, registrations and pre-admissions (A01, A04, A05): a pregnancy, a birth, a child in hospital, or nothing of ours."""

from datetime import date, datetime, timedelta
from typing import Final

from adapters.hl7v2 import V2Message
from adapters.hl7v2.observations import facts
from adapters.hl7v2.people import Stay, sent, zone_of
from adapters.hl7v2.records import id_of, record_of
from adapters.hl7v2.times import moment
from adapters.midwifery.drafts import NotOurs, Outcome, Read, Told, attending, instant_of, parted, read, told_once
from schemas.codes import Event
from schemas.events.ages import age
from schemas.message import Fact, Message, Person
from schemas.problem import Problem

_PREGNANT: Final = "B6"
"""Ambulatory status (PV1-15, table 0009)."""
_IN_LABOUR: Final = frozenset({"L", "31"})
_BORN_HERE: Final = frozenset({"N", "82"})
"""Kinds of admission (PV1-4): labour and delivery, newborn (table 0007); ante-partum, birth of a baby here (ADMISSION METHOD)."""
_NEWBORN_FOR: Final = timedelta(days=28)
_IN_WORDS: Final = frozenset({"PREGNANT", "PREGNANCY", "ANTENATAL"})
"""Kinds of patient (PV1-18, a table of the user's) that say it, as the ITK example does."""
_ICD_10: Final = ("Z321", "Z33", "Z34", "Z35")
_SNOMED: Final = frozenset({"77386006", "72892002"})
"""Diagnoses (DG1-3): confirmed, incidental, supervised and high-risk pregnancy; pregnant, normal pregnancy."""

_OF_PREGNANCY: Final = frozenset({"expected-date", "number-of-fetuses", "gestation"})
_OF_BIRTH: Final = frozenset({"birth-weight", "gestation"})
GROWN: Final = 18


def arrival(message: V2Message) -> Outcome:
    """What an arrival says of the patient."""
    found = read(message)
    if isinstance(found, tuple):
        return found
    if _is_born(found):
        return _birth(message)
    if says_pregnancy(message, found.stay):
        return pregnancy(found)
    if is_child(found.patient, found.happened.date()):
        return _child(found)
    return NotOurs("An arrival in hospital that says nothing of a pregnancy, and is not of a child.")


def _is_born(found: Read) -> bool:
    """A birth here; senders' templates say so of the mother too, so the date of birth must agree."""
    born, on = found.patient.birth_date, found.happened.date()
    here = found.message.first("PV1").text(4).upper() in _BORN_HERE and found.message.trigger != "A05"
    return here and born is not None and on - _NEWBORN_FOR <= born <= on + timedelta(days=1)


def says_pregnancy(message: V2Message, stay: Stay) -> bool:
    """Whether the message says that the patient is pregnant; that a service is called maternity does not."""
    written = {stay.patient_type.upper(), message.first("PV1").text(18, 2).upper()}
    due, _ = parted(facts(message, None, frozenset({"expected-date"})))
    return (
        _PREGNANT in stay.ambulatory
        or message.first("PV1").text(4).upper() in _IN_LABOUR
        or bool(written & _IN_WORDS)
        or bool(due)
        or any(_is_of_pregnancy(diagnosis.text(3)) for diagnosis in message.all("DG1"))
    )


def _is_of_pregnancy(code: str) -> bool:
    return code in _SNOMED or code.upper().replace(".", "").startswith(_ICD_10)


def is_child(person: Person, on: date) -> bool:
    """Whether the date of birth says so; without one nobody is taken for a child."""
    return person.birth_date is not None and age(person.birth_date, on) < GROWN


def pregnancy(found: Read) -> Told:
    """The pregnancy, as first known to the sender: booked, or met in the ward. Each visit to a clinic repeats it, and it is told once."""
    said, doubts = parted(facts(found.message, found.patient.key, _OF_PREGNANCY))
    told = _told(found, Event.PREGNANCY_BOOKING, said, doubts)
    due = next((fact.value for fact in said if fact.code == "expected-date"), None)
    if found.message.trigger != "A04" or due is None:
        return told
    return told_once(found, told, "pregnancy", str(due))


def _child(found: Read) -> Outcome:
    if found.message.trigger == "A05":
        return NotOurs("A child is to come to hospital; that is told when it has come.")
    emergency = found.message.trigger == "A04" and found.stay.patient_class == "E"
    if found.message.trigger == "A04" and not emergency:
        return NotOurs("A child comes to a clinic, which tells of it itself.")
    reason = found.stay.reason
    said = (Fact(code="presenting-problem", value=reason, about=found.patient.key),) if reason else ()
    if emergency:
        return _told(found, Event.EMERGENCY_ATTENDANCE, said, ())
    ward = found.stay.ward
    where = (Fact(code="ward", value=ward, about=found.patient.key),) if ward else ()
    return _told(found, Event.CHILD_ADMISSION, (*said, *where), ())


def _birth(message: V2Message) -> Outcome:
    found = read(message, "baby")
    if isinstance(found, tuple):
        return found
    if found.patient.deceased:
        # Either mistake is cruel: a new-birth visit to a bereaved home, or none to a living baby.
        return (
            Problem(
                "PID-30",
                "of a newborn leaves open whether it was stillborn; tell its mother's pregnancy-end",
                "business-rule",
            ),
        )
    said, doubts = parted(facts(message, found.patient.key, _OF_BIRTH))
    born = moment(message.first("PID").text(7), zone_of(message))
    return _told(found, Event.BIRTH, said, doubts, at=born.at if born else None)


def _told(
    found: Read, event: Event, said: tuple[Fact, ...], doubts: tuple[Problem, ...], at: datetime | None = None
) -> Told:
    """The message of an event that happened at a time, or on arrival."""
    record = record_of(found.message, found.stay)
    # A05 is of a stay to come: what it tells, the pregnancy, is known when it is recorded.
    arrived = None if found.message.trigger == "A05" else instant_of(found.stay.admitted)
    message = Message(
        id=id_of(found.message, record),
        event=event,
        sender=None,
        occurred=at or arrived or found.happened,
        sent=sent(found.message),
        subjects=(found.patient.key,),
        people=found.people,
        relationships=found.relationships,
        facts=said,
        author=attending(found.message),
        reference=record,
    )
    return Told((message,), (*found.warnings, *doubts))
