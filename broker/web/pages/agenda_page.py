"""What a meeting's agenda shows of each family, made of what the team may see of it; pure, and without markup."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from broker.domain.world import Directory
from broker.storage.task_values import Stored
from broker.web.pages import words
from broker.web.pages.task_page import Part, Said, said_of
from broker.web.pages.task_words import ASKS, due_at, standing, tags, what, who
from broker.workflow.agenda import Family
from broker.workflow.chronology import Line
from schemas.codes import TaskCode

_BECAUSE: Final = {
    "concern": "a concern",
    "pattern": "a pattern",
    "event": "something new",
    "task": "something to do",
    "missed": "something that did not come",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something that happened."""

    at: datetime
    what: str
    sender: str
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyView:
    """One family."""

    href: str
    people: tuple[str, ...]
    because: str
    concerns: tuple[Told, ...]
    events: tuple[Told, ...]
    tasks: tuple[Part, ...]
    missed: tuple[str, ...]
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaView:
    """The page."""

    since: date
    families: tuple[FamilyView, ...]
    first: str
    next: str
    wrong: str
    """What is wrong with the date that was asked for."""


def family_view(family: Family, directory: Directory, now: datetime) -> FamilyView:
    """A family as it is shown."""
    people = {person.id: who(person, now) for person in family.persons}
    return FamilyView(
        href=f"/app/households/{family.household}",
        people=tuple(people.values()),
        because=", ".join(_BECAUSE[one] for one in family.because),
        concerns=tuple(_told(family.concerns, directory, facts=True)),
        events=tuple(_told(family.events, directory, facts=False)),
        tasks=tuple(_to_do(task, directory, now) for task in family.tasks),
        missed=tuple(
            f"{_of(people.get(one.person_id))}{words.plain(one.rule.name)} was due by {words.day(one.due_at)}"
            for one in family.missed
        ),
        patterns=tuple(
            f"{_of(people.get(one.person_id))}{words.plain(one.rule)}, open since {words.day(one.opened_at)}"
            for one in family.patterns
        ),
    )


def _of(person: str | None) -> str:
    return f"{person}: " if person else ""


def _told(lines: Sequence[Line], directory: Directory, *, facts: bool) -> Iterator[Told]:
    """The latest first."""
    for line in reversed(lines):
        sender = directory.teams.get(line.message.sender or "")
        yield Told(
            at=line.at,
            what=what(line.message.event, line.message.kind),
            sender=sender.name if sender else "",
            said=tuple(said_of(line.message)) if facts else (),
        )


def _to_do(task: Stored, directory: Directory, now: datetime) -> Part:
    return Part(
        href=f"/app/tasks/{task.row.id}",
        asks=task.content.get("description", "") or ASKS[TaskCode(task.row.code)],
        who=directory.teams[task.row.owner_team_id].name,
        standing=standing(task),
        due=due_at(task),
        tags=tags(task, now),
    )
