"""Probation: HMPPS domain events, bare or in an SNS notification, as messages. What each type comes to stands in `event_types`.

**The same event again.** The key of an event is made of its type, when it occurred, the identifiers of its person and its
`additionalInformation`, so that an event bare and in an envelope, or published twice, is one. Envelope, `MessageId`, `publishedAt`,
spacing and order of members do not count; `description`, `detailUrl` and `version` do, as content. An event that
creates a record which later events name (a registration, a requirement, a breach notice) has the record's number
as its key instead, and so has its message: what withdraws it can say which it was.

Whom the event is about is a CRN or a NOMS number and nothing else: no name, no date of birth. Who that is, is asked of
an HMPPS service (`person_record`) and then told as a message of its own, once for each record; until then the person stays
unresolved, unless a message that has both a number and a name, or a person, says who it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Final

from adapters.identity import digest, message_id
from adapters.port import Adapter, Completion, Ignored, Lookup, Notifications, Pointer, Quarantine, Record, Translation
from adapters.probation import manager_record, person_record
from adapters.probation.drafts import HELD, PERSON, Asks, Draft, NotOurs, code
from adapters.probation.drafts import Record as Numbered
from adapters.probation.envelope import SNS_ITSELF, DomainEvent, open_envelope
from adapters.probation.event_types import TABLE
from schemas.codes import Event
from schemas.identifiers import CRN
from schemas.message import Fact, Identifier, Message, Person
from schemas.problem import Problem

_SNS_SUBSCRIPTION: Final = "A subscription is confirmed by an operator, in AWS; it says nothing of anybody."


class Probation(Adapter):
    """Reads what HMPPS publishes on its domain event topic."""

    kind = "probation"

    def translate(self, body: bytes, content_type: str | None, headers: Mapping[str, str]) -> Translation:  # noqa: ARG002 - the port's
        """What the event says. HMPPS events are JSON in UTF-8 whatever the Content-Type says."""
        event = open_envelope(body)
        if event == SNS_ITSELF:
            return Ignored(_SNS_SUBSCRIPTION, key=message_id("sns"), content_key=digest(None))
        if isinstance(event, tuple):
            return Quarantine(event)
        return _translated(event)

    def complete(self, body: bytes, content_type: str, lookup: Lookup, record: Record) -> Completion:  # noqa: ARG002 - the port's
        """What the record says of the event's person: who it is, where they live, or who has their case now."""
        event = open_envelope(body)
        if not isinstance(event, DomainEvent) or event.occurred is None or lookup.subject is None:
            return Quarantine((Problem("$", "is not an event that anybody was to be looked up for", "not-supported"),))
        if lookup.client == manager_record.MANAGER:
            return _transferred(event, manager_record.team(record.body, lookup.subject))
        person = person_record.person(record.body, lookup.subject)
        if isinstance(person, tuple):
            return Quarantine(person)
        reader = TABLE.get(event.type)
        if reader is not None and reader(event) == Asks("address"):
            return _moved(event, person)
        return _known(event, person)


def _known(event: DomainEvent, person: Person) -> Notifications:
    """Who the person is; the same record is the same message, whichever event it was asked for."""
    key = message_id("hmpps", "person", digest(asdict(person)))
    return _said(event, key, Event.IDENTIFIER_CHANGE, (person,), kind="resolved")


def _moved(event: DomainEvent, person: Person) -> Completion:
    """Where the person lives now."""
    key = message_id("hmpps", "address", _key(event))
    if not person.addresses:
        return Ignored(_NO_HOME, key=key, content_key=key)
    return _said(event, key, Event.CHANGE_OF_ADDRESS, (person,))


def _transferred(event: DomainEvent, team: str | tuple[Problem, ...] | None) -> Completion:
    """The case goes to another team, whose professional takes it over."""
    key = message_id("hmpps", "transfer", _key(event))
    if isinstance(team, tuple):
        return Quarantine(team)
    if team is None:
        return Ignored(_NOBODY_YET, key=key, content_key=key)
    person = Person(key=PERSON, identifiers=event.identifiers)
    return _said(event, key, Event.TRANSFER, (person,), facts=(code("transfer-reason", "moved"),), to=(team,))


_NO_HOME: Final = "The record has no main address, so nobody is told of one."
_NOBODY_YET: Final = "Nobody has been allocated the case yet; that somebody has is told by an event of its own."


def _said(
    event: DomainEvent,
    key: str,
    what: Event,
    people: tuple[Person, ...],
    *,
    kind: str | None = None,
    facts: tuple[Fact, ...] = (),
    to: tuple[str, ...] = (),
) -> Notifications:
    assert event.occurred is not None  # the caller looked
    message = Message(
        id=key,
        event=what,
        sender=None,
        occurred=event.occurred,
        kind=kind,
        subjects=(PERSON,),
        people=people,
        facts=facts,
        to=to,
    )
    return Notifications((message,), (), key=key, content_key=key)


def _translated(event: DomainEvent) -> Translation:
    reader = TABLE.get(event.type)
    if reader is None:
        return Quarantine(
            (Problem(f"{event.place}eventType", "is of a type that Baton does not know", "not-supported"),)
        )
    outcome = reader(event)
    if isinstance(outcome, NotOurs):
        return Ignored(outcome.reason, key=_key(event), content_key=digest(event.content))
    if isinstance(outcome, Problem):
        return Quarantine((outcome, *event.problems))
    if event.occurred is None or any(problem.severity == "error" for problem in event.problems):
        return Quarantine(event.problems)
    if isinstance(outcome, Asks):
        lookup = _about(event.identifiers)
        return Pointer(lookup, key=_key(event), content_key=digest(event.content), warnings=event.problems)
    messages = tuple(_message(event, draft, position) for position, draft in enumerate(outcome))
    warnings = (*event.problems, *(warning for draft in outcome for warning in draft.warnings))
    return Notifications(
        messages,
        warnings,
        key=messages[0].id,
        content_key=digest(event.content),
        lookups=tuple(_lookups(messages, outcome)),
    )


def _lookups(messages: tuple[Message, ...], drafts: tuple[Draft, ...]) -> Iterator[Lookup]:
    """Who each message is about, and of a case that goes elsewhere who has it now."""
    for message, draft in zip(messages, drafts, strict=True):
        who = _about(message.person(PERSON).identifiers)
        yield who
        if draft.to_whom and who.client == person_record.PROBATION:
            yield Lookup(client=manager_record.MANAGER, subject=who.subject, completes=True)


def _about(numbers: tuple[Identifier, ...]) -> Lookup:
    """Asked by CRN where there is one: the prison's record knows no CRN."""
    by_crn = next((number for number in numbers if number.system == CRN), None)
    if by_crn is not None:
        return Lookup(client=person_record.PROBATION, subject=by_crn)
    return Lookup(client=person_record.PRISON, subject=numbers[0])


def _key(event: DomainEvent) -> str:
    identity = {
        "type": event.type,
        "occurred": event.occurred_as_written,
        "about": sorted([identifier.system, identifier.value] for identifier in event.identifiers),
        "information": dict(event.information),
    }
    return message_id("hmpps", digest(identity))


def _id_of(record: Numbered) -> str:
    return message_id("hmpps", record.kind, record.number)


def _message(event: DomainEvent, draft: Draft, position: int) -> Message:
    assert event.occurred is not None  # the caller looked
    own = _id_of(draft.creates) if draft.creates else _key(event)
    person = Person(
        key=PERSON,
        identifiers=event.identifiers if draft.subject is None else draft.subject,
        deceased=event.occurred if draft.deceased else None,
    )
    return Message(
        id=own if position == 0 else message_id(own, str(position)),
        event=draft.event,
        sender=None,
        occurred=event.occurred,
        kind=draft.kind,
        subjects=(PERSON,),
        people=(person,),
        facts=draft.facts,
        reference=_id_of(draft.refers_to) if draft.refers_to else None,
        labels=frozenset({HELD}) if draft.held else frozenset(),
    )
