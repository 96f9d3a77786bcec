"""What a decision asks for, as values that storage turns into rows; no rule lives here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from schemas.codes import Priority, TaskCode, TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """Asked of one household: not while the last such question is open."""

    again: timedelta | None
    """Nor within this time of the last one, though it was answered; None: answered is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWanted:
    """A task that a rule raises. `dedupe_key` names the one situation it is for: the same key again raises nothing."""

    code: TaskCode
    owner: str
    """Team id."""
    description: str
    """For people; never a name or an identifier (those are reached through person and notification)."""
    dedupe_key: str | None = None
    once: Once | None = None
    """`dedupe_key` names a question to a household, not the message that asks it."""
    requester: str | None = None
    person_id: str | None = None
    household_id: str | None = None
    notification_id: str | None = None
    delivery_id: str | None = None
    """The delivery that carries the task with its notification; None: the task's own message is sent."""
    part_of: str | None = None
    priority: Priority = Priority.ROUTINE
    due_at: datetime | None = None
    status: TaskStatus | None = None
    """How it begins, when not as its kind does."""
    business_status: str | None = None
    cites: str = ""
    clocks: str | None = None
    """Its clocks as they are kept with it (`domain.clocks`); None: those of the policy in force."""
    deliver_within: str | None = None
    deliver_by: datetime | None = None
    open_by: datetime | None = None
    remind_at: datetime | None = None
    covers_at: datetime | None = None
    options: Mapping[str, str | list[str]] = field(default_factory=dict)
    """What the answer chooses among, by ids: candidate persons, households, memberships, deliveries, problem paths."""
