"""Which rungs of a task's ladder are reached, and whom each names; which ladder it has is chosen in `clocks.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from broker.domain.clocks import Rung, Target
from broker.domain.terms import Calendar
from broker.domain.world import Directory, Team
from schemas.codes import Function


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """The rungs reached by now, lowest first, and when the next one is; None when there is no further one."""

    rungs: tuple[Rung, ...]
    next_at: datetime | None


def climb(ladder: Sequence[Rung], due_at: datetime, level: int, now: datetime, calendar: Calendar) -> Climb:
    """What has come since the task stood on `level`. A clock that was stopped finds several rungs at once."""
    above = ladder[level:]
    reached = tuple(takewhile(lambda rung: rung.wait.after(due_at, calendar) <= now, above))
    left = above[len(reached) :]
    return Climb(rungs=reached, next_at=left[0].wait.after(due_at, calendar) if left else None)


def whom(target: Target, owner: Team, directory: Directory) -> Team | None:
    """The team that a rung names for a task of `owner`; None when there is none to reach, which is itself an incident."""
    match target:
        case Target.TEAM | Target.TEAM_LEAD:
            return None if owner.closed else owner
        case Target.LEAD:
            return directory.safeguarding_lead(owner.agency_id)
        case Target.EXECUTIVE:
            return directory.executive(owner.agency_id)
        case Target.MASH:
            return directory.provider(owner.area_id, Function.MASH)
        case Target.PARTNERSHIP:
            return directory.provider(owner.area_id, Function.PARTNERSHIP)


def who_hears(owner: Team, waits: str | None, directory: Directory) -> Team:
    """Whose it is that nobody could be told: the partnership's, its own lead's, whoever waits, at last the team itself."""
    others = (
        directory.provider(owner.area_id, Function.PARTNERSHIP),
        directory.safeguarding_lead(owner.agency_id),
        directory.teams.get(waits or ""),
    )
    return next((team for team in others if team is not None and not team.closed and team.id != owner.id), owner)
