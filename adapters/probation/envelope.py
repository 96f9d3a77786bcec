"""From the bytes of an HMPPS domain event, bare or inside an SNS notification, to its parts; what a type means is read elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from adapters.probation.subjects import identifiers
from adapters.probation.times import instant
from schemas.limits import JsonObject, Limits, parse
from schemas.message import Identifier
from schemas.problem import Problem

LIMITS: Final = Limits(bytes=262_144, depth=16)
"""SNS carries 256 KiB at most; an event is four levels deep."""

SNS_ITSELF: Final = "sns"
"""In place of an event: SNS asks for its subscription to be confirmed, or says that it ended."""

_SNS_ITSELF_SAYS: Final = ("SubscriptionConfirmation", "UnsubscribeConfirmation")


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """One event as its sender means it, however it was carried."""

    type: str
    place: str
    """Where it stood: put before every path."""
    occurred: datetime | None
    occurred_as_written: str
    identifiers: tuple[Identifier, ...]
    information: Mapping[str, str]
    """`additionalInformation`: its texts and numbers, as text and without surrounding spaces; empty ones are left out."""
    content: JsonObject
    """Everything the event says, publication time aside: it differs when the same event is published again."""
    problems: tuple[Problem, ...]
    """What it lacks to tell anybody anything (errors), and what was repaired (warnings)."""


def open_envelope(body: bytes) -> DomainEvent | Literal["sns"] | tuple[Problem, ...]:
    """The event in `body`, or the problems that leave it without so much as a type. Never raises."""
    outer = parse(body, LIMITS)
    if isinstance(outer, list):
        return _of_the_json(outer, "$")
    if "eventType" in outer or "Message" not in outer:
        return _event(outer, "")
    if outer.get("Type") in _SNS_ITSELF_SAYS:
        return SNS_ITSELF
    message = outer["Message"]
    if not isinstance(message, str):
        return (Problem("Message", "must be text: the event as JSON"),)
    inner = parse(message.encode(), LIMITS)
    if isinstance(inner, list):
        return _of_the_json(inner, "Message")
    return _event(inner, "Message.", _type_outside(outer))


def _of_the_json(problems: list[Problem], place: str) -> tuple[Problem, ...]:
    """Problems of the JSON itself, whose paths would begin with `Bundle`."""
    return tuple(Problem(place, problem.reason, problem.code, problem.severity) for problem in problems)


def _type_outside(outer: JsonObject) -> str | None:
    """The type in the envelope, by which SNS filters; a sample of hmpps-workload has another one there."""
    found = _object(_object(outer, "MessageAttributes"), "eventType").get("Value")
    return found if isinstance(found, str) else None


def _event(source: JsonObject, place: str, type_outside: str | None = None) -> DomainEvent | tuple[Problem, ...]:
    event_type = source.get("eventType")
    if not isinstance(event_type, str):
        return (Problem(f"{place}eventType", "must be text"),)
    moment, written, doubts = _occurred(source, place)
    subject, gaps = identifiers(source, place)
    return DomainEvent(
        type=event_type.strip(),
        place=place,
        occurred=moment,
        occurred_as_written=written,
        identifiers=subject,
        information=_texts(_object(source, "additionalInformation")),
        content={name: value for name, value in source.items() if name != "publishedAt"} | _version(source),
        problems=(*(() if type_outside in {None, event_type} else (_DISAGREES,)), *doubts, *gaps),
    )


_DISAGREES: Final = Problem(
    "MessageAttributes.eventType.Value", "differs from the event's own type, which was taken", "conflict", "warning"
)


def _occurred(source: JsonObject, place: str) -> tuple[datetime | None, str, tuple[Problem, ...]]:
    # `eventDatetime`: the older events of Delius (SENTENCE_CHANGED), which have no offset either.
    name = "eventDatetime" if "eventDatetime" in source and "occurredAt" not in source else "occurredAt"
    written = source.get(name)
    moment = instant(written) if isinstance(written, str) else None
    if moment is None or not isinstance(written, str):
        return None, "", (Problem(f"{place}{name}", "must be a date and time, as 2023-06-19T18:35:59+01:00", "value"),)
    doubts = (Problem(f"{place}{name}", moment.repaired, "value", "warning"),) if moment.repaired else ()
    return moment.at, written.strip(), doubts


def _version(source: JsonObject) -> JsonObject:
    """The schema version as text: hmpps-tier sends "2", others 2, Manage POM cases none."""
    return {"version": str(source["version"])} if isinstance(source.get("version"), int) else {}


def _object(source: JsonObject, name: str) -> JsonObject:
    value = source.get(name)
    return value if isinstance(value, dict) else {}


def _texts(information: JsonObject) -> Mapping[str, str]:
    texts = {name: str(value).strip() for name, value in information.items() if isinstance(value, str | int | float)}
    return {name: text for name, text in texts.items() if text}
