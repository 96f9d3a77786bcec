"""HL7 v2 of practice systems: registrations (ADT) and referrals with their answers (REF, RRI; HL7 v2 chapters 3 and 11)."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final, TypeAlias

from adapters.gp import codes, drafts
from adapters.gp.drafts import Draft, Sheet
from adapters.hl7v2 import TRAINING, V2Message
from adapters.hl7v2.people import Patient, happened, patient, sent
from adapters.hl7v2.structure import Field
from adapters.identity import message_id
from adapters.port import Ignored, Notifications, Quarantine, Translation
from schemas.codes import Priority
from schemas.message import Professional
from schemas.problem import Problem

_REGISTRATIONS: Final = frozenset({"A04", "A08", "A28", "A31"})
"""Events that say how a person's record is now: registered, updated, added, updated as a person."""

_SYSTEMS: Final = {"SCT": codes.SNOMED, "SNM": codes.SNOMED, "SNM3": codes.SNOMED}
"""Table 0396: how HL7 v2 names SNOMED CT. Any other name is taken as a system's address."""
_URGENCY: Final = {"S": Priority.STAT, "A": Priority.ASAP, "U": Priority.URGENT}
"""RF1-2, table 0280."""
_DECISIONS: Final = {"A": "accepted", "R": "not-accepted"}
"""RF1-1, table 0283."""
_REFERRER: Final = "RP"
_FHIR_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")

_NO_PRACTICE: Final = "The record names no practice, so that it says nothing of a registration."
_PENDING: Final = "The referral is not decided yet; its outcome is told when it is."
_QUESTION: Final = "It asks how a referral stands, and says nothing of anybody."

_Read: TypeAlias = Draft | Problem | str
"""What was said, what is wrong, or why nobody need be told."""


def translate(message: V2Message) -> Translation:
    """What the message says."""
    if message.tells_of_nobody:
        return Ignored(TRAINING, key=message.key, content_key=message.content_key)
    if (message.type, message.trigger) == ("REF", "I14"):
        return _withdrawn(message)
    reader = _reader(message)
    if reader is None:
        reason = "is of an event that is not general practice's, or not read yet"
        return Quarantine((Problem(message.header.path(9), reason, "not-supported"), *message.warnings))
    found = patient(message)
    if isinstance(found, Problem):
        return Quarantine((found, *message.warnings))
    at, doubts = happened(message)
    warnings = (*message.warnings, *found.warnings, *doubts)
    if at is None:
        return Quarantine((Problem(message.header.path(7), "must be a time", "required"), *warnings))
    return _told(message, found, at, reader(message, found, at), warnings)


def _told(message: V2Message, found: Patient, at: datetime, read: _Read, warnings: tuple[Problem, ...]) -> Translation:
    if isinstance(read, str):
        return Ignored(read, key=message.key, content_key=message.content_key)
    if isinstance(read, Problem):
        return Quarantine((read, *warnings))
    id_, reference = _life(message)
    sheet = Sheet(
        id=id_,
        occurred=at,
        sent=sent(message),
        people=(found.person,),
        author=_author(message),
        reference=reference,
    )
    return Notifications(drafts.messages(sheet, (read,)), warnings, key=id_, content_key=message.content_key)


def _withdrawn(message: V2Message) -> Translation:
    """A referral is cancelled by its number."""
    number = message.first("RF1").text(6)
    if not number:
        return Quarantine((Problem("RF1-6", "is required: which referral is cancelled", "required"), *message.warnings))
    at, doubts = happened(message)
    if at is None:
        return Quarantine((Problem(message.header.path(7), "must be a time", "required"), *message.warnings, *doubts))
    withdrawn = drafts.withdrawal(message.key, _referral_id(message, number), at)
    warnings = (*message.warnings, *doubts)
    return Notifications((withdrawn,), warnings, key=message.key, content_key=message.content_key)


_Reader: TypeAlias = Callable[[V2Message, Patient, datetime], _Read]


def _reader(message: V2Message) -> _Reader | None:
    kind, trigger = message.type, message.trigger
    if kind == "ADT" and trigger in _REGISTRATIONS:
        return _registered
    if kind == "REF" and trigger in ("I12", "I13"):
        return _referred
    if kind in ("REF", "RRI") and trigger == "I15":
        return lambda *_: _QUESTION
    return _answered if kind == "RRI" and trigger in ("I12", "I13") else None


def _registered(message: V2Message, found: Patient, at: datetime) -> _Read:  # noqa: ARG001 - as the others
    return drafts.registration(found.person) if found.person.practice else _NO_PRACTICE


def _referred(message: V2Message, found: Patient, at: datetime) -> _Read:
    rf1 = message.first("RF1")
    said = frozenset(label for field in rf1.all(3) for label in _labels(field))
    child = codes.is_child(found.person.birth_date, at.date())
    function = codes.function_of(said, child=child)
    if function is None:
        return Problem("RF1-3", "names by code no service that Baton knows, or several", "not-supported")
    priority = _URGENCY.get(rf1.text(2).upper(), Priority.ROUTINE)
    return drafts.referral(function, _reason(message), found.person.key, priority)


def _answered(message: V2Message, found: Patient, at: datetime) -> _Read:  # noqa: ARG001 - as the others
    status = message.first("RF1").text(1).upper()
    if status == "P":
        return _PENDING
    decision = _DECISIONS.get(status)
    if decision is None:
        return Problem("RF1-1", "does not say what became of the referral", "not-supported")
    return drafts.outcome(decision, found.person.key)


def _life(message: V2Message) -> tuple[str, str | None]:
    """Id, and the id of the earlier message. A referral is named by its number (RF1-6), an answer names its message (MSA-2)."""
    if message.type == "RRI":
        answered = message.first("MSA").text(2)
        return message.key, answered if _FHIR_ID.fullmatch(answered) else None
    number = message.first("RF1").text(6)
    if message.type != "REF" or not number:
        return message.key, None
    first = _referral_id(message, number)
    return (first, None) if message.trigger == "I12" else (message.key, first)


def _referral_id(message: V2Message, number: str) -> str:
    return message_id("hl7v2-referral", message.application, message.facility, number)


def _labels(field: Field) -> Iterator[tuple[str, str]]:
    """(system, code) of a coded field and of its alternative."""
    for code, system in ((1, 3), (4, 6)):
        named = field(system)
        yield _SYSTEMS.get(named.upper(), named), field(code)


def _reason(message: V2Message) -> str | None:
    said = (message.first("RF1").text(10, 2), *(dg1.text(3, 2) or dg1.text(4) for dg1 in message.all("DG1")))
    return "; ".join(dict.fromkeys(filter(None, said))) or None


def _author(message: V2Message) -> Professional | None:
    """Who refers (PRD of role RP)."""
    for prd in message.all("PRD"):
        name = prd.first(2)
        text = " ".join(filter(None, (name(5), name(2), name(1))))
        if prd.text(1) == _REFERRER and text:
            return Professional(name=text, role=prd.text(1, 2) or None)
    return None
