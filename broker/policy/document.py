"""The shape of a policy file: its sections and lines, each checked by itself; what must fit together is in `faults.py`."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from broker.domain.rules import About, Group, Nobody, Relation
from broker.domain.states import Purpose, Unheld, View
from broker.policy.chronology_section import ChronologySection
from broker.policy.clocks_section import ClocksSection
from broker.policy.durations import Duration, Term
from broker.policy.expecting_section import ExpectationSection
from broker.policy.out_of_hours_section import OutOfHoursSection
from broker.policy.own_asks_section import OwnAsksSection
from broker.policy.patterns_section import PatternsSection, PromptLine
from broker.policy.reports_section import ReportsSection
from broker.policy.retention_section import RetentionSection
from broker.policy.sections import Cites, Name, Names, Section, When
from schemas.codes import Category, Event, Function, Priority, TaskCode


class TellLine(When):
    """Who, standing how, is told how much, and whether they must answer."""

    to: Names
    of: Annotated[tuple[Relation, ...], Field(min_length=1)]
    view: View
    purpose: Purpose
    priority: Priority = Priority.ROUTINE
    within: Term | None = None
    ask: str | None = None
    cites: Cites


class AddLine(When):
    """A function that is told although it works with nobody there: of the area, or the sender's safeguarding lead."""

    function: Function
    view: View
    purpose: Purpose
    priority: Priority = Priority.ROUTINE
    within: Term | None = None
    ask: str | None = None
    cites: Cites


class AskLine(When):
    """A task. Lines of one name ask a household for the same thing. `{contacts}` in its description becomes the child-facing teams to speak to."""

    code: TaskCode
    owner: Literal["sender", "addressed", "lead"] | Function
    requester: Literal["sender", "addressed"] | None = None
    description: str
    once: Literal["message", "household"] = "message"
    again: Duration | None = None
    priority: Priority = Priority.ROUTINE
    within: Term
    cites: Cites


class EventSection(Section):
    """Everything about one event."""

    about: Literal["child", "pregnancy", "adult", "subject"]
    routine: bool = False
    quiet: bool = False
    marked: bool = False
    takes_on: bool = False
    rests_on: Literal["rule", "professional"] = "rule"
    standing: Duration | None = None
    nobody: Nobody = Nobody.INCIDENT
    kind_category: Category = Category.EVENT
    harm: bool | tuple[str, ...] = False
    sealing_kinds: tuple[str, ...] = ()
    tell: dict[Name, TellLine] = Field(default_factory=dict)
    add: dict[Name, AddLine] = Field(default_factory=dict)
    ask: dict[Name, AskLine] = Field(default_factory=dict)
    cites: Cites


class Always(Section):
    """Lines that every event has, quiet ones excepted."""

    tell: dict[Name, TellLine]


class GroupSection(Section):
    """The functions of a group; those of `only-with-child` belong to it for a child's sake alone."""

    functions: tuple[Function, ...]
    only_with_child: tuple[Function, ...] = ()


class HoldSection(Section):
    """What waits for a release, who may be told then, and who need not wait."""

    labels: tuple[str, ...]
    restricted: tuple[str, ...] = ()
    kinds: dict[Event, tuple[str, ...]] = Field(default_factory=dict)
    ended: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    to: Names
    free: Names
    within: Term
    cites: Cites


class MarksSection(Section):
    """Labels and what they do."""

    not_for_family: str
    categories: tuple[Category, ...]
    addressed_only: tuple[str, ...]
    copied: tuple[str, ...]
    cites: Cites


class SharingSection(Section):
    """The most that may be told, whatever a line proposes. What is not listed is refused (principle 1)."""

    views: dict[View, tuple[Category, ...]]
    limits: dict[Group, dict[Relation, dict[About, tuple[View, ...]]]]
    never: dict[Group, tuple[Category, ...]] = Field(default_factory=dict)
    visible: dict[Group, tuple[str, ...]]
    contacts: tuple[Function, ...]
    hold: HoldSection
    marks: MarksSection


class UniversalLine(Section):
    """Services that a pregnancy, or a child of an age in days, has without anybody's referral."""

    pregnancy: bool = False
    since_days: int = 0
    until_days: int = 0
    functions: Annotated[tuple[Function, ...], Field(min_length=1)]
    optional: tuple[Function, ...] = ()
    stands_in: dict[Function, tuple[Function, ...]] = Field(default_factory=dict)
    cites: Cites


class InvolvementLine(Section):
    """What an event does to an involvement."""

    effect: Literal["opens", "renews", "ends"]
    team: Literal["sender", "practice"] = "sender"
    functions: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    not_kinds: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    with_unborn: bool = False
    instead_of_others: bool = False
    cites: Cites


class InvolvementSection(Section):
    """How involvements open, are renewed, lapse and end (principle 3)."""

    lapse: dict[Function, Duration | None]
    events: dict[Event, Annotated[tuple[InvolvementLine, ...], Field(min_length=1)]]


class ResponsibilityLine(Section):
    """What an event does to who is responsible; `why` says why nobody is, of what ends."""

    effect: Literal["takes", "ends"]
    team: Literal["sender", "practice"] = "sender"
    functions: tuple[Function, ...] = ()
    kinds: tuple[str, ...] = ()
    not_kinds: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    with_unborn: bool = False
    first_only: bool = False
    stays_in_transfer: bool = False
    why: Literal[Unheld.ENDED, Unheld.NOT_REGISTERED, Unheld.DISCHARGED] | None = None
    cites: Cites


class NeedLine(Section):
    """Something that a receiver must be told of each person, or of the home, by any one of these facts."""

    facts: Annotated[tuple[str, ...], Field(min_length=1)]
    of: Literal["person", "home"] = "person"
    until: Duration | None = None
    words: str


class TransferLine(Section):
    """One kind of transfer."""

    events: Annotated[tuple[Event, ...], Field(min_length=1)]
    senders: Names
    receivers: Names
    lines: Literal["children", "born-children", "subjects"]
    needs: tuple[NeedLine, ...] = ()
    cites: Cites


class TransfersSection(Section):
    """What a transfer must cover. The first kind that fits counts."""

    supply_within: Term
    caretaking_at_most: Duration
    summary: tuple[str, ...]
    kinds: dict[Name, TransferLine]
    cites: Cites


class RolesSection(Section):
    """Roles in which a person may answer (F13)."""

    professional: Annotated[tuple[Name, ...], Field(min_length=1)]
    clerical: Annotated[tuple[Name, ...], Field(min_length=1)]


class LookupsSection(Section):
    """Records that are asked for elsewhere."""

    silent_after: Duration = timedelta(hours=4)
    """How long one may stay unanswered before people are told."""
    cites: Cites = ("invariant 3",)


class Document(Section):
    """A whole policy file."""

    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]{0,31}$")]
    guidance: dict[Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9-]*$")], str]
    groups: dict[Group, GroupSection]
    sets: dict[Name, tuple[Function, ...]] = Field(default_factory=dict)
    sharing: SharingSection
    universal: dict[Name, UniversalLine]
    deadlines: dict[Priority, Term]
    clocks: ClocksSection
    out_of_hours: OutOfHoursSection
    mobile_from: Duration
    involvement: InvolvementSection
    responsibility: dict[Event, Annotated[tuple[ResponsibilityLine, ...], Field(min_length=1)]]
    transfers: TransfersSection
    roles: RolesSection
    chronology: ChronologySection
    reports: ReportsSection
    expectations: dict[Name, ExpectationSection] = Field(default_factory=dict)
    patterns: PatternsSection
    prompts: dict[Name, PromptLine]
    lookups: LookupsSection = LookupsSection()
    own_asks: OwnAsksSection = OwnAsksSection()
    retention: RetentionSection = RetentionSection()
    always: Always
    events: dict[Event, EventSection]

    def functions_of(self, names: tuple[str, ...]) -> frozenset[Function]:
        """The functions that these names stand for; names that are not known stand for none."""
        found: set[Function] = set()
        for name in names:
            found |= self._named(name)
        return frozenset(found)

    def _named(self, name: str) -> set[Function]:
        if name == "everyone":
            return set(Function)
        if name in self.sets:
            return set(self.sets[name])
        if name in set(Group):
            section = self.groups.get(Group(name))
            return set(section.functions) | set(section.only_with_child) if section else set()
        return {Function(name)} if name in set(Function) else set()


LONGEST = timedelta(days=3 * 366)
"""Nothing in a policy waits or stands for longer."""
