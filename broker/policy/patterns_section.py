"""The sections `patterns` and `prompts` of a policy file: their shape, what must fit together in them, and the rules that they make."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal, Protocol

from pydantic import Field

from broker.domain.pattern_rules import (
    CentileRule,
    Count,
    EvidenceRule,
    Fall,
    Home,
    Naming,
    PatternRule,
    Patterns,
    PatternTask,
    Prompt,
)
from broker.policy.durations import Duration, Term
from broker.policy.sections import Cites, Name, Names, Section
from schemas.codes import Event, Function, Priority, TaskCode
from schemas.events import FACTS, SPECS
from schemas.problem import Problem

Kinds = dict[Event, tuple[str, ...]]
"""Events, each of these kinds; no kinds: any."""
Words = Annotated[str, Field(min_length=1, max_length=60)]


class NamingLine(Section):
    """Messages that name somebody, and of which functions."""

    events: Annotated[tuple[Event, ...], Field(min_length=1)]
    senders: Names


class EvidenceLine(Section):
    """One kind of event that counts."""

    events: Annotated[tuple[Event, ...], Field(min_length=1)]
    kinds: tuple[str, ...] = ()
    not_kinds: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()
    values: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    from_age: Duration | None = None
    missing: Event | None = None
    after: Duration | None = None
    father_unnamed: NamingLine | None = None


class FallLine(Section):
    """How many spaces count, of a weight that was once below a line."""

    below: Decimal | None = None
    spaces: Annotated[int, Field(ge=1)]


class CentilesSection(Section):
    """When reported centiles are a reason to talk."""

    lines: Annotated[tuple[Decimal, ...], Field(min_length=2)]
    falls: Annotated[tuple[FallLine, ...], Field(min_length=1)]
    below: Decimal


class PatternTaskLine(Section):
    """What is asked of whom; the first of the owners of which a team may see enough."""

    code: Literal[TaskCode.PATTERN_REVIEW, TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD]
    owners: Annotated[tuple[Function | Literal["sender"], ...], Field(min_length=1)]
    within: Term
    priority: Priority = Priority.ROUTINE
    description: Annotated[str, Field(min_length=1)]


class PatternLine(Section):
    """One pattern."""

    title: Words
    scope: Literal["person", "household"]
    evidence: Annotated[dict[Name, EvidenceLine], Field(min_length=1)]
    count: Count
    at_least: Annotated[int, Field(ge=1)] = 1
    agencies: Annotated[int, Field(ge=1)] = 1
    within: Duration
    looks_back: Duration | None = None
    home: Home | None = None
    prompted_by: Kinds | None = None
    untreated: Function | None = None
    undiscussed: bool = False
    unanswered: Name | None = None
    centiles: CentilesSection | None = None
    task: PatternTaskLine | None = None
    asked_by: str = ""
    flagged: bool = True
    by_another: bool = False
    again: Duration
    cites: Cites


class FlagsSection(Section):
    """Who may hold a flag."""

    to: Names
    cites: Cites


class PatternsSection(Section):
    """Every pattern, and what they have in common."""

    again_after: tuple[Event, ...]
    flags: FlagsSection
    rules: dict[Name, PatternLine]


class PromptLine(Section):
    """A gap that a practitioner is asked to fill."""

    at: Annotated[Kinds, Field(min_length=1)]
    senders: Names
    within: Term
    description: Annotated[str, Field(min_length=1)]
    cites: Cites


class Document(Protocol):
    """As much of the policy file as is needed here."""

    patterns: PatternsSection
    prompts: dict[str, PromptLine]

    def functions_of(self, names: tuple[str, ...]) -> frozenset[Function]:
        """The functions that these names stand for."""


# --- the rules ----------------------------------------------------------------------------------------------------


def compiled(document: Document) -> Patterns:
    """The rules of both sections."""
    section = document.patterns
    return Patterns(
        rules={name: _rule(document, name, line) for name, line in section.rules.items()},
        again_after=frozenset(section.again_after),
        flag_to=document.functions_of(section.flags.to),
        prompts=tuple(_prompt(document, name, line) for name, line in document.prompts.items()),
    )


def _rule(document: Document, name: str, line: PatternLine) -> PatternRule:
    return PatternRule(
        name=name,
        title=line.title,
        scope=line.scope,
        evidence=tuple(_evidence(document, one, evidence) for one, evidence in line.evidence.items()),
        count=line.count,
        at_least=line.at_least,
        agencies=line.agencies,
        within=line.within,
        looks_back=line.looks_back or line.within,
        home=line.home,
        prompted_by=None if line.prompted_by is None else _kinds(line.prompted_by),
        untreated=line.untreated,
        undiscussed=line.undiscussed,
        unanswered=line.unanswered,
        centiles=None if line.centiles is None else _centiles(line.centiles),
        task=None if line.task is None else _task(line.task),
        asked_by=line.asked_by,
        flagged=line.flagged,
        by_another=line.by_another,
        again=line.again,
        cites=", ".join(line.cites),
    )


def _evidence(document: Document, name: str, line: EvidenceLine) -> EvidenceRule:
    return EvidenceRule(
        name=name,
        events=frozenset(line.events),
        kinds=frozenset(line.kinds),
        without_kinds=frozenset(line.not_kinds),
        senders=document.functions_of(line.senders),
        stated=frozenset(line.stated),
        values={fact: frozenset(values) for fact, values in line.values.items()} or None,
        from_age=line.from_age,
        missing=line.missing,
        father_unnamed=None if line.father_unnamed is None else _naming(document, line.father_unnamed),
        **({} if line.after is None else {"after": line.after}),
    )


def _naming(document: Document, line: NamingLine) -> Naming:
    return Naming(events=frozenset(line.events), senders=document.functions_of(line.senders))


def _centiles(section: CentilesSection) -> CentileRule:
    falls = tuple(Fall(below=line.below, spaces=line.spaces) for line in section.falls)
    return CentileRule(lines=section.lines, falls=falls, below=section.below)


def _task(line: PatternTaskLine) -> PatternTask:
    return PatternTask(
        code=line.code,
        owners=line.owners,
        within=line.within,
        priority=line.priority,
        description=line.description,
    )


def _prompt(document: Document, name: str, line: PromptLine) -> Prompt:
    return Prompt(
        name=name,
        at=_kinds(line.at),
        senders=document.functions_of(line.senders),
        within=line.within,
        description=line.description,
        cites=", ".join(line.cites),
    )


def _kinds(said: Kinds) -> Mapping[Event, frozenset[str]]:
    return {event: frozenset(kinds) for event, kinds in said.items()}


# --- faults -------------------------------------------------------------------------------------------------------


def faults(document: Document) -> Iterator[Problem]:
    """What does not fit together."""
    for name, line in document.patterns.rules.items():
        path = f"patterns.rules.{name}"
        yield from _pattern(path, line)
        for one, evidence in line.evidence.items():
            yield from _counted(f"{path}.evidence.{one}", evidence)
        yield from _known_kinds(f"{path}.prompted-by", line.prompted_by or {})
        if line.unanswered is not None and line.unanswered not in document.prompts:
            yield _fault(path, f"waits for answers to {line.unanswered!r}, which is no prompt")
    for name, prompt in document.prompts.items():
        yield from _known_kinds(f"prompts.{name}.at", prompt.at)
        yield from _plain(f"prompts.{name}.description", prompt.description)


def cited(document: Document) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every place with what it cites."""
    yield "patterns.flags", document.patterns.flags.cites
    yield from ((f"patterns.rules.{name}", line.cites) for name, line in document.patterns.rules.items())
    yield from ((f"prompts.{name}", line.cites) for name, line in document.prompts.items())


def _pattern(path: str, line: PatternLine) -> Iterator[Problem]:
    if (line.task is None) == (line.asked_by == ""):
        yield _fault(path, "needs a task of its own, or names the line that asks for one, and not both")
    if (line.count is Count.CENTILES) == (line.centiles is None):
        yield _fault(path, "has centiles where they are counted, and only there")
    if line.looks_back is not None and line.looks_back < line.within:
        yield _fault(path, "looks back less far than it counts")
    if line.centiles is not None:
        yield from _chart(f"{path}.centiles", line.centiles)
    if line.task is not None:
        yield from _plain(f"{path}.task.description", line.task.description)


def _chart(path: str, section: CentilesSection) -> Iterator[Problem]:
    if any(one >= other for one, other in pairwise(section.lines)):
        yield _fault(f"{path}.lines", "must rise")
    if section.falls[-1].below is not None or any(fall.below is None for fall in section.falls[:-1]):
        yield _fault(f"{path}.falls", "must end with a line for all others, and have no other such line")


def _counted(path: str, line: EvidenceLine) -> Iterator[Problem]:
    for event in line.events:
        yield from _known_kinds(path, {event: (*line.kinds, *line.not_kinds)})
    for fact in (*line.stated, *line.values):
        if fact not in FACTS:
            yield _fault(path, f"names {fact!r}, which is no fact")
    if (line.missing is None) != (line.after is None):
        yield _fault(path, "says what is missing and after how long, or neither")


def _known_kinds(path: str, said: Mapping[Event, tuple[str, ...]]) -> Iterator[Problem]:
    for event, kinds in said.items():
        known = SPECS[event].kinds
        for kind in kinds:
            if known is None or kind not in known.values.codes:
                yield _fault(path, f"names {kind!r}, which is no kind of {event.value}")


def _plain(path: str, text: str) -> Iterator[Problem]:
    if "{" in text:
        yield _fault(path, "has no part to fill in")


def _fault(path: str, reason: str) -> Problem:
    return Problem(path, reason, "invalid")
