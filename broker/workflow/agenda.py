"""The agenda of a practice's or a team's meeting (F22): families of its list with concerns, open tasks, what was missed, and what has happened since the last one.

Everything on it is what the team may see in the family's chronology and among tasks, and nothing else brings a family on it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.tasks import overdue
from broker.domain.world import KnownPerson, Team
from broker.storage import agenda, audit, patterns
from broker.storage.agenda import AgendaQuery
from broker.storage.task_values import Scope, Stored
from broker.workflow import chronology, view
from broker.workflow.chronology import Chronology, Line, Missed
from broker.workflow.context import Context
from schemas.codes import Priority, TaskCode

NAME: Final = "agenda"
AT_ONCE: Final = 50
"""Households looked at for one page of fewer."""
_SPOKEN_OF: Final = frozenset(
    {TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD, TaskCode.PATTERN_REVIEW, TaskCode.EXPECTED_EVENT, TaskCode.CONFIRM_CHILD}
)
"""Tasks that a meeting speaks of whatever their priority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """An open pattern about somebody."""

    rule: str
    person_id: str
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One household on the agenda."""

    household: str
    persons: tuple[KnownPerson, ...]
    """Those of it whom the team sees."""
    concerns: tuple[Line, ...]
    events: tuple[Line, ...]
    """What the team has come to know since the last meeting."""
    tasks: tuple[Stored, ...]
    """Open ones that the team may see, the soonest due first."""
    missed: tuple[Missed, ...]
    """What was expected and has not come."""
    patterns: tuple[Flagged, ...]
    """Open patterns of which the team holds a flag, the oldest first."""

    @property
    def because(self) -> tuple[str, ...]:
        """What brings it on the agenda."""
        found = {
            "concern": self.concerns,
            "pattern": self.patterns,
            "event": self.events,
            "task": self.tasks,
            "missed": self.missed,
        }
        return tuple(name for name, what in found.items() if what)


def page(
    session: Session, ctx: Context, caller: Caller, *, since: datetime, after: str | None, limit: int, now: datetime
) -> tuple[list[Family], str | None]:
    """Families behind that household, and the last one looked at when there may be more; an audit row for the search and for each that is shown.

    A page may have fewer than asked for, and none, while more follow: of whom the team sees nothing, nothing is said.
    """
    rules = ctx.policy.reports
    oldest = min(since, now - rules.concerns_for)
    query = AgendaQuery(
        team=caller.team or "",
        events=rules.events | rules.concerns,
        since=oldest,
        after=after,
        limit=AT_ONCE,
    )
    found: list[Family] = []
    homes = agenda.households(session, query)
    following = homes[-1] if len(homes) == AT_ONCE else None
    for household_id in homes:
        family = of_household(session, ctx, caller, household_id, since, now)
        if family is not None and family.because:
            found.append(family)
            _note(session, caller, family, now)
        if len(found) == limit:
            following = household_id if household_id != homes[-1] else following
            break
    patients = sorted({person.id for family in found for person in family.persons})
    detail = {"report": NAME, "found": [family.household for family in found], audit.PATIENTS: patients}
    audit.record(session, action="search", entity="household", entity_id=None, now=now, caller=caller, detail=detail)
    return found, following


def of_household(
    session: Session, ctx: Context, caller: Caller, household_id: str, since: datetime, now: datetime
) -> Family | None:
    """One household as the agenda of the caller's team has it; None when the team may not know of it."""
    home = view.home(session, ctx, caller, household_id, now)
    if home is None:
        return None
    found = chronology.of_home(session, ctx, home, household_id, now)
    scope = Scope(team=home.team.id)
    tasks = agenda.open_tasks(session, ctx.codec, sorted(home.seen.persons), household_id, scope)
    shown = {line.notification: line for line in found.lines}
    spoken_of = {task.row.notification_id for task in tasks}
    rules = ctx.policy.reports
    concerns = [
        line
        for line in found.lines
        if line.message.event in rules.concerns
        and (line.at >= now - rules.concerns_for or line.notification in spoken_of)
    ]
    events = [line for line in shown.values() if line.message.event in rules.events and line.known_at >= since]
    return Family(
        household=household_id,
        persons=tuple(home.world.people[id_] for id_ in sorted(home.seen.persons)),
        concerns=tuple(concerns),
        events=tuple(line for line in events if line not in concerns),
        tasks=tuple(task for task in tasks if _matters(task, now)),
        missed=_still(found),
        patterns=tuple(_patterns(session, home.team, home.seen.persons)),
    )


def _patterns(session: Session, team: Team, persons: Iterable[str]) -> Iterator[Flagged]:
    for person in sorted(persons):
        for flag, pattern in reversed(patterns.held_by(session, team.id, person) if team.honours_marks else []):
            if flag.withdrawn_at is None:
                yield Flagged(rule=pattern.rule, person_id=person, opened_at=flag.opened_at)


def _still(found: Chronology) -> tuple[Missed, ...]:
    return tuple(one for one in found.missed if one.ended_at is None)


def _matters(task: Stored, now: datetime) -> bool:
    """More than a routine message that waits in its time to be answered."""
    row = task.row
    return (
        row.code in _SPOKEN_OF
        or row.priority is not Priority.ROUTINE
        or row.level > 0
        or overdue(row.status, row.due_at, now)
    )


def _note(session: Session, caller: Caller, family: Family, now: datetime) -> None:
    shown = sorted({line.notification for line in (*family.concerns, *family.events)})
    audit.record(
        session,
        action="read",
        entity="household",
        entity_id=family.household,
        now=now,
        caller=caller,
        detail={
            "report": NAME,
            "chronology": shown,
            "tasks": [task.row.id for task in family.tasks],
            audit.PATIENTS: [person.id for person in family.persons],
        },
    )
