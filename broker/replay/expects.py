"""What a scenario expects of Baton: a task, a message, a rung, a standing, a holder, a refusal, or never; judged in `judge.py`."""

from typing import Final, TypeAlias

from pydantic import model_validator

from broker.domain.states import Unheld
from broker.replay.forms import Case, Entry, Issue, Moment, Name, Span, Words, exactly_one
from schemas.codes import Function, Priority, TaskCode


class TaskPattern(Entry):
    """Which task is meant: whatever is left out may be anything."""

    task: TaskCode | None = None
    owner: Name | None = None
    asked_by: Name | None = None
    about: Name | None = None
    of: Name | None = None
    """The step whose message it follows from."""
    saying: Words = ()
    """Words that stand in its text, however they are spelled in capitals."""
    priority: Priority | None = None
    due_within: Span | None = None
    """It is due at most so long after it was raised."""


class MessagePattern(Entry):
    """Which message is meant."""

    team: Name
    of: Name | None = None
    saying: Words = ()
    """Words that stand in it as this team gets it."""
    without: Words = ()
    """Words that do not."""


class Raised(TaskPattern):
    """A task that is raised."""


class Climbed(TaskPattern):
    """A task that is escalated because nobody answered."""

    to: Name | None = None
    """The team that is told."""


class Stands(TaskPattern):
    """How a task stands at a time: FHIR statuses and our own words for what FHIR has none for, `overdue` and `escalated` among them."""

    is_: Words = ()
    is_not: Words = ()


class Responsible(Entry):
    """Who holds a person in a function, or why nobody does."""

    person: Name
    function: Function
    team: Name | None = None
    nobody: Unheld | None = None


class Refused(Entry):
    """What a step says is refused."""

    step: Name | None = None
    """Without it, the step that the expect line stands at."""
    saying: Words = ()


class Never(Entry):
    """None of this happens."""

    raised: Raised | None = None
    told: MessagePattern | None = None
    climbed: Climbed | None = None

    @model_validator(mode="after")
    def _one(self) -> "Never":
        exactly_one(self, ("raised", "told", "climbed"))
        return self


Pattern: TypeAlias = Raised | Climbed | Stands | MessagePattern | Responsible | Refused


class Expect(Entry):
    """One thing expected of Baton: what, and when. It is judged at its last moment."""

    id: Name
    case: Case | None = None
    says: str = ""
    """The same for people."""
    raised: Raised | None = None
    told: MessagePattern | None = None
    climbed: Climbed | None = None
    stands: Stands | None = None
    responsible: Responsible | None = None
    refused: Refused | None = None
    never: Never | None = None
    at: Moment | None = None
    """For `stands` and `responsible`; without it, when the step has been done."""
    from_: Moment | None = None
    until: Moment | None = None
    within: Span | None = None
    """Up to so long after the step that it stands at; without `until` and `within`, at once."""
    not_yet: Issue | None = None
    """It is known that Baton does not do this yet."""

    @model_validator(mode="after")
    def _one(self) -> "Expect":
        exactly_one(self, KINDS_OF_EXPECT)
        return self


KINDS_OF_EXPECT: Final = ("raised", "told", "climbed", "stands", "responsible", "refused", "never")


def said(asked: Expect | Never) -> Pattern:
    """The one thing that is expected, or never."""
    found: Pattern = next(one for kind in KINDS_OF_EXPECT[:-1] if (one := getattr(asked, kind, None)) is not None)
    return found
