"""Whom an HL7 v2 message names: PID, PD1 and ARV as a person, NK1 as people and what they are to the patient, PV1 as a stay.

Tables cited are those of HL7 v2.8.2 and, for England, of the NHS Data Dictionary and of ITK's HL7 v2 messages.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Final

from adapters.hl7v2 import numbers, places
from adapters.hl7v2.structure import Field, Segment, V2Message, doubt
from adapters.hl7v2.times import LONDON, Moment, Precision, moment
from schemas.codes import RelationshipKind
from schemas.message import Identifier, Person, Relationship
from schemas.problem import Problem

_LEGAL_FIRST: Final = ("L", "", "D", "C", "PN", "U")
_MAIDEN: Final = ("M", "B")
"""Types of names (table 0200): maiden, and at birth, which of a grown woman is the same."""
_NO_NAMES: Final = frozenset({"A", "ALIAS", "N", "NICK", "S", "T", "NB", "ANON"})

_SEXES: Final = {
    **dict.fromkeys(("M", "1", "MALE"), "male"),
    **dict.fromkeys(("F", "2", "FEMALE"), "female"),
    **dict.fromkeys(("O", "A"), "other"),
    **dict.fromkeys(("U", "N", "X", "0", "9"), "unknown"),
}
"""Table 0001, and PERSON GENDER CODE of the NHS Data Dictionary."""

_KIN: Final = {
    **dict.fromkeys(("SPO", "DOM", "PTN", "01", "02"), RelationshipKind.PARTNER),
    **dict.fromkeys(("PAR", "03"), RelationshipKind.PARENT),
    **dict.fromkeys(("MTH", "NMTH", "12"), RelationshipKind.MOTHER),
    **dict.fromkeys(("FTH", "NFTH", "13"), RelationshipKind.FATHER),
    **dict.fromkeys(("SIB", "BRO", "SIS", "14", "15"), RelationshipKind.SIBLING),
    **dict.fromkeys(("GRP", "GRM", "GRF"), RelationshipKind.GRANDPARENT),
    **dict.fromkeys(("GRD", "CGV", "FPAR", "SPAR", "05", "06", "07", "20"), RelationshipKind.CARER),
    **dict.fromkeys(("EXF", "OAD", "16"), RelationshipKind.OTHER),
}
"""Table 0063 and PersonRelationshipType-1 of CareConnect: what the associated party is to the patient."""
_CHILDREN: Final = frozenset({"CHD", "NCH", "09"})
"""The associated party is the patient's child. Foster, step and grandchildren are nobody's the patient would be a parent of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """Whom the message is about."""

    person: Person
    maiden: str | None = None
    """Family name before marriage."""
    telephones: tuple[str, ...] = ()
    """Numbers at which the patient is called; e-mail addresses are none."""
    mother: Person | None = None
    """By the number in PID-21, which a baby's record has."""
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """Somebody named as next of kin or contact (NK1)."""

    person: Person
    relationship: Relationship | None
    """None for who is not kin and cares for nobody here: an employer, a friend, an insurer."""
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A visit or stay in hospital (PV1, PV2); every text as it was sent, empty where nothing was."""

    number: str
    """PV1-19: names the visit in the sender's system, for as long as it lasts and when it is cancelled."""
    patient_class: str
    ward: str
    service: str
    """PV1-10."""
    ambulatory: frozenset[str]
    """PV1-15; `B6` is pregnant (table 0009)."""
    patient_type: str
    reason: str
    """PV2-3."""
    discharged_to: str
    admitted: Moment | None
    discharged: Moment | None
    expected: Moment | None
    """PV2-8, of an admission to come."""
    warnings: tuple[Problem, ...] = ()


def zone_of(message: V2Message) -> tzinfo:
    """The zone of times that give none: that of MSH-7, else London's."""
    sent = moment(message.header.text(7))
    return (sent.zone if sent else None) or LONDON


def happened(message: V2Message) -> tuple[datetime | None, tuple[Problem, ...]]:
    """When the event happened: EVN-6, else EVN-2 (recorded), else MSH-7; the beginning of its day where none has a time of day.

    None when no one of them can be read.
    """
    event, zone = message.first("EVN"), zone_of(message)
    warnings: list[Problem] = []
    days: list[datetime] = []
    for segment, number in ((event, 6), (event, 2), (message.header, 7)):
        found = time_at(segment, number, zone, warnings)
        if found is not None and found.at is not None:
            return found.at, tuple(warnings)
        if found is not None and found.day is not None:
            days.append(found.local.astimezone(UTC))
    return next(iter(days), None), tuple(warnings)


def sent(message: V2Message) -> datetime | None:
    """MSH-7 as an instant."""
    found = moment(message.header.text(7))
    return found.at if found else None


def time_at(segment: Segment, number: int, zone: tzinfo, warnings: list[Problem]) -> Moment | None:
    """The time in a field; what cannot be, and what was repaired, is added to `warnings`."""
    return _time(segment.text(number), segment.path(number), zone, warnings)


def _time(text: str, path: str, zone: tzinfo, warnings: list[Problem]) -> Moment | None:
    if not text:
        return None
    found = moment(text, zone)
    if found is None:
        warnings.append(doubt(path, "is no time that can be, and was left out"))
    elif found.repaired:
        warnings.append(doubt(path, found.repaired))
    return found


def patient(message: V2Message, key: str = "patient", position: int = 0) -> Patient | Problem:
    """The patient of the message's PID, or of its PID in that position (A40 has one for each merge)."""
    found = message.all("PID")[position : position + 1]
    if not found:
        return Problem("PID", "is required: whom the message is about", "required")
    pid, warnings = found[0], list[Problem]()
    zone = zone_of(message)
    identifiers = tuple(dict.fromkeys(numbers.of_patient(pid, message.facility)))
    names = pid.all(5)
    name = _current(names)
    practice = places.practice(message.first("PD1"))
    restricted = places.restricted(message)
    person = Person(
        key=key,
        identifiers=identifiers,
        family=_family(name),
        given=_given(name),
        birth_date=_day(pid, 7, zone, warnings),
        birth_order=_number(pid.text(25)),
        gender=_sex(pid, 8, warnings),
        deceased=_deceased(pid, zone, warnings),
        addresses=places.addresses(pid, 11, zone, warnings, protected="LOC" in restricted),
        practice=practice,
        protected=message.first("PD1").text(12).upper() == "Y" or bool(restricted - {"LOC"}),
    )
    return Patient(
        person=person,
        maiden=next((_family(other) for other in names if other.code(7) in _MAIDEN), None),
        telephones=tuple(filter(None, map(places.telephone, (*pid.all(13), *pid.all(14))))),
        mother=_mother(pid, message.facility),
        warnings=tuple(warnings),
    )


def _mother(pid: Segment, facility: str) -> Person | None:
    found = tuple(dict.fromkeys(one for field in pid.all(21) for one in numbers.identifier(field, facility)))
    return Person(key="mother", identifiers=found) if found else None


# --- names, dates, sex --------------------------------------------------------------------------------------------


def _current(names: tuple[Field, ...]) -> Field | None:
    """The legal name, or the first that is not said to be another."""
    usable = [name for name in names if name.code(7) not in _NO_NAMES and (name(1) or name(2))]
    others = [name for name in usable if name.code(7) not in _MAIDEN]
    ranked = sorted(others or usable, key=lambda name: _rank(name.code(7)))
    return ranked[0] if ranked else None


def _rank(kind: str) -> int:
    return _LEGAL_FIRST.index(kind) if kind in _LEGAL_FIRST else len(_LEGAL_FIRST)


def _family(name: Field | None) -> str | None:
    """The surname; its prefix and the partner's are components of their own from version 2.3 on."""
    return (name(1) or None) if name else None


def _given(name: Field | None) -> tuple[str, ...]:
    return tuple(filter(None, (name(2), name(3)))) if name else ()


def _day(segment: Segment, number: int, zone: tzinfo, warnings: list[Problem]) -> date | None:
    found = time_at(segment, number, zone, warnings)
    if found is not None and found.day is None:
        warnings.append(doubt(segment.path(number), "is no whole date and was left out"))
    return found.day if found else None


def _number(text: str) -> int | None:
    """A small number; longer digits are none that counts babies."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 2 else None


def _sex(segment: Segment, number: int, warnings: list[Problem]) -> str | None:
    written = segment.text(number).upper()
    if written and written not in _SEXES:
        warnings.append(doubt(segment.path(number), "is no code of sex that Baton knows, and was left out"))
    return _SEXES.get(written)


def _deceased(pid: Segment, zone: tzinfo, warnings: list[Problem]) -> datetime | date | bool | None:
    """PID-29 and PID-30. That somebody died is never dropped because the day is wrong."""
    said = {"Y": True, "N": False}.get(pid.text(30).upper())
    if not pid.text(29):
        return said
    died = time_at(pid, 29, zone, warnings)
    born = moment(pid.text(7), zone)
    if said is False or (died and born and died.day and born.day and died.day < born.day):
        warnings.append(doubt(pid.path(29), "does not agree with the rest of PID, and the date was left out"))
        return said is not False
    if died is None or died.day is None:
        return True
    return died.at if died.precision >= Precision.MINUTE else died.day


# --- where they live, and whom they are with ----------------------------------------------------------------------


def kin(message: V2Message, patient_: Person) -> tuple[Kin, ...]:
    """Who is named as next of kin or contact, with what they are to the patient or the patient to them."""
    return tuple(_kin(message, segment, patient_) for segment in message.all("NK1"))


def _kin(message: V2Message, nk1: Segment, patient_: Person) -> Kin:
    zone, warnings = zone_of(message), list[Problem]()
    name = _current(nk1.all(2))
    key = f"kin-{nk1.position}"
    person = Person(
        key=key,
        identifiers=tuple(
            dict.fromkeys(one for field in nk1.all(33) for one in numbers.identifier(field, message.facility))
        ),
        family=_family(name),
        given=_given(name),
        birth_date=_day(nk1, 16, zone, warnings),
        gender=_sex(nk1, 15, warnings),
        addresses=places.addresses(nk1, 4, zone, warnings, protected=False),
    )
    return Kin(person=person, relationship=_relationship(nk1, key, patient_), warnings=tuple(warnings))


def _relationship(nk1: Segment, key: str, patient_: Person) -> Relationship | None:
    # The alternate code counts only where there is no other: senders leave their templates' in it.
    codes = {(field(1) or field(4)).upper() for field in nk1.all(3)}
    if codes & _CHILDREN:
        parent = {"female": RelationshipKind.MOTHER, "male": RelationshipKind.FATHER}
        kind = parent.get(patient_.gender or "", RelationshipKind.PARENT)
        return Relationship(person=patient_.key, kind=kind, to=key)
    found = next((_KIN[code] for code in sorted(codes) if code in _KIN), None)
    return None if found is None else Relationship(person=key, kind=found, to=patient_.key)


def stay(message: V2Message) -> Stay:
    """The visit; of a message without PV1, one of nothing."""
    pv1, pv2 = message.first("PV1"), message.first("PV2")
    zone, warnings = zone_of(message), list[Problem]()
    reason = pv2.first(3)
    return Stay(
        number=pv1.text(19),
        patient_class=pv1.text(2).upper(),
        ward=" ".join(filter(None, (pv1.text(3), pv1.text(3, 2)))),
        service=pv1.text(10),
        ambulatory=frozenset(field(1).upper() for field in pv1.all(15)),
        patient_type=pv1.text(18),
        reason=reason(2) or reason(1),
        discharged_to=pv1.text(37) or pv1.text(36),
        admitted=time_at(pv1, 44, zone, warnings),
        discharged=time_at(pv1, 45, zone, warnings),
        expected=time_at(pv2, 8, zone, warnings),
        warnings=tuple(warnings),
    )


def merged(message: V2Message) -> Iterator[tuple[Patient | Problem, tuple[Identifier, ...]]]:
    """Of a merge (A40 and its like): each patient that remains, and the numbers that were given up (MRG-1, MRG-4 after its PID)."""
    survivors = -1
    for segment in message.segments:
        if segment.name == "PID":
            survivors += 1
        elif segment.name == "MRG":
            gone = (
                one
                for number in (1, 4)
                for field in segment.all(number)
                for one in numbers.identifier(field, message.facility)
            )
            remaining = patient(message, f"patient-{survivors + 1}", max(survivors, 0))
            yield remaining, tuple(dict.fromkeys(gone))
