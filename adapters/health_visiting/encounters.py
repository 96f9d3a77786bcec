"""R4 messages of health visiting systems, as UK Core profiles their parts: an Encounter is a contact, an Observation a measurement.

What such systems write as `MessageHeader.event` differs from supplier to supplier (a code of their own, a trigger of HL7 v2); what the
header's focus is does not, and says what the message is about. Of national events only those of BaRS are known to mean something else by it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from adapters.health_visiting.outcomes import NotTold, Outcome, Told
from adapters.identity import id_in_record, record_id
from adapters.r4 import ForeignMessage, codes_of
from schemas.bundle.elements import Found, JsonObject, codings, instant_of, object_in, objects_in, text_in
from schemas.bundle.entries import Entries, Entry
from schemas.bundle.reading_facts import facts
from schemas.bundle.reading_relations import relationships
from schemas.codes import ContactKind, Event
from schemas.events import COMMON, SPECS, coded
from schemas.events.facts import LOINC
from schemas.message import Fact, Message
from schemas.problem import Problem

_REFERRALS: Final = "https://fhir.nhs.uk/CodeSystem/message-events-bars"
"""BaRS, whose answers have an Encounter in focus too: the one that the referral led to."""

_ACTIVITIES: Final = "datadictionary.nhs.uk"
"""In the address of a system that holds codes of the NHS Data Dictionary."""

_KINDS: Final[Mapping[tuple[bool, str], ContactKind]] = {
    # ACTIVITY TYPE (COMMUNITY CARE), as the community services data set has it; with and without the leading nought.
    **{(True, code): ContactKind.NEW_BIRTH for code in ("08", "8")},
    **{(True, code): ContactKind.SIX_TO_EIGHT_WEEK for code in ("09", "9")},
    (True, "10"): ContactKind.NINE_TO_TWELVE_MONTH,
    (True, "11"): ContactKind.TWO_YEAR,
    # The Healthy Child Programme's own names, which is what we publish too.
    **{(False, kind.value): kind for kind in ContactKind},
}

_SETTINGS: Final[Mapping[str, str]] = {"HH": "home", "AMB": "clinic", "VR": "remote", "FLD": "other"}
"""HL7's class of an encounter, as where it took place."""

_FACE_TO_FACE: Final = frozenset({"HH", "AMB", "FLD"})
_HELD: Final = frozenset({"arrived", "triaged", "in-progress", "onleave", "finished"})
_TAKEN_BACK: Final = frozenset({"delete", "deleted", "entered-in-error"})
_CHANGED: Final = frozenset({"update", "updated", "amend", "amended", "delete", "deleted", "entered-in-error"})

_NOT_HELD: Final = "The contact is planned or was cancelled: nobody was seen. It is told when it has taken place."
_NEVER_TOLD: Final = "What the message says was recorded in error, and nobody was told of it before."

_MEASURES: Final[Mapping[str, str]] = {
    "27113001": "29463-7",  # Body weight
    "50373000": "8302-2",  # Body height
    "363812007": "9843-4",  # Head circumference
    "364589006": "8339-4",  # Birth weight
}
"""SNOMED CT codes of measures, as the LOINC codes by which facts are known."""


@dataclass(frozen=True, slots=True)
class _Said:
    """A foreign message with the resource it is about."""

    message: ForeignMessage
    focus: Entry
    found: Found

    @property
    def record(self) -> str:
        """The record the message is of: by the identifier its publisher maintains, else by the message itself."""
        identifier = next((i for _, i in objects_in(self.focus.resource, "identifier") if text_in(i, "value")), None)
        if identifier is None:
            return record_id("r4", self._message)
        return record_id("r4", text_in(identifier, "system") or "", text_in(identifier, "value") or "")

    @property
    def id(self) -> str:
        return id_in_record(self.record, self._message)

    @property
    def _message(self) -> str:
        return self.message.id or self.message.parsed.content_key

    @property
    def wrong(self) -> bool:
        """Whether what it is about is no more, or never was."""
        return bool(self.message.reason & _TAKEN_BACK) or self.focus.resource.get("status") == "entered-in-error"


def contact(message: ForeignMessage) -> Outcome:
    """What a message of a health visiting system says of one contact or measurement."""
    if message.system == _REFERRALS:
        place = f"{message.header.place}.eventCoding"
        return (Problem(place, "is of a booking or referral (BaRS), which says nothing of a contact", "not-supported"),)
    focus = _focus(message)
    if focus is None:
        place = f"{message.header.place}.focus"
        return (Problem(place, "leads to no Encounter and no Observation, which alone are read", "not-supported"),)
    said = _Said(message, focus, Found())
    outcome = _taken_back(said) if said.wrong else _told(said)
    errors = tuple(problem for problem in said.found.problems if problem.severity == "error")
    if errors:
        return errors
    if isinstance(outcome, Told):
        return Told(
            outcome.messages, tuple(problem for problem in said.found.problems if problem.severity == "warning")
        )
    return outcome


def _focus(message: ForeignMessage) -> Entry | None:
    """What the message is about. Some systems name the child there: then it is the only contact that the message holds."""
    named = next((entry for entry in message.foci if entry.type in ("Encounter", "Observation")), None)
    held = list(message.of_type("Encounter"))
    about_people = all(entry.type == "Patient" for entry in message.foci)
    return held[0] if named is None and about_people and len(held) == 1 else named


def _taken_back(said: _Said) -> Outcome:
    if not said.message.reason & _CHANGED:
        return NotTold(_NEVER_TOLD)
    at = said.message.sent or _began(said)
    if at is None:
        return (_timeless(said),)
    reason = Fact(code="withdraw-reason", value=coded("withdraw-reason", "untrue"))
    message = Message(
        id=said.id,
        event=Event.WITHDRAW,
        sender=None,
        occurred=at,
        sent=said.message.sent,
        subjects=(),
        people=(),
        facts=(reason,),
        reference=said.record,
    )
    return Told((message,))


def _timeless(said: _Said) -> Problem:
    return Problem(said.focus.place, "gives no time of the event, and the Bundle has no timestamp", "required")


def _told(said: _Said) -> Outcome:
    if said.focus.type == "Observation":
        return Told((_message(said, Event.MEASUREMENT, _began(said) or said.message.sent),))
    if text_in(said.focus.resource, "status") not in _HELD:
        return NotTold(_NOT_HELD)
    message = _message(said, Event.CHILD_CONTACT, _began(said) or said.message.sent)
    where = text_in(object_in(said.focus.resource, "class"), "code") or ""
    return Told((replace(message, kind=_kind(said), facts=(*message.facts, *_circumstances(message, where))),))


def _message(said: _Said, event: Event, at: datetime | None) -> Message:
    """A message of the event about the subject of the focus, with what the others in it are to them."""
    if at is None:
        said.found.problems.append(_timeless(said))
    people, reference = said.message.people, object_in(said.focus.resource, "subject")
    subject = people.key_of(reference)
    if subject is None:
        said.found.error(f"{said.focus.place}.subject", "must be a Patient of the message", "not-found")
    return Message(
        id=said.id,
        event=event,
        sender=None,
        occurred=at or datetime.fromtimestamp(0, UTC),
        sent=said.message.sent,
        subjects=(subject,) if subject else (),
        people=tuple(people.all),
        relationships=tuple(relationships(said.message.parsed.entries, people, said.found)),
        facts=tuple(_facts(said, event)),
        reference=said.record,
    )


def _began(said: _Said) -> datetime | None:
    """When the contact began or the measure was taken."""
    resource, place = said.focus.resource, said.focus.place
    for name, text in (
        ("period.start", text_in(object_in(resource, "period"), "start")),
        ("effectiveDateTime", text_in(resource, "effectiveDateTime")),
        ("effectivePeriod.start", text_in(object_in(resource, "effectivePeriod"), "start")),
    ):
        if text is not None:
            return instant_of(text, f"{place}.{name}", said.found)
    return None


def _kind(said: _Said) -> ContactKind:
    """Which contact of the programme it was; another, with a warning, where none of its codes says so."""
    types = [concept for _, concept in objects_in(said.focus.resource, "type")]
    for coding in (coding for concept in types for coding in codings(concept)):
        national = _ACTIVITIES in (text_in(coding, "system") or "")
        kind = _KINDS.get((national, text_in(coding, "code") or ""))
        if kind is not None:
            return kind
    said.found.warning(
        f"{said.focus.place}.type", "is no contact of the programme; it is told as another", "code-invalid"
    )
    return ContactKind.OTHER


def _circumstances(message: Message, where: str) -> Iterator[Fact]:
    """Where it took place, and that whom the contact was with was seen there."""
    if where in _SETTINGS:
        yield Fact(code="setting", value=coded("setting", _SETTINGS[where]))
    if where in _FACE_TO_FACE:
        for subject in message.subjects:
            yield Fact(code="seen", value=True, about=subject)


def _facts(said: _Said, event: Event) -> Iterator[Fact]:
    """Facts of the message's Observations, as far as the event has them; measures in SNOMED CT as those in LOINC."""
    wanted = frozenset((*SPECS[event].facts(), *COMMON))
    bundle: JsonObject = {"entry": [_known(entry) for entry in said.message.parsed.entries.all]}
    for fact in facts(Entries(bundle, Found()), said.message.people, said.found):
        if fact.code in wanted:
            yield fact


def _known(entry: Entry) -> JsonObject:
    concept = object_in(entry.resource, "code")
    measures = [_MEASURES[code] for code in sorted(codes_of(concept)) if code in _MEASURES]
    if entry.type != "Observation" or not measures:
        return {"fullUrl": entry.full_url, "resource": entry.resource}
    code = {"coding": [*codings(concept), {"system": LOINC, "code": measures[0]}]}
    return {"fullUrl": entry.full_url, "resource": {**entry.resource, "code": code}}
