"""Bookings and referrals (BaRS) and registrations in FHIR R4: what a message asks, answers or takes back.

The specification: NHSDigital/booking-and-referral-fhir-api. Its destination is an id of the directory of services, which names nobody
whom Baton knows: the service asked is read from the codes of the HealthcareService.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from adapters.gp import codes, drafts
from adapters.gp.drafts import Draft, Sheet
from adapters.identity import digest, message_id
from adapters.port import Ignored, Notifications, Quarantine, Translation
from adapters.r4 import HEADER, ForeignMessage, Parsed, instant, read_message
from schemas.bundle.elements import Found, object_in, objects_in, text_in, texts_in
from schemas.bundle.entries import Entry
from schemas.bundle.labels import labels
from schemas.codes import Priority
from schemas.message import Identifier, Person, Professional
from schemas.problem import Problem

_MISSED: Final = "noshow"
_WRONG: Final = "entered-in-error"
_TAKEN_BACK: Final = frozenset({"revoked", _WRONG})
"""Statuses of a ServiceRequest that is no longer asked for."""

_KEPT: Final = "The booking stands, or ended as booked: nobody need be told of it."
_NO_PRACTICE: Final = "The record names no practice, so that it says nothing of a registration."

_DECISIONS: Final = {
    "active": "accepted",
    "revoked": "not-accepted",
    "completed": "completed",
}
"""Of the ServiceRequest's status as the receiver returns it; of one that stands beside an Encounter, that one's tells more."""
_ENDED: Final = frozenset({"revoked", "completed"})
_PROGRESS: Final = {
    "arrived": "accepted",
    "triaged": "accepted",
    "in-progress": "accepted",
    "finished": "completed",
}
"""Of the status of the Encounter that the receiver made of it, where the request still stands."""

Said: TypeAlias = Draft | Problem


@dataclass(frozen=True, slots=True)
class _Nothing:
    """The message is understood and none of Baton's business."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Life:
    """Where a message stands in the life of what it is about."""

    id: str
    reference: str | None
    gone: bool
    """What it is about is taken back."""


def translate(parsed: Parsed) -> Translation:
    """What a message Bundle says."""
    message = read_message(parsed)
    if isinstance(message, tuple):
        return Quarantine(message)
    reader = _READERS.get(message.event)
    if reader is None:
        reason = "is of an event that is not general practice's"
        return Quarantine((Problem(f"{HEADER}.eventCoding.code", reason, "not-supported"), *message.warnings))
    focus = message.foci[0] if message.foci else None
    if focus is None:
        return Quarantine((Problem(f"{HEADER}.focus", "is required: what the message is about", "required"),))
    life = _life(message, focus)
    if isinstance(life, Problem):
        return Quarantine((life, *message.warnings))
    return _told(message, focus, life, reader)


def _told(message: ForeignMessage, focus: Entry, life: _Life, reader: "_Reader") -> Translation:
    key, content_key = life.id, message.parsed.content_key
    at = message.sent
    if at is None:
        return Quarantine((Problem("Bundle.timestamp", "is required", "required"), *message.warnings))
    if life.gone and life.reference is not None:
        withdrawn = drafts.withdrawal(life.id, life.reference, at)
        return Notifications((withdrawn,), _warnings(message), key=key, content_key=content_key)
    read = [*reader(message, focus), *_concerns(message)]
    problems = [item for item in read if isinstance(item, Problem)]
    found = [item for item in read if isinstance(item, Draft)]
    # A concern is told even where the rest is not Baton's to understand; what could not be read stays as a warning.
    if problems and not found:
        return Quarantine((*problems, *message.warnings))
    if not found:
        reasons = [item.reason for item in read if isinstance(item, _Nothing)]
        return Ignored(reasons[0], key=key, content_key=content_key)
    sheet = Sheet(
        id=life.id,
        occurred=_authored(focus) or at,
        sent=at,
        people=tuple(message.people.all),
        author=_author(message, focus),
        reference=life.reference,
        labels=_marks(message),
    )
    left_out = tuple(Problem(item.path, item.reason, item.code, "warning") for item in problems)
    return Notifications(
        drafts.messages(sheet, found), (*_warnings(message), *left_out), key=key, content_key=content_key
    )


def _marks(message: ForeignMessage) -> frozenset[str]:
    """The labels of the message and of any part of it, the strictest ruling (sharing principle 13)."""
    return labels(message.parsed.content, message.parsed.entries.all, Found())


def _warnings(message: ForeignMessage) -> tuple[Problem, ...]:
    return tuple(problem for problem in message.warnings if problem.severity == "warning")


# --- new, update, delete ------------------------------------------------------------------------------------------


def _life(message: ForeignMessage, focus: Entry) -> _Life | Problem:
    """Which message it is, and which earlier one it follows or takes back."""
    change = message.reason or frozenset({"new"})
    if len(change) != 1 or not change <= {"new", "update", "delete"}:
        return Problem(f"{HEADER}.reason", "must be new, update or delete", "code-invalid")
    [said] = change
    return _LIVES[message.event](message, focus, said)


def _life_of_request(message: ForeignMessage, focus: Entry, change: str) -> _Life:
    """The id of a `new` one is made of what it is about, so that an update or a delete can name it."""
    first = _id(message, focus)
    gone = change == "delete" or text_in(focus.resource, "status") in _TAKEN_BACK
    if change == "new" and not gone:
        return _Life(first, None, gone=False)
    return _Life(_id(message, focus, change, _own_name(message)), first, gone=gone)


def _life_of_answer(message: ForeignMessage, focus: Entry, change: str) -> _Life | Problem:
    """An answer names the request by the id of the message that brought it."""
    if change == "delete":
        return Problem(f"{HEADER}.reason", "takes an answer back, which cannot be told", "not-supported")
    return _Life(_id(message, focus, _own_name(message)), message.response_to, gone=False)


def _life_of_booking(message: ForeignMessage, focus: Entry, change: str) -> _Life:  # noqa: ARG001 - as the others
    """Of a booking only that nobody came is told, so that only this can be taken back."""
    if text_in(focus.resource, "status") == _WRONG:
        return _Life(_id(message, focus, _WRONG), _id(message, focus, _MISSED), gone=True)
    return _Life(_id(message, focus, text_in(focus.resource, "status") or ""), None, gone=False)


def _life_of_record(message: ForeignMessage, focus: Entry, change: str) -> _Life | Problem:
    """A record says how things are now: each message is one of its own."""
    if change == "delete":
        return Problem(f"{HEADER}.reason", "deletes a record, which says nothing of a registration", "not-supported")
    return _Life(_id(message, focus, _own_name(message)), None, gone=False)


def _id(message: ForeignMessage, focus: Entry, *more: str) -> str:
    return message_id("bars", message.event, focus.type or "", _name(focus, message), *more)


def _name(focus: Entry, message: ForeignMessage) -> str:
    """What names the resource among those of its sender: its identifier, its id, else the message."""
    for _, identifier in objects_in(focus.resource, "identifier"):
        value = text_in(identifier, "value")
        if value is not None:
            return f"{text_in(identifier, 'system') or ''}|{value}"
    return text_in(focus.resource, "id") or _own_name(message)


def _own_name(message: ForeignMessage) -> str:
    return message.id or digest(message.parsed.content)


# --- what each event says -----------------------------------------------------------------------------------------


def _requested(message: ForeignMessage, focus: Entry) -> Iterator[Said]:
    key = message.people.key_of(object_in(focus.resource, "subject"))
    if key is None:
        yield _nobody(focus, "subject")
        return
    person = _person(message, key)
    at = _authored(focus) or message.sent
    child = at is not None and codes.is_child(person.birth_date, at.date())
    function = codes.function_of(_asked(message, focus), child=child)
    if function is None:
        reason = "names by code no service that Baton knows, or several"
        yield Problem(f"{focus.place}.performer", reason, "not-supported")
        return
    yield drafts.referral(function, _reason(message, focus), key, _priority(focus))


def _answered(message: ForeignMessage, focus: Entry) -> Iterator[Said]:
    request = focus if focus.type == "ServiceRequest" else next(message.of_type("ServiceRequest"), None)
    about = request or focus
    key = message.people.key_of(object_in(about.resource, "subject"))
    if key is None:
        yield _nobody(about, "subject")
        return
    status = text_in(request.resource, "status") if request else None
    decision = _DECISIONS.get(status or "")
    if status not in _ENDED and focus.type == "Encounter":
        decision = _PROGRESS.get(text_in(focus.resource, "status") or "")
    if message.response_code not in (None, "ok") or decision is None:
        yield Problem(f"{focus.place}.status", "does not say what became of the referral", "not-supported")
        return
    yield drafts.outcome(decision, key)


def _booked(message: ForeignMessage, focus: Entry) -> Iterator[Said | _Nothing]:
    if not codes.was_missed(focus.resource):
        yield _Nothing(_KEPT)
        return
    actors = (object_in(participant, "actor") for _, participant in objects_in(focus.resource, "participant"))
    key = next((key for key in map(message.people.key_of, actors) if key is not None), None)
    start = instant(text_in(focus.resource, "start"))
    if key is None:
        yield _nobody(focus, "participant")
    elif start is None:
        yield Problem(f"{focus.place}.start", "must be a time", "required")
    else:
        yield drafts.missed(focus.resource, _person(message, key), start, focus.place)


def _registered(message: ForeignMessage, focus: Entry) -> Iterator[Said | _Nothing]:
    key = message.people.key_at(focus)
    if key is None:
        yield _nobody(focus, "id")
    elif _person(message, key).practice is None:
        yield _Nothing(_NO_PRACTICE)
    else:
        yield drafts.registration(_person(message, key))


_Reader: TypeAlias = Callable[[ForeignMessage, Entry], Iterator[Said | _Nothing]]

_READERS: Final[dict[str, _Reader]] = {
    "servicerequest-request": _requested,
    "servicerequest-response": _answered,
    "booking-request": _booked,
    "booking-response": _booked,
    "patient": _registered,
}
"""By `MessageHeader.eventCoding.code`; its system was renamed more than once."""

_LIVES: Final[dict[str, Callable[[ForeignMessage, Entry, str], _Life | Problem]]] = {
    "servicerequest-request": _life_of_request,
    "servicerequest-response": _life_of_answer,
    "booking-request": _life_of_booking,
    "booking-response": _life_of_booking,
    "patient": _life_of_record,
}


def _concerns(message: ForeignMessage) -> Iterator[Said]:
    for entry in message.of_type("Flag"):
        if codes.is_safeguarding(entry.resource):
            key = message.people.key_of(object_in(entry.resource, "subject"))
            yield _nobody(entry, "subject") if key is None else drafts.concern(entry.resource, key, entry.place)


# --- parts --------------------------------------------------------------------------------------------------------


def _nobody(entry: Entry, element: str) -> Problem:
    return Problem(f"{entry.place}.{element}", "leads to no person in the Bundle", "not-found")


def _person(message: ForeignMessage, key: str) -> Person:
    return next(person for person in message.people.all if person.key == key)


def _asked(message: ForeignMessage, focus: Entry) -> frozenset[tuple[str, str]]:
    """Every code that says which service is asked."""
    said = codes.labels(*codes.concepts(focus.resource, "performerType", "code", "orderDetail"))
    for _, reference in objects_in(focus.resource, "performer"):
        entry = message.resolve(reference)
        if entry is not None and entry.type in ("HealthcareService", "PractitionerRole", "Organization"):
            said |= codes.labels(*codes.concepts(entry.resource, "category", "type", "specialty"))
    return said


def _reason(message: ForeignMessage, focus: Entry) -> str | None:
    said = [codes.in_full(concept) for concept in codes.concepts(focus.resource, "reasonCode")]
    for _, reference in objects_in(focus.resource, "reasonReference"):
        entry = message.resolve(reference)
        said.append(codes.words(object_in(entry.resource, "code")) if entry else None)
    said += [text_in(note, "text") for _, note in objects_in(focus.resource, "note")]
    return "; ".join(filter(None, said)) or None


def _priority(focus: Entry) -> Priority:
    stated = text_in(focus.resource, "priority")
    return next((priority for priority in Priority if priority == stated), Priority.ROUTINE)


def _authored(focus: Entry) -> datetime | None:
    return instant(text_in(focus.resource, "authoredOn"))


def _author(message: ForeignMessage, focus: Entry) -> Professional | None:
    """Who asked or answered: the header's author, the requester, or who took part in the encounter."""
    requester = object_in(focus.resource, "requester")
    taking_part = (object_in(item, "individual") for _, item in objects_in(focus.resource, "participant"))
    for reference in (object_in(message.header.resource, "author"), requester, *taking_part):
        entry = message.resolve(reference)
        found = _professional(message, entry) if entry else None
        if found is not None:
            return found
    return None


def _professional(message: ForeignMessage, entry: Entry) -> Professional | None:
    role = entry if entry.type == "PractitionerRole" else _role_of(message, entry)
    somebody = message.resolve(object_in(entry.resource, "practitioner")) if entry is role else entry
    if somebody is None or somebody.type != "Practitioner":
        return None
    name = next((name for _, name in objects_in(somebody.resource, "name")), {})
    parts = (*texts_in(name, "prefix"), *texts_in(name, "given"), text_in(name, "family"))
    text = text_in(name, "text") or " ".join(filter(None, parts))
    if not text:
        return None
    said = (codes.words(concept) for concept in codes.concepts(role.resource, "code")) if role else ()
    return Professional(name=text, role=next(filter(None, said), None), identifier=_identifier(somebody))


def _role_of(message: ForeignMessage, practitioner: Entry) -> Entry | None:
    roles = message.of_type("PractitionerRole")
    return next(
        (role for role in roles if message.resolve(object_in(role.resource, "practitioner")) is practitioner), None
    )


def _identifier(practitioner: Entry) -> Identifier | None:
    for _, held in objects_in(practitioner.resource, "identifier"):
        system, value = text_in(held, "system"), text_in(held, "value")
        if system and value:
            return Identifier(system=system, value=value)
    return None
