"""What storage says of a task, as values: its row with its opened content, its events, and whose eyes see it; no queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NotRequired, TypedDict

from broker.domain.states import View
from broker.domain.tasks import BusinessStatus, RoleKind, TaskNow
from broker.domain.transfers import Supplied
from broker.storage.tables import Task
from schemas.codes import Function, TaskCode, TaskStatus

HELD_BY = "held-by"
"""Among a task's options: the practitioner an agreed action was given to, by name and role. The task stays the team's."""


REPORTERS = "reporters"
"""Among a task's options: who reported what it is about, by name, where whoever did may not close it."""


class Who(TypedDict):
    """Who did something, as the agency asserts, and when (ISO 8601)."""

    name: str
    role: str
    kind: str
    at: str


class Note(TypedDict):
    """A remark on a task."""

    text: str
    by: Who
    team: str


class Question(TypedDict):
    """A question back and, once it came, its answer."""

    task: str
    text: str
    by: Who
    answer: NotRequired[str]
    answered_by: NotRequired[Who]
    declined: NotRequired[str]


class Exclusion(TypedDict):
    """That a person is not part of a transfer, as one side says; the other agrees or not."""

    team: str
    reason: str
    text: str
    by: Who
    agreed_by: NotRequired[Who]


class Counted(TypedDict):
    """How many persons a transfer has, and how many of them are confirmed."""

    of: int
    confirmed: int


class Content(TypedDict, total=False):
    """What the sealed column of a task holds."""

    description: str
    options: dict[str, str | list[str]]
    opened: Who
    answered: Who
    closed: Who
    """The lead who ended what nobody of the team had answered."""
    meaning: str
    because: str
    """Reason of a decline in words."""
    conversation: dict[str, str]
    actions: list[str]
    """Ids of the agreed actions' tasks."""
    questions: list[Question]
    answer: str
    discussion: dict[str, str | None]
    decision: dict[str, Any]
    choice: str
    notes: list[Note]
    caretaking: Note
    exclusion: Exclusion
    lines: Counted
    last: str
    """Fingerprint of the last request that moved it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose eyes: a team's own tasks and those it waits for, or everything (auditors)."""

    team: str | None
    everything: bool = False


EVERYTHING: Final = Scope(team=None, everything=True)
"""The eyes of Baton itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A task as it is read: its row, its content, and what its delivery says of who may know what."""

    row: Task
    content: Content
    known_to_sender: bool
    view: View | None
    """View of the delivery that carries it; None for a task with a message of its own."""

    @property
    def requester(self) -> str | None:
        """The team that waits and may know of this one; None also when the sender may not know that this team was told."""
        return self.row.requester_team_id if self.known_to_sender else None

    @property
    def business_status(self) -> BusinessStatus | None:
        """What has been made of it, as its row says."""
        business = self.row.business_status
        return BusinessStatus(business) if business else None

    def now(self) -> TaskNow:
        """What its moves depend on."""
        opened = self.content.get("opened")
        options = self.content.get("options", {})
        return TaskNow(
            code=TaskCode(self.row.code),
            status=TaskStatus(self.row.status),
            version=self.row.version,
            owner=self.row.owner_team_id,
            requester=self.requester,
            priority=self.row.priority,
            due_at=self.row.due_at,
            business_status=self.business_status,
            asking=any("answered_by" not in question for question in self.content.get("questions", ())),
            excluding=self._excluding(),
            elsewhere=options.get("supplied") == Supplied.ELSEWHERE,
            opened_as=RoleKind(opened["kind"]) if opened else None,
            choices=frozenset(options.get("choices", ())),
            functions=frozenset(map(Function, options.get("functions", ()))),
            reporters=frozenset(options.get(REPORTERS, ())),
            last=self.content.get("last"),
        )

    def _excluding(self) -> str | None:
        """Who proposed an exclusion that the other side has not answered."""
        proposed = self.row.business_status == BusinessStatus.EXCLUSION_PROPOSED
        return self.content["exclusion"]["team"] if proposed and "exclusion" in self.content else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One event of a task. `detail` is what it brought, as JSON values."""

    version: int
    move: str
    at: datetime
    team_id: str | None
    client_name: str | None
    detail: Mapping[str, Any]
