"""What the policy says of patterns: which events count, how many in how long, whom it prompts; looking over events is in `patterns.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal, TypeAlias

from broker.domain.terms import Term
from schemas.codes import Event, Function, Priority, TaskCode


class Count(StrEnum):
    """What is counted. Nothing is weighed: a pattern is there or it is not."""

    DAYS = "days"  # days on which something of the kind happened
    DELAYS = "delays"  # what came late, each for each child once, and once for twins
    PRACTITIONERS = "practitioners"  # names behind the events
    MOVES = "moves"  # times that one person's address became another
    PLACES = "places"  # addresses of one person that agencies tell in contradiction to each other
    CENTILES = "centiles"  # whether centiles as reported cross so many lines, or lie below a line


class Home(StrEnum):
    """Who must live there for the pattern to matter."""

    CHILD = "child"  # under 18, or unborn
    UNDER_FIVE = "under-five"  # unborn included
    INFANT = "infant"  # under one year, or unborn


ScopeKind: TypeAlias = Literal["person", "household"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRule:
    """One kind of event that counts."""

    name: str
    events: frozenset[Event]
    kinds: frozenset[str] = frozenset()
    without_kinds: frozenset[str] = frozenset()
    senders: frozenset[Function] = frozenset()
    """Functions of whoever sent it; empty: any."""
    stated: frozenset[str] = frozenset()
    """One of these facts is said, and not as `false`."""
    values: Mapping[str, frozenset[str]] | None = None
    """One of these facts has one of these values; `true` and `false` as words."""
    from_age: timedelta | None = None
    """Of a child of this age or older."""
    missing: Event | None = None
    """It counts from `after` on, if by then nothing of this event came about the same person."""
    after: timedelta = timedelta()
    father_unnamed: "Naming | None" = None
    """It counts of a child, or of whoever expects one, while no such message has named the child's father."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """Messages by which those who visit a home show that they know of somebody there."""

    events: frozenset[Event]
    senders: frozenset[Function]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """How many centile spaces a weight may fall that was once below a line of the chart; `below` None: the others."""

    below: Decimal | None
    spaces: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CentileRule:
    """When centiles, as professionals reported them, are a reason to talk. Baton works out none itself."""

    lines: tuple[Decimal, ...]
    """The lines of the chart, lowest first."""
    falls: tuple[Fall, ...]
    """The first that fits counts."""
    below: Decimal
    """A centile under this line is a reason whatever came before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternTask:
    """What somebody is asked to do about it."""

    code: TaskCode
    owners: tuple[Function | Literal["sender"], ...]
    """The first of whom a team may see enough of it."""
    within: Term
    priority: Priority
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternRule:
    """One pattern. It prompts people, and scores nobody."""

    name: str
    title: str
    """In a few words, for a flag."""
    scope: ScopeKind
    evidence: tuple[EvidenceRule, ...]
    count: Count
    at_least: int
    agencies: int = 1
    """So many agencies must have reported."""
    within: timedelta
    """The time in which so many must lie."""
    looks_back: timedelta
    """What of the same kind is shown with it."""
    home: Home | None = None
    prompted_by: Mapping[Event, frozenset[str]] | None = None
    """Only these events, of these kinds, make Baton look; None: any that counts."""
    untreated: Function | None = None
    """Counts of an adult only while no team of this function works with them."""
    undiscussed: bool = False
    """What happened before the last recorded discussion about the same child does not count."""
    unanswered: str | None = None
    """What happened before somebody last answered this prompt about one of the children does not count."""
    centiles: CentileRule | None = None
    task: PatternTask | None
    """None: the task that the policy asks for when the message comes is the pattern's."""
    asked_by: str = ""
    """That line of the policy."""
    flagged: bool = True
    by_another: bool = False
    """Whoever reported any of it cannot close it."""
    again: timedelta
    """New evidence is told again at most so often; it always shows on the task."""
    cites: str

    @property
    def follows_work(self) -> bool:
        """Whether a team that takes on the work is asked too; what is asked of whoever reported stays with them."""
        return self.task is not None and self.task.owners[0] != "sender"

    def events(self) -> frozenset[Event]:
        """Events of which any may count, or by its absence makes another count, or by what it names makes later ones not count."""
        found = {event for line in self.evidence for event in line.events}
        found |= {event for line in self.evidence if line.father_unnamed for event in line.father_unnamed.events}
        return frozenset(found | {line.missing for line in self.evidence if line.missing is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A gap that a practitioner at such a contact is asked to fill (F19)."""

    name: str
    at: Mapping[Event, frozenset[str]]
    """Events, each of these kinds; no kinds: any."""
    senders: frozenset[Function]
    within: Term
    description: str
    cites: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """Everything that the policy says of patterns."""

    rules: Mapping[str, PatternRule]
    again_after: frozenset[Event]
    """Events that bring somebody into a home, after which it is looked at again."""
    flag_to: frozenset[Function]
    """Functions whose teams may hold a flag."""
    prompts: tuple[Prompt, ...]

    @property
    def longest(self) -> timedelta:
        """How far back anything is looked at."""
        return max((rule.looks_back for rule in self.rules.values()), default=timedelta())
