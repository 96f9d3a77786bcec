"""Children's social care: child protection plans and looked-after children as CP-IS has them in FHIR R4, as messages.

**The same event again.** A plan is known by the identifier its authority gave it, else by the id of its resource. That it began
is one message, that it ended another; what is told as an update has the id of its header too, or when it was recorded,
or all it says. Content is all the Bundle says without Bundle.id, meta and timestamp and without the id and meta of a header.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adapters.childrens_social_care.lifecycle import Life, Record, Standing, life_of
from adapters.childrens_social_care.messages import told, withdrawal
from adapters.childrens_social_care.plans import Plan, plan_of
from adapters.childrens_social_care.subjects import Subject, subject_of
from adapters.identity import message_id
from adapters.port import Adapter, Ignored, Notifications, Quarantine, Translation
from adapters.r4 import Parsed, read, read_message
from schemas.bundle.elements import Found, object_in, text_in
from schemas.bundle.entries import Entry
from schemas.bundle.reading_people import People
from schemas.message import Message
from schemas.problem import Problem

_COLLECTIONS: Final = frozenset({"collection", "searchset"})
"""As CP-IS publishes it: an example by itself, the answer to a query."""

_NOTHING: Final = "The answer to a query that found no plan: there is nothing to tell."
_DRAFT: Final = "The plan is a draft: it is told when it begins."


class ChildrensSocialCare(Adapter):
    """Reads what CP-IS holds of a child, as a message, a collection or the answer to a query."""

    kind = "childrens-social-care"

    def translate(self, body: bytes, content_type: str | None, headers: Mapping[str, str]) -> Translation:  # noqa: ARG002 - the port's
        """What the Bundle says. JSON or XML: the bytes say which, whatever the Content-Type."""
        parsed = read(body)
        if isinstance(parsed, tuple):
            return Quarantine(parsed)
        carried = _carried(parsed)
        if not isinstance(carried, _Carried):
            return Quarantine(carried)
        return _translated(carried)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Carried:
    """A Bundle with what its header says, where it has one."""

    parsed: Parsed
    people: People
    found: Found
    foci: tuple[Entry, ...] = ()
    reason: frozenset[str] = frozenset()
    header_id: str | None = None

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What was found and keeps nothing from being told."""
        return tuple(problem for problem in self.found.problems if problem.severity == "warning")

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What was found and keeps it from being told."""
        return tuple(problem for problem in self.found.problems if problem.severity == "error")


def _carried(parsed: Parsed) -> _Carried | tuple[Problem, ...]:
    if parsed.type in _COLLECTIONS:
        found = Found(list(parsed.warnings))
        return _Carried(parsed=parsed, people=People(parsed.entries, found), found=found)
    if parsed.type != "message":
        return (Problem("Bundle.type", "must be message, collection or searchset", "not-supported"),)
    message = read_message(parsed)
    if isinstance(message, tuple):
        return message
    return _Carried(
        parsed=parsed,
        people=message.people,
        found=Found(list(message.warnings)),
        foci=message.foci,
        reason=message.reason,
        header_id=message.id,
    )


def _translated(carried: _Carried) -> Translation:
    content_key = carried.parsed.content_key
    plan = plan_of(carried.parsed, carried.foci)
    if plan is None:
        return Ignored(_NOTHING, key=message_id("cpis", content_key), content_key=content_key)
    if isinstance(plan, Problem):
        return _refused(carried, plan)
    life = life_of(plan, carried.parsed, carried.reason, carried.found)
    if isinstance(life, Problem):
        return _refused(carried, life)
    record = Record(plan, life, _version(carried, plan, life))
    if life.standing is Standing.DRAFT:
        return Ignored(_DRAFT, key=record.message("draft"), content_key=content_key)
    message = _told(carried, record)
    if isinstance(message, Problem) or carried.errors:
        return _refused(carried, *((message,) if isinstance(message, Problem) else ()))
    return Notifications((message,), carried.warnings, key=message.id, content_key=content_key)


def _refused(carried: _Carried, *problems: Problem) -> Quarantine:
    return Quarantine((*problems, *carried.errors, *carried.warnings))


def _told(carried: _Carried, record: Record) -> Message | Problem:
    if record.life.standing is Standing.UNTRUE:
        return withdrawal(record)
    child = subject_of(record.plan, carried.parsed, carried.people, carried.found)
    return told(record, child, carried.found) if isinstance(child, Subject) else child


def _version(carried: _Carried, plan: Plan, life: Life) -> str:
    """What tells this update of the plan from another."""
    recorded = life.recorded.isoformat() if life.recorded else None
    version = text_in(object_in(plan.resource, "meta"), "versionId")
    return carried.header_id or version or recorded or carried.parsed.content_key
