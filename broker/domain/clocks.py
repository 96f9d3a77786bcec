"""The clocks of a task: by when it is delivered and opened, when its team is reminded, and who is told when nobody answers; chosen once, when it is raised.

They are kept with the task in a short written form, so that a later policy changes nothing of it. When each rung is reached is `ladder.py`'s.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from broker.domain.terms import Calendar, Term, parse
from broker.domain.wanted import TaskWanted
from broker.domain.world import Team
from schemas.codes import Event, Function, Priority, TaskCode


class Target(StrEnum):
    """Whom a rung names."""

    TEAM = "team"  # who owes the answer
    TEAM_LEAD = "team-lead"  # the same team's mailbox, for its lead
    LEAD = "lead"  # the safeguarding lead of its agency
    EXECUTIVE = "executive"  # the executive of its agency who answers for safeguarding
    MASH = "mash"  # the hub of its area
    PARTNERSHIP = "partnership"  # the safeguarding partnership of its area


BEYOND = frozenset(Target) - {Target.TEAM, Target.TEAM_LEAD}
"""Rungs outside of the team: from there on whoever waits is told too."""
LAST = frozenset({Target.MASH, Target.PARTNERSHIP})
"""Where a ladder may end: somebody who answers for all agencies of an area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of escalation: who is told when the due date has passed and a wait beyond it."""

    to: Target
    wait: Term
    needed: bool = True
    """That the directory names nobody is an incident; of some rungs only a row that says so."""

    def __str__(self) -> str:
        """`lead P1D`; with a question mark where nobody need be named."""
        return f"{self.to.value}{'' if self.needed else '?'} {self.wait}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The clocks of one task beside its due date."""

    deliver_within: Term | None = None
    open_within: Term | None = None
    remind_before: Term | None = None
    lapse_after: Term | None = None
    """How long what was agreed may stand still beyond its date before the acknowledgement counts for nothing."""
    rungs: tuple[Rung, ...]

    def __str__(self) -> str:
        """As it is kept with the task; `read` reads it back. Delivery is kept beside it: code of before knows no such word and could not go on."""
        opening = [f"open {self.open_within}"] if self.open_within else []
        reminder = [f"remind {self.remind_before}"] if self.remind_before else []
        lapse = [f"lapse {self.lapse_after}"] if self.lapse_after else []
        return "; ".join([*opening, *reminder, *lapse, *map(str, self.rungs)])

    def delivered_by(self, begun: datetime, due_at: datetime | None, calendar: Calendar) -> datetime | None:
        """By when the team's system has it; None when it is due no later than that."""
        return _within(self.deliver_within, begun, due_at, calendar)

    def opens_by(self, begun: datetime, due_at: datetime | None, calendar: Calendar) -> datetime | None:
        """By when somebody of the team has looked at it; None when it is due no later than that."""
        return _within(self.open_within, begun, due_at, calendar)

    def reminds_at(self, begun: datetime, due_at: datetime | None, calendar: Calendar) -> datetime | None:
        """When the team is reminded; None when that would be in the first half of the time it has."""
        if self.remind_before is None or due_at is None:
            return None
        at = self.remind_before.before(due_at, calendar)
        return at if at >= begun + (due_at - begun) / 2 else None

    def lapses_at(self, actions_due: Collection[datetime], now: datetime, calendar: Calendar) -> datetime | None:
        """When an acknowledgement lapses unless what was agreed gets on; `actions_due`: the dates of what is not done yet."""
        if self.lapse_after is None or not actions_due:
            return None
        return self.lapse_after.after(max(now, min(actions_due)), calendar)


def _within(term: Term | None, begun: datetime, due_at: datetime | None, calendar: Calendar) -> datetime | None:
    by = term.after(begun, calendar) if term else None
    return by if by is not None and due_at is not None and by < due_at else None


@lru_cache(maxsize=1024)
def read(text: str, deliver_within: str | None = None) -> Clocks:
    """What is kept with a task."""
    terms: dict[str, Term] = {}
    rungs = []
    for part in text.split("; "):
        name, _, term = part.partition(" ")
        if name in ("open", "remind", "lapse"):
            terms[name] = parse(term)
        else:
            to = Target(name.removesuffix("?"))
            rungs.append(Rung(to=to, wait=parse(term), needed=not name.endswith("?")))
    return Clocks(
        deliver_within=parse(deliver_within) if deliver_within else None,
        open_within=terms.get("open"),
        remind_before=terms.get("remind"),
        lapse_after=terms.get("lapse"),
        rungs=tuple(rungs),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRule:
    """Which tasks have these clocks: where a set is empty, any."""

    name: str
    functions: frozenset[Function] = frozenset()
    """Of the team that owes the answer."""
    areas: frozenset[str] = frozenset()
    events: frozenset[Event] = frozenset()
    priorities: frozenset[Priority] = frozenset()
    clocks: Clocks
    cites: str
    kept: str = field(init=False, repr=False, compare=False)
    """The clocks as they are kept with a task."""

    def __post_init__(self) -> None:
        """Written once: every task of every message has them."""
        object.__setattr__(self, "kept", str(self.clocks))

    def fits(self, owner: Team, event: Event | None, priority: Priority) -> bool:
        """Whether it is for a task of this team."""
        return (
            (not self.functions or owner.function in self.functions)
            and (not self.areas or owner.area_id in self.areas)
            and (not self.events or event in self.events)
            and (not self.priorities or priority in self.priorities)
        )

    @property
    def for_all(self) -> bool:
        """Whether it fits every task."""
        return not (self.functions or self.areas or self.events or self.priorities)


def chosen(rules: Sequence[ClockRule], owner: Team, event: Event | None, priority: Priority) -> ClockRule:
    """The first rule that fits; the last fits every task."""
    return next(rule for rule in rules if rule.fits(owner, event, priority))


_NEVER_UNOPENED = frozenset({TaskCode.AGREED_ACTION, TaskCode.CONFIRM_CHILD})
"""What a team has set itself, and the lines of what it opens as a whole."""
_NEVER_UNDELIVERED = _NEVER_UNOPENED | {TaskCode.UNDELIVERABLE}
"""And what says that something was not delivered: that of another would go on for ever. It climbs."""
_REMINDED_AS_A_WHOLE = frozenset({TaskCode.CONFIRM_CHILD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The clocks of one task, set."""

    kept: str
    deliver_within: str | None
    deliver_by: datetime | None
    open_by: datetime | None
    remind_at: datetime | None


def set_for(task: TaskWanted, rule: ClockRule, calendar: Calendar, now: datetime) -> Times:
    """What a task that is raised now is to keep."""
    clocks = rule.clocks
    delivered = task.code not in _NEVER_UNDELIVERED and task.notification_id is not None
    opened = task.code not in _NEVER_UNOPENED
    reminded = task.code not in _REMINDED_AS_A_WHOLE
    return Times(
        kept=rule.kept,
        deliver_within=str(clocks.deliver_within) if delivered and clocks.deliver_within else None,
        deliver_by=clocks.delivered_by(now, task.due_at, calendar) if delivered else None,
        open_by=clocks.opens_by(now, task.due_at, calendar) if opened else None,
        remind_at=clocks.reminds_at(now, task.due_at, calendar) if reminded else None,
    )
