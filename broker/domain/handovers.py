"""A handover: a notification handed to another team, which a professional of that team must answer; what state it is in, and how old it is.

What a team raises for itself, or Baton for anybody, is no handover; a question back is part of the one it is asked about.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from broker.domain.draft import CHILDHOOD
from broker.domain.states import PersonState
from broker.domain.tasks import overdue
from schemas.codes import TaskCode, TaskStatus

CODES: Final = (TaskCode.ACKNOWLEDGE, TaskCode.TRANSFER)
"""Tasks that are handovers, when a team waits for the answer."""
UNANSWERED: Final = (TaskStatus.REQUESTED, TaskStatus.RECEIVED, TaskStatus.IN_PROGRESS, TaskStatus.ON_HOLD)
"""No professional of the receiving team has acknowledged or declined, whatever else was said."""


class HandoverState(StrEnum):
    """Where a handover stands. Overdue and escalated ones are unacknowledged too; the other four exclude each other."""

    UNACKNOWLEDGED = (
        "unacknowledged"  # not answered; delivered, opened, asked back, extended, partly confirmed may all be
    )
    OVERDUE = "overdue"  # unacknowledged, and its due date has passed
    ESCALATED = "escalated"  # unacknowledged, and somebody above the team has been told
    DECLINED = "declined"  # a professional declined it, with a coded reason
    COMPLETE = "complete"  # a professional acknowledged it, or every line was confirmed, or its lead closed it (`closed-by-lead`); agreed actions may still be open
    WITHDRAWN = "withdrawn"  # its sender took it back, or it was entered in error: nobody need answer


ANSWERED: Final = {
    HandoverState.DECLINED: (TaskStatus.REJECTED,),
    HandoverState.COMPLETE: (TaskStatus.ACCEPTED, TaskStatus.COMPLETED),
    HandoverState.WITHDRAWN: (TaskStatus.CANCELLED, TaskStatus.ENTERED_IN_ERROR),
}
"""States that say that nobody waits any more, with the statuses of their tasks."""


def states(status: TaskStatus, due_at: datetime | None, level: int, now: datetime) -> tuple[HandoverState, ...]:
    """Every state that a handover is in, the first of which is its main one."""
    return standing(status, late=overdue(status, due_at, now), escalated=level > 0)


def standing(status: TaskStatus, *, late: bool, escalated: bool) -> tuple[HandoverState, ...]:
    """The same, by whether its due date has passed and whether anybody above the team was told."""
    if status not in UNANSWERED:
        return tuple(state for state, statuses in ANSWERED.items() if status in statuses)
    more = ((HandoverState.OVERDUE, late), (HandoverState.ESCALATED, escalated))
    return (HandoverState.UNACKNOWLEDGED, *(state for state, is_so in more if is_so))


class AgeBand(StrEnum):
    """How long ago a handover was sent."""

    UNDER_24_HOURS = "under-24h"
    ONE_TO_TWO_DAYS = "1-2d"
    TWO_TO_SEVEN_DAYS = "2-7d"
    SEVEN_TO_FOURTEEN_DAYS = "7-14d"
    FOURTEEN_TO_TWENTY_EIGHT_DAYS = "14-28d"
    OVER_28_DAYS = "over-28d"


BANDS: Final = {
    AgeBand.UNDER_24_HOURS: timedelta(days=1),
    AgeBand.ONE_TO_TWO_DAYS: timedelta(days=2),
    AgeBand.TWO_TO_SEVEN_DAYS: timedelta(days=7),
    AgeBand.SEVEN_TO_FOURTEEN_DAYS: timedelta(days=14),
    AgeBand.FOURTEEN_TO_TWENTY_EIGHT_DAYS: timedelta(days=28),
}
"""Each band with the age at which the next begins, which is the next one's; the last has no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A person whom a message names; `id` is of whom they turned out to be when two were one."""

    id: str
    state: PersonState
    born: date | None


def children(named: Iterable[Named], on: date) -> frozenset[str]:
    """Who of them is a child on that day: unborn, or under eighteen."""
    return frozenset(person.id for person in named if _is_child(person, on))


def _is_child(person: Named, on: date) -> bool:
    if person.born is None:
        return person.state in (PersonState.UNBORN, PersonState.PREGNANCY_ENDED)
    return person.born + CHILDHOOD > on


@dataclass(frozen=True, slots=True, kw_only=True)
class LineNow:
    """One child, or one adult, of a transfer."""

    person_id: str | None
    status: TaskStatus

    @property
    def stands(self) -> bool:
        """Not taken out of the transfer."""
        return self.status not in ANSWERED[HandoverState.WITHDRAWN]

    @property
    def confirmed(self) -> bool:
        """A professional of the receiving team has taken the child on."""
        return self.status is TaskStatus.COMPLETED
