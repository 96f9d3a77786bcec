"""Registrations in Delius: which registers say something about a home, which are held for release, and which say nothing to anybody else.

Codes and meanings: the registration reference data of HMPPS's Manage People on Probation, and the register types that
its integration services name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from adapters.probation.drafts import Draft, NotOurs, Outcome, Reader, Record, code, fact, lacks
from adapters.probation.envelope import DomainEvent
from adapters.probation.times import day
from schemas.codes import ConcernKind, Event
from schemas.message import Fact
from schemas.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """One register: what being on it means to those who look after children.

    `held` registers are released by probation's safeguarding lead before anybody is told (sharing principle 7). Of
    them the concern itself says no more than that there is one; the register is a restricted fact beside it.
    """

    type: str
    """Code of the fact `registration-type`, or of `restricted-registration` when held."""
    detail: str = "A registration of probation that is held for release"
    concern: ConcernKind = ConcernKind.OTHER
    held: bool = False
    also: tuple[str, ...] = ()
    """Codes of further facts that state `detail`."""

    def fact(self, since: date | None) -> Fact:
        """The registration itself, as a fact."""
        return code("restricted-registration" if self.held else "registration-type", self.type, since)

    def ended(self, on: date | None) -> Fact:
        """That the registration no longer applies, as a fact."""
        return code("restricted-registration-ended" if self.held else "registration-ended", self.type, on)


def _held(kind: str, concern: ConcernKind = ConcernKind.OTHER) -> Register:
    return Register(type=kind, concern=concern, held=True)


_MENTAL_HEALTH: Final = ConcernKind.ADULT_MENTAL_HEALTH
_ABUSE: Final = ConcernKind.DOMESTIC_ABUSE

REGISTERS: Final[Mapping[str, Register]] = {
    # Children.
    "RCCO": Register(
        type="child-concerns", detail="Child Concerns: a child is thought at risk from or around this person"
    ),
    "RCPR": Register(
        type="child-protection",
        detail="Child Protection: a child with a plan or before a conference is at risk from or around this person",
    ),
    "RCHD": Register(
        type="risk-to-children", detail="Assessed as a risk of serious harm to children", also=("risk-to-children",)
    ),
    "ADWC": Register(
        type="barred-from-children", detail="Barred from working with children", also=("risk-to-children",)
    ),
    # Adults at home, and staff who visit (F27).
    "AV2S": Register(type="other", detail="Assessed as a risk to staff", also=("staff-safety",)),
    "WEAP": Register(type="other", detail="Known to use or carry weapons", also=("staff-safety",)),
    "REG15": Register(type="other", detail="Assessed as a risk to a known adult"),
    "REG22": Register(type="risk-to-adult", detail="Assessed as a risk to an adult at risk"),
    "RVAD": Register(type="risk-to-adult", detail="Assessed as a risk to a vulnerable adult"),
    "RHRH": Register(type="other", detail="Assessed as a high risk of serious harm"),
    "RVHR": Register(type="other", detail="Assessed as a very high risk of serious harm"),
    "RVRH": Register(type="other", detail="Assessed as a very high risk of serious harm"),
    # What one agency learns of an adult's mental health is routed as a CMHT's own message would be (F30).
    "AMHL": Register(type="mental-health", detail="Mental health issues", concern=_MENTAL_HEALTH),
    "RMDO": Register(type="mental-health", detail="Mentally disordered offender", concern=_MENTAL_HEALTH),
    "ALSH": Register(type="mental-health", detail="Risk of suicide or self-harm", concern=_MENTAL_HEALTH),
    # Held: public protection and victims, whoever they are; warrants, because an arrest may be planned.
    "MAPP": _held("mappa"),
    "IMAR": _held("marac", _ABUSE),
    "ADVP": _held("domestic-abuse-perpetrator", _ABUSE),
    "ADVV": _held("domestic-abuse-victim", _ABUSE),
    "REG30": _held("other", _ABUSE),
    "REG24": _held("other", _ABUSE),
    "CSEP": _held("exploitation-perpetrator"),
    "ARSO": _held("other"),
    "ANSO": _held("other"),
    "SOPS": _held("other"),
    "AVIS": _held("other"),
    "RTAO": _held("other"),
    "INVI": _held("other"),
    "STRG": _held("other"),
    "REG26": _held("other"),
    "ASFO": _held("other"),
    "WRSM": _held("other"),
    "ALAN": _held("other"),
    "ALERT": _held("other"),
}

_UNKNOWN: Final = _held("other")
"""A register this table lacks: nobody is told before somebody who knows it has looked (sharing principle 1)."""

_RECORD_KEEPING: Final = "This register is record-keeping inside probation."
_NOT_AT_HOME: Final = "This register says nothing of risk at home; those that do are told."

NOT_TOLD: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("DOFF", "KDUP", "IKII", "IKMF", "INLL", "NOTMAPPA", "APPO", "IIOM", "RPIR", "RRR"), _RECORD_KEEPING
    ),
    **dict.fromkeys(("RLRH", "RMRH", "REG16", "REG17", "RVLN", "IRMO"), _NOT_AT_HOME),
    "HOIE": "Immigration matters are not shared through Baton.",
}


def registration_added(event: DomainEvent) -> Outcome:
    """A person was put on a register: a concern."""
    return _concern(event, creates=True)


def registration_updated(event: DomainEvent) -> Outcome:
    """A registration changed: the concern, told again in place of the first."""
    return _concern(event, creates=False)


def _concern(event: DomainEvent, *, creates: bool) -> Outcome:
    register = _register(event)
    if not isinstance(register, Register):
        return register
    number = event.information.get("registrationId")
    record = Record(kind="registration", number=number) if number else None
    since, warnings = _date(event, "registrationDate")
    return (
        Draft(
            event=Event.CONCERN,
            kind=register.concern,
            facts=(
                fact("concern-detail", register.detail),
                register.fact(since),
                *(fact(further, register.detail) for further in register.also),
            ),
            held=register.held,
            creates=record if creates else None,
            refers_to=None if creates else record,
            warnings=warnings,
        ),
    )


def registration_ended(event: DomainEvent) -> Outcome:
    """A registration no longer applies. The event does not say which of that register, so none can be withdrawn."""
    register = _register(event)
    if not isinstance(register, Register):
        return register
    on, warnings = _date(event, "deregistrationDate")
    facts = (register.ended(on),)
    return (
        Draft(event=Event.SUPERVISION_CHANGE, kind="registration", facts=facts, held=register.held, warnings=warnings),
    )


def registration_deleted(event: DomainEvent) -> Outcome:
    """A registration should never have been: what was told of it is withdrawn."""
    register = _register(event)
    if not isinstance(register, Register):
        return register
    number = event.information.get("registrationId")
    if number is None:
        return lacks(event, "registrationId")
    record = Record(kind="registration", number=number)
    return (
        Draft(
            event=Event.WITHDRAW,
            facts=(code("withdraw-reason", "untrue"),),
            held=register.held,
            refers_to=record,
        ),
    )


def _register(event: DomainEvent) -> Register | Outcome:
    name = event.information.get("registerTypeCode", "").upper()
    if not name:
        return lacks(event, "registerTypeCode")
    if name in NOT_TOLD:
        return NotOurs(NOT_TOLD[name])
    return REGISTERS.get(name, _UNKNOWN)


def _date(event: DomainEvent, name: str) -> tuple[date | None, tuple[Problem, ...]]:
    written = event.information.get(name)
    read = day(written) if written else None
    if written is None or read is not None:
        return read, ()
    path = f"{event.place}additionalInformation.{name}"
    return None, (Problem(path, "is no date that can be read and was left out", "value", "warning"),)


READERS: Final[Mapping[str, Reader]] = {
    "probation-case.registration.added": registration_added,
    "probation-case.registration.updated": registration_updated,
    "probation-case.registration.deregistered": registration_ended,
    "probation-case.registration.deleted": registration_deleted,
}
