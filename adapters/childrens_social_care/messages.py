"""What a plan comes to: that it began, changed its placement, ended, or never was."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Final

from adapters.childrens_social_care.lifecycle import Change, Life, Record, Standing
from adapters.childrens_social_care.plans import Kind, Plan
from adapters.childrens_social_care.subjects import Subject
from schemas.bundle.elements import Found, codings, objects_in, text_in
from schemas.codes import Event
from schemas.events import FACTS, coded
from schemas.message import Fact, Message, Person, PostalAddress

_STARTS: Final = {
    Kind.PROTECTION: Event.PROTECTION_PLAN_START,
    Kind.UNBORN: Event.PROTECTION_PLAN_START,
    Kind.LOOKED_AFTER: Event.LOOKED_AFTER_START,
}
_ENDS: Final = {
    Kind.PROTECTION: Event.PROTECTION_PLAN_END,
    Kind.UNBORN: Event.PROTECTION_PLAN_END,
    Kind.LOOKED_AFTER: Event.LOOKED_AFTER_END,
}

_CODED: Final = {
    binding.system: (code, binding)
    for code in ("plan-category", "plan-end-reason", "child-legal-status", "placement-type")
    if (binding := FACTS[code].binding) is not None
}
"""What CP-IS has no code for, by the systems of Baton's published lists: read where an authority adds it to the categories."""


def withdrawal(record: Record) -> Message:
    """The message that takes back a plan that never was."""
    life = record.life
    return Message(
        id=record.message("withdraw"),
        event=Event.WITHDRAW,
        sender=None,
        occurred=life.recorded or life.start or _NEVER,
        sent=life.sent,
        subjects=(),
        people=(),
        facts=(Fact(code="withdraw-reason", value=coded("withdraw-reason", "untrue")),),
        reference=record.id,
    )


_NEVER: Final = datetime.fromtimestamp(0, UTC)
"""Of a withdrawal nobody uses the time; it has to have one."""


def told(record: Record, child: Subject, found: Found) -> Message:
    """The message the plan comes to as it now stands."""
    plan, life = record.plan, record.life
    if life.standing is Standing.ENDED:
        return _message(record, child, _ENDS[plan.kind], "end", _end(record, found), tuple(_facts(plan, child)))
    moved = _moved(plan, life, child)
    if moved is not None:
        return _message(record, child, Event.LOOKED_AFTER_MOVE, "move", moved, tuple(_facts(plan, child)))
    return _message(record, child, _STARTS[plan.kind], "start", _start(record, found), tuple(_facts(plan, child)))


def _message(
    record: Record, child: Subject, event: Event, what: str, occurred: datetime, facts: tuple[Fact, ...]
) -> Message:
    return Message(
        id=record.message(what),
        event=event,
        sender=None,
        occurred=occurred,
        sent=record.life.sent,
        subjects=(child.key,),
        people=tuple(_people(record, child)),
        relationships=child.relationships,
        facts=facts,
        # Who heard of the plan before is to hear what becomes of it.
        reference=record.id,
    )


def _people(record: Record, child: Subject) -> Iterator[Person]:
    """Those named. Where a looked-after child was placed is not for those at its home before (sharing principle 10)."""
    placed = record.plan.kind is Kind.LOOKED_AFTER and record.life.standing is Standing.RUNS
    for person in child.people:
        if placed and person.key == child.key:
            yield replace(person, addresses=tuple(_guarded(address, record) for address in person.addresses))
        else:
            yield person


def _guarded(address: PostalAddress, record: Record) -> PostalAddress:
    """The address as protected, unless it is known to be from before: without its first day it may be either."""
    start = record.life.start
    before = start is not None and address.since is not None and address.since < start.date()
    return address if before else replace(address, protected=True)


def _start(record: Record, found: Found) -> datetime:
    return record.life.start or _instead(record, "start", found)


def _end(record: Record, found: Found) -> datetime:
    life = record.life
    return life.end or _instead(record, "end", found)


def _instead(record: Record, edge: str, found: Found) -> datetime:
    """The time of the record where the plan's own is not said."""
    place, recorded = record.plan.at(f"period.{edge}"), record.life.recorded
    if recorded is None:
        found.error(place, "is required: nothing else in the Bundle says when it was", "required")
        return _NEVER
    found.warning(place, "is not given; the time of the record was taken", "incomplete")
    return recorded


def _moved(plan: Plan, life: Life, child: Subject) -> datetime | None:
    """When a looked-after child came to live elsewhere: an update has an address that began after the plan did.

    CP-IS itself says no more than that the child is looked after.
    """
    if plan.kind is not Kind.LOOKED_AFTER or life.change is not Change.UPDATE or life.start is None:
        return None
    begun = [address.since for address in child.person.addresses if address.since and not address.until]
    latest = max(begun, default=None)
    return _midnight(latest) if latest and latest > life.start.date() else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _facts(plan: Plan, child: Subject) -> Iterator[Fact]:
    for _, concept in objects_in(plan.resource, "category"):
        for coding in codings(concept):
            system, code = text_in(coding, "system") or "", text_in(coding, "code") or ""
            fact, binding = _CODED.get(system, ("", None))
            if binding is not None and code in binding.codes:
                yield Fact(code=fact, value=coded(fact, code), about=child.key)
    team = plan.team.resource if plan.team else {}
    name = text_in(team, "name") or plan.team_name
    if name:
        yield Fact(code="contact-person", value=name)
    phones = [text_in(telecom, "value") for _, telecom in objects_in(team, "telecom") if _is_phone(telecom)]
    numbers = "; ".join(phone for phone in phones if phone)
    if numbers:
        yield Fact(code="contact-phone", value=numbers)


def _is_phone(telecom: dict[str, object]) -> bool:
    return text_in(telecom, "system") in (None, "phone")
