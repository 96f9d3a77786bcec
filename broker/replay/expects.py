"""What a scenario expects of Baton: a task, a message, a rung, a standing, a holder, a row of a report, a refusal, or never; judged in `judge.py`."""

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from pydantic import model_validator

from broker.domain.states import Unheld
from broker.replay.forms import Case, Entry, Moment, Name, Names, Span, Waits, Within, Words, exactly_one
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
    without: Words = ()
    """Words that do not."""
    priority: Priority | None = None
    due_within: Within | None = None
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


class Flagged(Entry):
    """A flag about somebody that a team holds."""

    person: Name
    team: Name
    rule: Name | None = None
    """The pattern that it is for; without it, any."""


class PatternLists(Entry):
    """A pattern that is open, about which a team is asked, and the events that its task shows."""

    rule: Name
    team: Name
    about: Name | None = None
    """Whom the team's task names."""
    lists: Names = ()
    """Steps whose messages the team sees among its evidence."""


class Reported(Entry):
    """Somebody is in a report, as the team gets it at a time."""

    report: Literal["births", "agenda", "expectations"]
    team: Name
    about: Name
    saying: Words = ()
    """Words that stand in the row."""


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
    flagged: Flagged | None = None
    stands: Stands | None = None
    """At the end of the period, or `at` a time."""

    @model_validator(mode="after")
    def _one(self) -> "Never":
        exactly_one(self, ("raised", "told", "climbed", "flagged", "stands"))
        return self


Pattern: TypeAlias = (
    Raised | Climbed | Stands | MessagePattern | Responsible | Flagged | PatternLists | Reported | Refused
)


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
    flagged: Flagged | None = None
    pattern: PatternLists | None = None
    reported: Reported | None = None
    refused: Refused | None = None
    never: Never | None = None
    at: Moment | None = None
    """For `stands`, `responsible`, `flagged`, `pattern` and `reported`; without it, when the step has been done."""
    from_: Moment | None = None
    until: Moment | None = None
    within: Span | None = None
    """Up to so long after the step that it stands at; without `until` and `within`, at once."""
    not_yet: Waits | None = None
    """It is known that Baton does not do this yet, and what it waits for. Then `says` alone will do."""

    @model_validator(mode="after")
    def _one(self) -> "Expect":
        in_words = self.not_yet and self.says and all(getattr(self, kind) is None for kind in KINDS_OF_EXPECT)
        if not in_words:
            exactly_one(self, KINDS_OF_EXPECT)
        return self


KINDS_OF_EXPECT: Final = (
    "raised",
    "told",
    "climbed",
    "stands",
    "responsible",
    "flagged",
    "pattern",
    "reported",
    "refused",
    "never",
)


def said(asked: Expect | Never) -> Pattern | None:
    """The one thing that is expected, or never; None when it stands in words only."""
    found: Iterator[Pattern] = (one for kind in KINDS_OF_EXPECT[:-1] if (one := getattr(asked, kind, None)) is not None)
    return next(found, None)
