"""From bytes to what can be decided on, without the database: FHIR messages and native events both become `Incoming`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Literal

import orjson

from adapters.port import Adapter, Completing, Completion, Ignored, Lookup, Pointer, Quarantine, Record
from broker.workflow import media
from schemas import bundle, events
from schemas.limits import Limits, parse
from schemas.message import Message
from schemas.problem import Problem
from schemas.structure import check_bundle

Standing = Literal["usable", "pointed", "unreadable", "unroutable", "ignored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One message or event as it came, with what could be made of it."""

    raw: bytes
    content_type: str
    """As `media.kept` has it."""
    via: str
    """`fhir`, or the adapter's kind."""
    standing: Standing
    """usable: decide on it. pointed: what it says stands elsewhere, and is asked for. unreadable: 400. unroutable: 422. ignored: none of Baton's business. All are kept."""
    content_hash: str
    """Hex SHA-256 of the content without Bundle.id, meta and timestamp; of an adapter's content key; of unreadable bytes."""
    messages: tuple[Message, ...] = ()
    problems: tuple[Problem, ...] = ()
    key: str | None = None
    """What identifies it for its sender: MessageHeader.id or the adapter's key."""
    lookups: tuple[Lookup, ...] = ()
    """What it leaves open, to be asked elsewhere."""
    looked_up: bool = False
    """It is a record that Baton asked a service for."""


def read_fhir(raw: bytes, content_type: str, limits: Limits, now: datetime) -> Incoming:
    """An R4 message Bundle: structure by HL7's schema first, then our rules, then what its event requires."""
    shape = _Shape(raw, content_type, "fhir")
    parsed = parse(raw, limits)
    if isinstance(parsed, list):
        return shape.refused("unreadable", parsed, sha256(raw).hexdigest())
    digest = _digest(parsed)
    parsed, problems = _checked(parsed)
    if _errors(problems):
        return shape.refused("unreadable", problems, digest)
    message, found = bundle.read(parsed)
    problems += found
    if message is None or _errors(found):
        return shape.refused("unroutable", problems, digest, key=message.id if message else None)
    problems += events.check(message, now)
    if _errors(problems):
        return shape.refused("unroutable", problems, digest, key=message.id)
    return shape.usable((message,), problems, digest, message.id)


def read_native(adapter: Adapter, raw: bytes, content_type: str, headers: Mapping[str, str], now: datetime) -> Incoming:
    """A native event through its adapter, then the same rules as a FHIR message."""
    shape = _Shape(raw, content_type, adapter.kind)
    translation = adapter.translate(raw, content_type, headers)
    if isinstance(translation, Quarantine):
        return shape.refused(_quarantined(translation.problems), translation.problems, sha256(raw).hexdigest())
    if isinstance(translation, Ignored):
        return shape.refused("ignored", (_ignored(translation),), translation.content_key, key=translation.key)
    if isinstance(translation, Pointer):
        pointed = shape.refused("pointed", translation.warnings, translation.content_key, key=translation.key)
        return replace(pointed, lookups=(translation.lookup,))
    problems = list(translation.warnings)
    for message in translation.messages:
        problems += events.check(message, now)
    if _errors(problems):
        return shape.refused("unroutable", problems, translation.content_key, key=translation.key)
    usable = shape.usable(translation.messages, problems, translation.content_key, translation.key)
    return replace(usable, lookups=translation.lookups)


def read_record(
    adapter: Adapter, raw: bytes, content_type: str, lookup: Lookup, record: Record, now: datetime
) -> Incoming:
    """What an event says together with the record that its lookup brought; kept is the record, for the event is kept already."""
    shape = _Shape(record.body, record.content_type, f"{adapter.kind}/{lookup.client}")
    if not isinstance(adapter, Completing):
        return shape.refused("unroutable", (_NOBODY_READS,), sha256(record.body).hexdigest())
    completion: Completion = adapter.complete(raw, content_type, lookup, record)
    if isinstance(completion, Quarantine):
        return shape.refused(_quarantined(completion.problems), completion.problems, sha256(record.body).hexdigest())
    if isinstance(completion, Ignored):
        return shape.refused("ignored", (_ignored(completion),), completion.content_key, key=completion.key)
    problems = [
        *completion.warnings,
        *(found for message in completion.messages for found in events.check(message, now)),
    ]
    if _errors(problems):
        return shape.refused("unroutable", problems, completion.content_key, key=completion.key)
    return replace(shape.usable(completion.messages, problems, completion.content_key, completion.key), looked_up=True)


_NOBODY_READS: Final = Problem("", "is a record that nothing here reads any more", "not-supported")


def _ignored(outcome: Ignored) -> Problem:
    return Problem(path="", reason=outcome.reason, code="informational", severity="information")


def set_aside(raw: bytes, content_type: str, via: str, problem: Problem, *, digest: str | None = None) -> Incoming:
    """What no adapter was asked about, or could be: kept in quarantine with the reason.

    `via` names the way that it came; `digest` tells it from others where its bytes do not.
    """
    return _Shape(raw, content_type, via).refused("unroutable", [problem], digest or sha256(raw).hexdigest())


@dataclass(frozen=True, slots=True)
class _Shape:
    raw: bytes
    content_type: str
    via: str

    def _blank(self, standing: Standing, content_hash: str) -> Incoming:
        kept = media.kept(self.content_type)
        return Incoming(raw=self.raw, content_type=kept, via=self.via, standing=standing, content_hash=content_hash)

    def refused(
        self,
        standing: Standing,
        problems: list[Problem] | tuple[Problem, ...],
        content_hash: str,
        key: str | None = None,
    ) -> Incoming:
        return replace(self._blank(standing, content_hash), problems=tuple(problems), key=key)

    def usable(self, messages: tuple[Message, ...], problems: list[Problem], content_hash: str, key: str) -> Incoming:
        return replace(self._blank("usable", content_hash), messages=messages, problems=tuple(problems), key=key)


def _checked(parsed: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The Bundle and what is wrong with its structure; codes with stray spaces are trimmed, with a warning, only when that mends it."""
    problems = check_bundle(parsed)
    if not problems:
        return parsed, problems
    trimmed, warnings = bundle.trim_codes(parsed)
    left = check_bundle(trimmed) if warnings else problems
    return (parsed, problems) if _errors(left) else (trimmed, [*left, *warnings])


def _quarantined(problems: tuple[Problem, ...]) -> Standing:
    """What is understood but not read (yet) is unroutable; anything else in quarantine was not understood."""
    errors = [problem for problem in problems if problem.severity == "error"]
    return "unroutable" if all(problem.code == "not-supported" for problem in errors) else "unreadable"


def _errors(problems: list[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _digest(parsed: dict[str, Any]) -> str:
    """What the Bundle says, however it is spaced and whenever it is sent again (contract, "Same message again")."""
    said = {name: value for name, value in parsed.items() if name not in ("id", "meta", "timestamp")}
    try:
        return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except orjson.JSONEncodeError:  # nested deeper than orjson writes: told apart by its bytes as they were read
        return sha256(repr(said).encode()).hexdigest()
