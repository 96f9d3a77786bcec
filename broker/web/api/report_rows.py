"""What `/reports/…` shows, as rows of JSON and as lines of CSV; persons by id, and by name only to a team that may look them up."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Final

from pydantic import Field

from broker.domain.states import ExpectationState
from broker.domain.tasks import overdue
from broker.domain.timeliness import Timeliness
from broker.domain.world import Directory
from broker.storage.birth_report import BirthState
from broker.storage.task_values import Stored
from broker.web.api.chronology_shown import LineShown, line_shown
from broker.web.api.handover_rows import Shown, duration, moment
from broker.web.csv_text import Cell
from broker.workflow import view
from broker.workflow.agenda import Family
from broker.workflow.birth_report import BirthRow
from broker.workflow.expectation_report import ExpectationRow
from schemas.codes import Event, Priority, TaskCode, TaskStatus


class BirthShown(Shown):
    """A child who is expected, or was born lately and is not known to be registered with a practice."""

    person: str
    name: str | None = Field(description="To a team that may look the child up; null to an auditor")
    state: BirthState
    day: date = Field(description="Of birth, or on which it is expected")
    weeks: int | None = Field(description="Completed weeks of age; null while expected")
    late: bool = Field(description="Older than a child is by when it must be registered")
    stated_practice: str | None = Field(
        description="ODS code of the practice that somebody has named; it has not said itself that it registered the child"
    )
    mother: str | None
    households: list[str]
    health_visiting: str | None = Field(description="The team that is responsible, where the caller may know")


class TimelinessShown(Shown):
    """One agency's handovers of one kind and period, those taken back by their sender left out."""

    period: date = Field(description="Its first day, UTC")
    agency: str = Field(description="Whose teams must answer")
    kind: Event | None
    sent: int
    answered: int = Field(description="Acknowledged or declined by a professional")
    declined: int
    in_time: int = Field(description="Answered by the time they were due")
    late: int = Field(description="Answered after it")
    overdue: int = Field(description="Due and not answered")
    waiting: int = Field(description="Neither due nor answered")
    share_in_time: float | None = Field(description="Of those answered or overdue; null when there are none")
    median: str | None = Field(
        description="Time to answer, ISO 8601 in whole minutes: half of the answers came within it"
    )
    ninetieth: str | None = Field(description="Nine of ten did")


class ExpectationShown(Shown):
    """Something that should come and has not."""

    id: str
    rule: str = Field(description="Its name in the policy")
    person: str
    name: str | None = Field(description="To a team that may look the person up; null to an auditor")
    state: ExpectationState
    owed_by: str = Field(description="A team, or a function of which the team is found when it is asked")
    due: datetime
    alerts: int = Field(description="How often it was asked for")
    next_look: datetime | None
    task: str | None
    cites: str


class PersonShown(Shown):
    """Somebody of a family on the agenda."""

    person: str
    name: str | None
    born: date | None
    expected: date | None


class TaskShown(Shown):
    """An open task that the team may see; at /fhir/Task/{id} is all of it."""

    id: str
    code: TaskCode
    owner: str
    status: TaskStatus
    priority: Priority
    due: datetime | None
    overdue: bool
    level: int
    text: str


class MissedShown(Shown):
    """What was expected and has not come."""

    rule: str
    person: str
    due: datetime
    alerts: int
    cites: str


class PatternShown(Shown):
    """An open pattern of which the team holds a flag: events that together are a reason to talk."""

    rule: str
    person: str
    opened: datetime


class FamilyShown(Shown):
    """One household on the agenda."""

    household: str
    because: list[str] = Field(description="What brings it on: concern, pattern, event, task, missed")
    persons: list[PersonShown]
    concerns: list[LineShown]
    events: list[LineShown] = Field(description="What the team has come to know since the last meeting")
    tasks: list[TaskShown]
    missed: list[MissedShown]
    patterns: list[PatternShown]


AGENDA_COLUMNS: Final = ("household", "what", "code", "at", "about", "owner", "text")


def birth(row: BirthRow) -> BirthShown:
    """As it is shown."""
    return BirthShown(
        person=row.person,
        name=row.name,
        state=row.state,
        day=row.day,
        weeks=row.weeks,
        late=row.late,
        stated_practice=row.stated_practice,
        mother=row.mother,
        households=list(row.households),
        health_visiting=row.visitors,
    )


def timeliness(row: Timeliness) -> TimelinessShown:
    """As it is shown."""
    return TimelinessShown(
        period=row.start.date(),
        agency=row.agency,
        kind=row.kind,
        sent=row.sent,
        answered=row.answered,
        declined=row.declined,
        in_time=row.in_time,
        late=row.late,
        overdue=row.overdue,
        waiting=row.waiting,
        share_in_time=None if row.share is None else round(row.share, 4),
        median=None if row.median is None else duration(row.median),
        ninetieth=None if row.ninetieth is None else duration(row.ninetieth),
    )


def expectation(row: ExpectationRow) -> ExpectationShown:
    """As it is shown."""
    return ExpectationShown(
        id=row.id,
        rule=row.rule,
        person=row.person,
        name=row.name,
        state=row.state,
        owed_by=row.owed_by,
        due=row.due,
        alerts=row.alerts,
        next_look=row.next_look,
        task=row.task,
        cites=row.cites,
    )


def family(row: Family, directory: Directory, now: datetime) -> FamilyShown:
    """As it is shown."""
    return FamilyShown(
        household=row.household,
        because=list(row.because),
        persons=[
            PersonShown(person=one.id, name=view.name_of(one), born=one.born, expected=one.expected)
            for one in row.persons
        ],
        concerns=[line_shown(line, directory) for line in row.concerns],
        events=[line_shown(line, directory) for line in row.events],
        tasks=[_task(task, now) for task in row.tasks],
        missed=[
            MissedShown(
                rule=one.rule.name, person=one.person_id, due=one.due_at, alerts=one.alerts, cites=one.rule.cites
            )
            for one in row.missed
        ],
        patterns=[PatternShown(rule=one.rule, person=one.person_id, opened=one.opened_at) for one in row.patterns],
    )


def _task(task: Stored, now: datetime) -> TaskShown:
    row = task.row
    return TaskShown(
        id=row.id,
        code=row.code,
        owner=row.owner_team_id,
        status=row.status,
        priority=row.priority,
        due=row.due_at,
        overdue=overdue(row.status, row.due_at, now),
        level=row.level,
        text=task.content.get("description", ""),
    )


def agenda_lines(row: FamilyShown) -> Iterator[Mapping[str, Cell]]:
    """A line of CSV for each thing to speak of."""
    for what, lines in (("concern", row.concerns), ("event", row.events)):
        for one in lines:
            said = [str(fact.value) for fact in one.facts if isinstance(fact.value, str)]
            yield _line(row, what, one.event.value, one.at, one.about, one.sender.team if one.sender else None, said)
    for pattern in row.patterns:
        yield _line(row, "pattern", pattern.rule, pattern.opened, [pattern.person], None, [])
    for task in row.tasks:
        yield _line(row, "task", task.code.value, task.due, [], task.owner, [task.text])
    for missed in row.missed:
        yield _line(row, "missed", missed.rule, missed.due, [missed.person], None, [])


def _line(
    row: FamilyShown, what: str, code: str, at: datetime | None, about: list[str], owner: str | None, text: list[str]
) -> Mapping[str, Cell]:
    cells = (row.household, what, code, moment(at), "; ".join(about), owner, "; ".join(text))
    return dict(zip(AGENDA_COLUMNS, cells, strict=True))
