"""The section `expectations` of a policy file: its shape, its faults, and the rules that it makes."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import Field

from broker.domain.expecting import DueLine, ExpectationRule, Expectations
from broker.policy.durations import Duration, Term
from broker.policy.sections import Cites, Functions, Section, When, condition, said
from schemas.codes import Event, Function, Priority
from schemas.events import FACTS, SPECS, FactType
from schemas.problem import Problem


class DueSection(When):
    """When it is due, where the conditions hold."""

    since: Literal["event", "birth", "pregnancy"]
    fact: str | None = None
    after: Duration = timedelta()
    at_least: Term | None = None


ALERTS: Final = 6
"""Of a rule that names no other number. By then the task has climbed its whole ladder; a seventh word tells nobody anything."""


class ExpectSection(Section):
    """Which events count."""

    events: Annotated[tuple[Event, ...], Field(min_length=1)]
    kinds: tuple[str, ...] = ()
    not_kinds: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    answers: bool = False


class ExpectationSection(When):
    """One thing that should come."""

    after: Annotated[tuple[Event, ...], Field(min_length=1)]
    about: Literal["subject", "pregnancy", "children"]
    expect: ExpectSection
    owner: Literal["sender", "addressed"] | Function
    due: Annotated[tuple[DueSection, ...], Field(min_length=1)]
    until: Duration | None = None
    ended_by: tuple[Event, ...] = ()
    again: Duration
    alerts: Annotated[int, Field(ge=1)] = ALERTS
    one_at_a_time: bool = False
    within: Term
    priority: Priority = Priority.ROUTINE
    ask: str
    cites: Cites


def compiled(document: Functions, sections: Mapping[str, ExpectationSection]) -> Expectations:
    """The rules of the section."""
    return Expectations(rules={name: _rule(document, name, section) for name, section in sections.items()})


def _rule(document: Functions, name: str, section: ExpectationSection) -> ExpectationRule:
    return ExpectationRule(
        name=name,
        after=frozenset(section.after),
        when=condition(document, section),
        about=section.about,
        expects=frozenset(section.expect.events),
        kinds=frozenset(section.expect.kinds),
        without_kinds=frozenset(section.expect.not_kinds),
        by=document.functions_of(section.expect.by),
        answers=section.expect.answers,
        owner=section.owner,
        due=tuple(
            DueLine(
                when=condition(document, line),
                since=line.since,
                fact=line.fact,
                after=line.after,
                at_least=line.at_least,
            )
            for line in section.due
        ),
        until=section.until,
        ended_by=frozenset(section.ended_by),
        again=section.again,
        alerts=section.alerts,
        one_at_a_time=section.one_at_a_time,
        within=section.within,
        priority=section.priority,
        ask=section.ask,
        cites=said(section.cites),
    )


def faults(document: Functions, sections: Mapping[str, ExpectationSection]) -> Iterator[Problem]:
    """What does not fit together, each with its place."""
    for name, section in sections.items():
        path = f"expectations.{name}"
        yield from _kinds(f"{path}.expect", section.expect.events, (*section.expect.kinds, *section.expect.not_kinds))
        yield from _kinds(path, section.after, (*section.kinds, *section.not_kinds))
        for name_ in (*section.expect.by, *section.senders):
            if not document.functions_of((name_,)):
                yield _fault(path, f"names {name_!r}, which is no function, group or set")
        for index, line in enumerate(section.due):
            yield from _due(f"{path}.due[{index}]", line)
        if section.due[-1].when or section.due[-1].unless or section.due[-1].senders:
            yield _fault(f"{path}.due", "ends in a line with conditions: the last one must hold for whatever is left")
        if section.about == "pregnancy" and any(line.since == "birth" for line in section.due):
            yield _fault(f"{path}.due", "counts from a birth what is expected before it")


def _due(path: str, line: DueSection) -> Iterator[Problem]:
    if not line.after and line.at_least is None:
        yield _fault(path, "needs after, at-least or both")
    if line.fact is None:
        return
    if line.since != "event":
        yield _fault(path, "takes its date from a fact, and counts from something else than the event")
    if line.fact not in FACTS or FACTS[line.fact].type not in (FactType.DATE, FactType.DATETIME):
        yield _fault(f"{path}.fact", "is no fact that is a date")


def _kinds(path: str, events: tuple[Event, ...], kinds: tuple[str, ...]) -> Iterator[Problem]:
    specs = [SPECS[event].kinds for event in events]
    known = {kind for spec in specs if spec is not None for kind in spec.values.codes}
    for kind in kinds:
        if kind not in known:
            yield _fault(path, f"names the kind {kind!r}, which none of its events has")


def _fault(path: str, reason: str) -> Problem:
    return Problem(path, reason, "invalid")
