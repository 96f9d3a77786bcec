"""A task in a few words: what is asked, how it stands, how pressing it is. The same on every page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from broker.domain.states import PersonState
from broker.domain.tasks import TERMINAL, BusinessStatus
from broker.domain.world import KnownPerson
from broker.storage.task_values import Stored
from broker.web.pages import words
from broker.workflow.task_wire import BUSINESS_STATUS_WORDS
from broker.workflow.view import name_of
from schemas.codes import Event, Priority, TaskCode, TaskStatus

ASKS: Final[dict[TaskCode, str]] = {
    TaskCode.ACKNOWLEDGE: "Read and answer",
    TaskCode.TRANSFER: "Take over care",
    TaskCode.CONFIRM_CHILD: "Take over one person",
    TaskCode.SUPPLY_INFORMATION: "Answer a question",
    TaskCode.AGREED_ACTION: "Do what was agreed",
    TaskCode.EXPECTED_EVENT: "Something expected has not come",
    TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD: "Discuss with the safeguarding lead",
    TaskCode.PATTERN_REVIEW: "Review a pattern",
    TaskCode.CONFIRM_HOUSEHOLD: "Say who lives there",
    TaskCode.CONFIRM_INVOLVEMENT: "Say whether you still work with them",
    TaskCode.RELEASE: "Decide what is released",
    TaskCode.RESOLVE_ADDRESS: "Say which address is right",
    TaskCode.RESOLVE_IDENTITY: "Say who this is",
    TaskCode.UNDELIVERABLE: "A message did not get through",
    TaskCode.DATA_QUALITY: "Mend a message",
}
_STATUS: Final[dict[TaskStatus, str]] = {
    TaskStatus.REQUESTED: "Sent",
    TaskStatus.RECEIVED: "Delivered",
    TaskStatus.ACCEPTED: "Acknowledged",
    TaskStatus.IN_PROGRESS: "In progress",
    TaskStatus.ON_HOLD: "On hold",
    TaskStatus.COMPLETED: "Done",
    TaskStatus.REJECTED: "Declined",
    TaskStatus.CANCELLED: "Ended",
    TaskStatus.ENTERED_IN_ERROR: "Entered in error",
}
_DONE: Final[dict[TaskCode, str]] = {
    TaskCode.ACKNOWLEDGE: "Acknowledged",
    TaskCode.CONFIRM_CHILD: "Taken over",
    TaskCode.SUPPLY_INFORMATION: "Answered",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A state in words; the colour only repeats it."""

    words: str
    colour: str


def asks_of(task: Stored, *, known: bool) -> str:
    """What is asked; in the task's own words where neither whom nor what it is about is `known` to be told apart by."""
    own: str = task.content.get("description", "")
    return ASKS[TaskCode(task.row.code)] if known or not own else own


_ALIKE: Final = frozenset(
    {
        TaskCode.AGREED_ACTION,
        TaskCode.DATA_QUALITY,
        TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD,
        TaskCode.EXPECTED_EVENT,
        TaskCode.PATTERN_REVIEW,
        TaskCode.SUPPLY_INFORMATION,
        TaskCode.UNDELIVERABLE,
    }
)
"""Of these one person may have several at once."""
OWN_WORDS: Final = 110
"""Characters of a task's own words in a list; the whole stands on its page."""


def own_words(task: Stored, *, known: bool) -> str:
    """The beginning of its own words, where there may be others like it and they stand nowhere else (`asks_of`)."""
    own: str = task.content.get("description", "")
    if not known or task.row.code not in _ALIKE:
        return ""
    return own if len(own) <= OWN_WORDS else f"{own[:OWN_WORDS].rsplit(' ', 1)[0]} …"


def standing(task: Stored) -> str:
    """How it stands: its own state where it has one, else its status."""
    kept = task.row.business_status
    status = TaskStatus(task.row.status)
    if kept is None:
        done = _DONE.get(TaskCode(task.row.code)) if status is TaskStatus.COMPLETED else None
        return done or _STATUS[status]
    said = BUSINESS_STATUS_WORDS[BusinessStatus(kept)]
    counted = task.content.get("lines")
    return f"{said}: {counted['confirmed']} of {counted['of']}" if counted else said


def due_at(task: Stored) -> datetime | None:
    """By when something must happen: what was agreed has its own date."""
    return task.row.progress_by or task.row.due_at


def tags(task: Stored, now: datetime) -> tuple[Tag, ...]:
    """What must not be missed, each in words of its own."""
    if task.row.status in TERMINAL:
        return ()
    found = []
    if task.row.priority is not Priority.ROUTINE:
        found.append(Tag(words=words.title(task.row.priority), colour="red"))
    due = due_at(task)
    if due is not None and due < now:
        raised = ", raised to others" if task.row.level else ""
        found.append(Tag(words=f"Overdue by {words.span(now - due)}{raised}", colour="orange"))
    elif due is not None:
        found.append(Tag(words=f"{words.span(due - now)} left", colour="grey"))
    if task.row.business_status == BusinessStatus.NOTHING_SUPPLIED:
        found.append(Tag(words="Nothing supplied", colour="red"))
    return tuple(found)


def who(person: KnownPerson | None, now: datetime) -> str:
    """Somebody by name and age: `Rhys Shaw, 5 months`; an unborn child by when they are expected."""
    if person is None:
        return ""
    if person.state is PersonState.UNBORN:
        expected = f", expected {words.day(person.expected)}" if person.expected else ""
        return f"{name_of(person) or 'Unborn child'}{expected}"
    name = name_of(person) or "Name not known"
    return f"{name}, {words.age(person.born, now.date())}" if person.born else name


def what(event: Event | None, kind: str | None) -> str:
    """What was reported: `Concern: injury`."""
    if event is None:
        return ""
    return words.title(event.value) + (f": {words.plain(kind)}" if kind else "")
