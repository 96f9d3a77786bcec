"""Probation: HMPPS domain events, bare or in an SNS notification, as messages. What each type comes to stands in `event_types`.

**The same event again.** The key of an event is made of its type, when it occurred, the identifiers of its person and its
`additionalInformation`, so that an event bare and in an envelope, or published twice, is one. Envelope, `MessageId`, `publishedAt`,
spacing and order of members do not count; `description`, `detailUrl` and `version` do, as content. An event that
creates a record which later events name (a registration, a requirement, a breach notice) has the record's number
as its key instead, and so has its message: what withdraws it can say which it was.

Whom the event is about is a CRN or a NOMS number and nothing else: no name, no date of birth. Such a person stays
unresolved until a message that has both a number and a name, or a person, says who it is.
"""

from collections.abc import Mapping
from typing import Final

from adapters.identity import digest, message_id
from adapters.port import Ignored, Notifications, Quarantine, Translation
from adapters.probation.drafts import HELD, PERSON, Draft, NotOurs, Record
from adapters.probation.envelope import SNS_ITSELF, DomainEvent, open_envelope
from adapters.probation.event_types import TABLE
from schemas.message import Message, Person
from schemas.problem import Problem

_SNS_SUBSCRIPTION: Final = "A subscription is confirmed by an operator, in AWS; it says nothing of anybody."


class Probation:
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
    messages = tuple(_message(event, draft, position) for position, draft in enumerate(outcome))
    warnings = (*event.problems, *(warning for draft in outcome for warning in draft.warnings))
    return Notifications(messages, warnings, key=messages[0].id, content_key=digest(event.content))


def _key(event: DomainEvent) -> str:
    identity = {
        "type": event.type,
        "occurred": event.occurred_as_written,
        "about": sorted([identifier.system, identifier.value] for identifier in event.identifiers),
        "information": dict(event.information),
    }
    return message_id("hmpps", digest(identity))


def _id_of(record: Record) -> str:
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
