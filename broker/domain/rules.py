"""The rules of a policy as values, with look-ups made ready; reading and checking the file they come from is `broker.policy`.

A policy proposes who gets which view; `sharing.py` allows or refuses. Nothing here decides.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from broker.domain.clocks import ClockRule
from broker.domain.conditions import ALWAYS, Condition
from broker.domain.expecting import Expectations
from broker.domain.out_of_hours import OutOfHours
from broker.domain.own_asks import OwnAsks
from broker.domain.pattern_rules import Patterns
from broker.domain.quiet import ChronologyRules
from broker.domain.reporting import Reporting
from broker.domain.retention import Retention
from broker.domain.states import Purpose, Unheld, View
from broker.domain.tasks import RoleKind
from broker.domain.terms import Term
from schemas.codes import Category, Event, Function, Priority, TaskCode
from schemas.message import Message


class Group(StrEnum):
    """How a function stands to children and adults (docs/sharing.md, principles 4 to 6)."""

    CHILD_FACING = "child-facing"  # works for children and pregnancies
    ADULT_ONLY = "adult-only"  # works for one adult
    OWN_CLIENT = "own-client"  # knows its own case, and needs no more than that and its staff's safety
    RECORDS = "records"  # keeps the register of children's health; meets nobody
    COORDINATING = "coordinating"  # safeguarding leads, hubs and partnerships: told when a rule or a sender says so


class Relation(StrEnum):
    """Why a team comes into question."""

    OWN = "own"  # works with a person the message is about
    HOUSEHOLD = "household"  # works with somebody else of that person's household
    UNIVERSAL = "universal"  # provides a universal service to a child or a pregnancy there
    ADDRESSED = "addressed"  # the sender names it
    ADDED = "added"  # the policy names its function
    EARLIER = "earlier"  # sent, or was told of, the message that this one answers or ends


class About(StrEnum):
    """Whether an event is a child's (or a pregnancy's) or an adult's."""

    CHILD = "child"
    ADULT = "adult"


class Nobody(StrEnum):
    """What it means that a message reaches nobody."""

    INCIDENT = "incident"  # architecture, invariant 3
    INCIDENT_UNLESS_ALONE = "incident-unless-alone"  # none when it is known that no child lives there
    INCIDENT_FOR_CHILD = "incident-for-child"  # none unless a child or a pregnancy is known there
    ACCEPTED = "accepted"


Owner: TypeAlias = Literal["sender", "addressed", "lead"] | Function
"""Whose task: the sender, whom it addressed, the safeguarding lead of the sender's agency, or a function of the area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """One line that proposes to tell these functions, standing so, this much."""

    rule: str
    """Where it stands in the policy: `concern.tell.child`."""
    functions: frozenset[Function] = frozenset()
    groups: frozenset[Group] = frozenset()
    of: frozenset[Relation]
    view: View
    purpose: Purpose
    priority: Priority = Priority.ROUTINE
    within: Term | None = None
    """Time to answer; None: the deadline of the priority."""
    when: Condition = ALWAYS
    ask: str | None = None
    cites: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One line that raises a task: once for the message, or for every household that it comes to meet, unless that is asked the same already."""

    rule: str
    code: TaskCode
    owner: Owner
    requester: Literal["sender", "addressed"] | None = None
    description: str
    once: Literal["message", "household"] = "message"
    again: timedelta | None = None
    """How long a household is not asked once more, though it has answered; None: as long as it has not."""
    priority: Priority = Priority.ROUTINE
    within: Term
    when: Condition = ALWAYS
    cites: str

    @property
    def name(self) -> str:
        """Its last word: lines of one name ask for the same thing."""
        return self.rule.rpartition(".")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRules:
    """Everything the policy says of one event."""

    event: Event
    about: About | None
    """None: the subject's age decides."""
    pregnancy: bool = False
    routine: bool = False
    """Recorded and shown; makes no task (principle 15)."""
    quiet: bool = False
    """Says that something is no longer current, and no more (principle 14)."""
    marked: bool = False
    """Never to be shown to patient or family (principle 13)."""
    takes_on: bool = False
    """It asks the team addressed to take on, or to speak of, the person it is about."""
    by_professional: bool = False
    """Told beyond those addressed only on a named professional's word and lawful basis (principle 8)."""
    standing: timedelta | None = None
    """How long it is routed again when the household changes."""
    nobody: Nobody = Nobody.INCIDENT
    kind_category: Category = Category.EVENT
    """What the kind of the event gives away."""
    harm: bool = False
    """It reports harm, or the risk of it, by somebody close (principle 6)."""
    harm_kinds: frozenset[str] = frozenset()
    sealing_kinds: frozenset[str] = frozenset()
    """Kinds that seal the person: nobody is told (principle 11)."""
    tell: tuple[Tell, ...] = ()
    adds: tuple[Function, ...] = ()
    asks: tuple[Ask, ...] = ()
    cites: str = ""

    def of_harm(self, kind: str | None) -> bool:
        """Whether it reports harm."""
        return self.harm or kind in self.harm_kinds

    def by_service(self) -> bool:
        """Whether any line looks for universal services."""
        return any(Relation.UNIVERSAL in line.of for line in self.tell)


@dataclass(frozen=True, slots=True, kw_only=True)
class Universal:
    """Services that every pregnancy, or every child of an age, has. Ages in completed days, `until` excluded."""

    pregnancy: bool = False
    since: int = 0
    until: int = 0
    functions: tuple[Function, ...]
    optional: frozenset[Function] = frozenset()
    """Nobody is troubled when the directory names none."""
    stands_in: Mapping[Function, frozenset[Function]] = field(default_factory=dict)
    """Functions that do the work of another for those they have taken on."""
    cites: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What waits for the safeguarding lead of the originating agency (principle 7)."""

    labels: frozenset[str]
    restricted: frozenset[str]
    """Labels that hold it from all but who works with its subjects or is addressed."""
    kinds: Mapping[Event, frozenset[str]]
    ended: Mapping[str, frozenset[str]]
    """Values of restricted facts that say that what is restricted is over: they hold nothing."""
    to: frozenset[Function]
    """Functions that may be told once it is released."""
    free: frozenset[Function]
    """Functions that share it among themselves about their own client."""
    within: Term
    cites: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnWord:
    """Of which kinds of its event a line is, and on whose word."""

    kinds: frozenset[str] = frozenset()
    without_kinds: frozenset[str] = frozenset()
    senders: frozenset[Function] = frozenset()
    """Only on their word; empty means anybody's."""

    def holds(self, kind: str | None, sender: Function) -> bool:
        """Whether it is of this kind, and of this sender's word."""
        of_kind = (not self.kinds or kind in self.kinds) and kind not in self.without_kinds
        return of_kind and (not self.senders or sender in self.senders)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvolvementRule(OnWord):
    """What an event does to involvements with its subjects.

    `team`: the sender's, or the general practice registered with. `functions`: only teams of these; empty means any.
    `with_unborn`: also with the subject's unborn children. `opens` renews what is open already; `renews` opens nothing.
    """

    effect: Literal["opens", "renews", "ends"]
    team: Literal["sender", "practice"] = "sender"
    functions: frozenset[Function] = frozenset()
    with_unborn: bool = False
    instead_of_others: bool = False
    """Ends the involvements of other teams of that function with the same person."""
    cites: str

    def applies(self, kind: str | None, function: Function, sender: Function) -> bool:
        """Whether the rule is for this kind of the event, a team of this function, and this sender's word."""
        return (not self.functions or function in self.functions) and self.holds(kind, sender)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsibilityRule(OnWord):
    """What an event does to who is responsible for its subjects (F3).

    `team`: the sender's, or the general practice registered with. `takes`: that team is responsible from now on.
    `ends`: nobody is, if that team was. `functions`: only teams of these. `with_unborn`: also for the subject's unborn children.
    """

    effect: Literal["takes", "ends"]
    team: Literal["sender", "practice"] = "sender"
    functions: frozenset[Function]
    with_unborn: bool = False
    first_only: bool = False
    """Takes only where nothing was ever said of who is responsible."""
    stays_in_transfer: bool = False
    """Ends nothing for whom the team has a transfer open: until that is confirmed the team stays responsible."""
    why: Unheld | None = None
    """Why nobody is responsible, of what ends."""
    cites: str

    def applies(self, kind: str | None, function: Function, sender: Function) -> bool:
        """Whether the rule is for this kind of the event, a team of this function, and this sender's word."""
        return function in self.functions and self.holds(kind, sender)


HOUSEHOLD: Final = "household"
"""Stands among the facts of a need for a statement of who lives there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that a receiver must be told, by any one of these facts."""

    facts: frozenset[str]
    of: Literal["person", "home"]
    until: timedelta | None = None
    """Of persons below this age only, the unborn excepted; None: of everybody."""
    words: str
    """What to call it when it is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRule:
    """One kind of transfer: which events between which functions, and what the receiver needs."""

    name: str
    events: frozenset[Event]
    senders: frozenset[Function]
    receivers: frozenset[Function]
    lines: Literal["children", "born-children", "subjects"]
    """Whom it covers: every child of the household, those born, or the adults that it is about."""
    needs: tuple[Need, ...]
    cites: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfers:
    """What the policy says of transfers."""

    rules: tuple[TransferRule, ...]
    """The first that fits counts."""
    supply_within: Term
    """How long the sender has to supply what is missing."""
    caretaking_at_most: timedelta
    """The furthest review date of a caretaking (F3)."""
    summary: tuple[str, ...]
    """Facts that a summary for the parent-held record may show, in this order."""

    def rule(self, event: Event, sender: Function, receiver: Function) -> TransferRule | None:
        """The kind of transfer that such an event between such teams is; None when it is none."""
        for rule in self.rules:
            if event in rule.events and sender in rule.senders and receiver in rule.receivers:
                return rule
        return None

    def is_transfer(self, event: Event, sender: Function) -> bool:
        """Whether such an event from such a team may be one."""
        return any(event in rule.events and sender in rule.senders for rule in self.rules)


class Roles(Mapping[str, RoleKind]):
    """Roles by code or in words: `Health Visitor` finds `health-visitor`."""

    def __init__(self, kinds: Mapping[str, RoleKind]) -> None:
        """`kinds`: role codes, in lower case with hyphens."""
        self._kinds = dict(kinds)

    def __getitem__(self, role: str) -> RoleKind:
        """The kind of a role; KeyError for one that is not listed."""
        return self._kinds["-".join(role.casefold().replace("-", " ").split())]

    def __iter__(self) -> Iterator[str]:
        """The codes."""
        return iter(self._kinds)

    def __len__(self) -> int:
        """How many roles are listed."""
        return len(self._kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Labels and what they do."""

    not_for_family: str
    """Put on what must not be shown to patient or family (principle 13)."""
    categories: frozenset[Category]
    """Facts of these categories are so marked."""
    addressed_only: frozenset[str]
    """The professional's view that nobody but those addressed is told (principle 8)."""
    copied: frozenset[str]
    """Labels of the sender that recipients see."""


Limits: TypeAlias = Mapping[tuple[Group, Relation, About], frozenset[View]]
"""The most that sharing allows, whatever a line proposes."""

_LONGEST_DEFAULT: Final = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One policy, in force as a whole under its version."""

    version: str
    events: Mapping[Event, EventRules]
    groups: Mapping[Function, Group]
    only_with_child: frozenset[Function]
    """Child-facing for a child, an unborn child or its mother; else adult-only (the GP of the child)."""
    views: Mapping[View, frozenset[Category]]
    limits: Limits
    never: Mapping[Group, frozenset[Category]]
    """Categories that a group is not told even in a full view, unless somebody addressed it."""
    universal: tuple[Universal, ...]
    visible: Mapping[Group, frozenset[Function]]
    """Functions whose part in a notification a viewer of the group may know (principle 9)."""
    contacts: tuple[Function, ...]
    """Whom a pointer names, the first that there is."""
    hold: Hold
    marks: Marks
    deadlines: Mapping[Priority, Term]
    clocks: tuple[ClockRule, ...]
    """The first that fits a task counts; the last fits every one."""
    out_of_hours: OutOfHours
    own_asks: OwnAsks
    mobile_from_days: int
    """Age at which a child is taken to move about by itself unless somebody says otherwise."""
    involvement: Mapping[Event, tuple[InvolvementRule, ...]]
    responsibility: Mapping[Event, tuple[ResponsibilityRule, ...]]
    transfers: Transfers
    chronology: ChronologyRules
    reports: Reporting
    expectations: Expectations
    patterns: Patterns
    lookup_silence: timedelta
    """How long a record that was asked for elsewhere may stay unanswered before people are told."""
    retention: Retention
    lapses: Mapping[Function, timedelta | None]
    """How long an involvement counts as current without anything that renews it; None: until it is ended."""
    roles: Roles
    guidance: Mapping[str, str]
    """Short names that lines cite, and what they stand for."""

    @property
    def standing_events(self) -> frozenset[Event]:
        """Events that are routed again when the household changes."""
        return frozenset(event for event, rules in self.events.items() if rules.standing)

    @property
    def longest_standing_days(self) -> int:
        """How far back such events may lie."""
        return max(
            (rules.standing or _LONGEST_DEFAULT for rules in self.events.values()), default=_LONGEST_DEFAULT
        ).days

    def still_stands(self, message: Message, received_at: datetime, now: datetime) -> bool:
        """Whether a notification is to be routed again when its household changes."""
        standing = self.events[message.event].standing
        return standing is not None and received_at + standing > now

    def lapsed(self, function: Function, renewed_at: datetime, now: datetime) -> bool:
        """Whether nothing has renewed an involvement in time (principle 3)."""
        after = self.lapses[function]
        return after is not None and renewed_at + after < now
