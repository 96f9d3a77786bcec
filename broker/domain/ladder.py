"""Who is told when nobody answers: the rungs that a task climbs once its due date has passed, by the policy's ladder."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from broker.domain.rules import Rung
from broker.domain.world import Directory, Team
from schemas.codes import Function


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """The rungs reached by now, lowest first, and when the next one is; None when there is no further one."""

    rungs: tuple[Rung, ...]
    next_at: datetime | None


def climb(ladder: Sequence[Rung], due_at: datetime, level: int, now: datetime) -> Climb:
    """What has come since the task stood on `level`. A clock that was stopped finds several rungs at once."""
    above = ladder[level:]
    reached = tuple(rung for rung in above if due_at + rung.after <= now)
    left = above[len(reached) :]
    return Climb(rungs=reached, next_at=due_at + left[0].after if left else None)


def whom(rung: Rung, owner: Team, directory: Directory) -> Team | None:
    """The team that a rung names for a task of `owner`; None when there is none to reach, which is itself an incident."""
    match rung.to:
        case "team":
            return None if owner.closed else owner
        case "lead":
            return directory.safeguarding_lead(owner.agency_id)
        case "partnership":
            return directory.provider(owner.area_id, Function.PARTNERSHIP)
