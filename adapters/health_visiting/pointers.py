"""What each type of MNS signal comes to: what it says itself is told, what stands in a record elsewhere is pointed to.

A signal of the second version holds an NHS number and nothing else of the person. That is too little to say of whom anything
happened, and not all that happened: `pds-death-notification-2` is sent too when a death is removed. So such a signal waits for
its record. Signals of the first version have name and date of birth, and say more.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias
from urllib.parse import parse_qs, urlsplit

from adapters.health_visiting import spine_records, vaccine_records
from adapters.health_visiting.outcomes import OF_AN_ADULT, PERSON, NotTold, Outcome, Told, of_age, said
from adapters.health_visiting.records import Asked, as_bytes
from adapters.health_visiting.signals import Signal
from adapters.port import Lookup
from schemas.bundle.elements import text_in
from schemas.codes import Event
from schemas.identifiers import NHS_NUMBER
from schemas.message import Identifier, Message, Person
from schemas.problem import Problem

PDS: Final = "pds"
"""Client of the Personal Demographics Service."""
IMMUNISATIONS: Final = "immunisations"
"""Client of the Immunisation FHIR API."""

_VERSION: Final = re.compile(r"-\d+$")

_REQUESTED: Final = "A request to change practice moves nobody; the change itself is another event."
_ADJUSTMENTS: Final = "Flags for reasonable adjustments are read in the record by who treats the person."
_PROXIES: Final = (
    "Who may act for somebody in a service of the NHS says nothing of who lives with whom or cares for a child."
)
_RESULTS: Final = "Results and records of care are read in the record by who treats the person."

_IGNORED: Final[Mapping[str, str]] = {
    "gpreg-change-gp-req": _REQUESTED,
    "proxy-role-change": _PROXIES,
    "vrs-proxy-role-change": _PROXIES,
    "vrs-proxy-role-changed": _PROXIES,
    "vrs-proxy-role-created": _PROXIES,
    "vrs-proxy-role-deleted": _PROXIES,
    "pdm-resource-change": _RESULTS,
    "pathology-laboratory-reporting-test-result-stored": _RESULTS,
    "nhshco-hc-complete": _RESULTS,
}
"""Types that are none of Baton's business, each with the reason."""

_OF_THE_SPINE: Final = frozenset(
    {"pds-change-of-gp", "pds-death-notification", "pds-change-of-address", "pds-record-change", "nhs-number-change"}
)
_OF_VACCINES: Final = frozenset({"imms-vaccination", "imms-vaccinations", "imms-vaccination-record-change"})

_KINDS_OF_DEATH: Final[Mapping[str, str]] = {"1": "informal", "2": "formal", "U": "removal"}
_INVALIDATED: Final = "I"


def signalled(signal: Signal) -> Outcome | Lookup:
    """What the signal says itself; else whose record says it."""
    name = plain_type(signal.type)
    if name in _IGNORED:
        return NotTold(_IGNORED[name])
    if name == "patientflags-change":
        return _flag(signal)
    itself = _ITSELF.get(name)
    message = itself(signal) if itself and _is_somebody(signal) else None
    if message is not None:
        if message.event is Event.IMMUNISATION and of_age(message.people[0], signal.at):
            return NotTold(OF_AN_ADULT)
        return Told((message,))
    lookup = _lookup(signal, name)
    if lookup is not None and signal.record is not None:
        return together(lookup, asked(signal), as_bytes(signal.record))
    return lookup or (Problem(signal.place, "is of a type that Baton does not know", "not-supported"),)


def plain_type(type_name: str) -> str:
    """The type without its version."""
    return _VERSION.sub("", type_name)


def asked(signal: Signal) -> Asked:
    """The signal as what asks for a record."""
    return Asked(type=plain_type(signal.type), key=signal.key, number=signal.number, at=signal.at)


def of_spine(number: str) -> Lookup:
    """The record of the Personal Demographics Service with this NHS number."""
    return Lookup(client=PDS, subject=Identifier(system=NHS_NUMBER, value=number))


NEMS_RECORD_CHANGE: Final = "nems-record-change"
"""NEMS has events of their own for practice, address and death: of a record that changed only the number is news."""


def together(lookup: Lookup, event: Asked, body: bytes) -> Outcome:
    """What an event comes to with the record that its lookup brought."""
    reader = vaccine_records.told if lookup.client == IMMUNISATIONS else spine_records.told
    return reader(event, body)


def _lookup(signal: Signal, name: str) -> Lookup | None:
    if name in _OF_THE_SPINE:
        return of_spine(signal.number)
    if name in _OF_VACCINES and signal.reference:
        return Lookup(client=IMMUNISATIONS, reference=signal.reference)
    return None


# --- what a signal of the first version says itself -----------------------------------------------------------------

_Itself: TypeAlias = Callable[[Signal], Message | None]


def _is_somebody(signal: Signal) -> bool:
    """Whether it says enough of the person to know who it is."""
    return signal.born is not None and signal.family is not None


def _message(signal: Signal, event: Event, kind: str | None, person: Person) -> Message:
    return Message(
        id=signal.key,
        event=event,
        sender=None,
        occurred=signal.at,
        kind=kind,
        subjects=(PERSON,),
        people=(person,),
    )


def _person(signal: Signal, *, deceased: bool | None = None) -> Person:
    """As the Spine traced it."""
    number = Identifier(system=NHS_NUMBER, value=signal.number, verified=True)
    return Person(key=PERSON, identifiers=(number,), family=signal.family, birth_date=signal.born, deceased=deceased)


def _death(signal: Signal) -> Message | None:
    kind = _KINDS_OF_DEATH.get(text_in(signal.data, "deathNotificationStatus") or "")
    return _message(signal, Event.DEATH, kind, _person(signal, deceased=kind != "removal")) if kind else None


def _number_invalidated(signal: Signal) -> Message | None:
    """A number that was invalidated has no record any more. Nothing may link it to another: so records are sealed."""
    if signal.data.get("nhsNumberStatus") != _INVALIDATED:
        return None
    return _message(signal, Event.IDENTIFIER_CHANGE, "sealed", _person(signal))


def _vaccinated(signal: Signal) -> Message | None:
    vaccine = (text_in(signal.data, "immunisationType") or "").strip()
    if not vaccine:
        return None
    message = _message(signal, Event.IMMUNISATION, None, _person(signal))
    return replace(message, facts=(said("immunisation", vaccine),))


_ITSELF: Final[Mapping[str, _Itself]] = {
    "pds-death-notification": _death,
    "nhs-number-change": _number_invalidated,
    "imms-vaccinations": _vaccinated,
}


# --- flags ----------------------------------------------------------------------------------------------------------


def _flag(signal: Signal) -> Outcome:
    """Of the flags of the Patient Flags API that for reasonable adjustments is known; what another means is asked."""
    try:
        codes = parse_qs(urlsplit(signal.reference or "").query).get("code", [])
    except ValueError:
        codes = []
    if codes == ["NRAF"]:
        return NotTold(_ADJUSTMENTS)
    return (Problem(signal.place, "is of a flag whose meaning Baton does not know", "not-supported"),)
