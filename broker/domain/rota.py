"""The people of a team: who is there when, and to whom what somebody holds goes when they are not. The task stays the team's (F20)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Gone(StrEnum):
    """Why somebody is not there."""

    LEFT = "left"  # works there no more
    ABSENT = "absent"  # for a time: leave, illness
    SHIFT_OVER = "shift-over"  # bank staff


@dataclass(frozen=True, slots=True, kw_only=True)
class Practitioner:
    """Somebody of a team, as its agency tells us."""

    id: str
    team_id: str
    name: str
    role: str
    cover_id: str | None = None
    """Who of the team does their work while they are away."""
    absent_from: datetime | None = None
    absent_until: datetime | None = None
    """None with `absent_from`: until further notice."""
    shift_ends: datetime | None = None
    left_at: datetime | None = None

    @property
    def held_as(self) -> str:
        """How a task names who holds it."""
        return f"{self.name}, {self.role}"

    def gone(self, now: datetime) -> Gone | None:
        """Why they are not there; None while they are."""
        if self.left_at is not None and self.left_at <= now:
            return Gone.LEFT
        if self.shift_ends is not None and self.shift_ends <= now:
            return Gone.SHIFT_OVER
        if self.absent_from is not None and self.absent_from <= now:
            return None if self.absent_until is not None and self.absent_until <= now else Gone.ABSENT
        return None

    def holds(self, held_by: str | None) -> bool:
        """Whether a task so held is theirs: by name and role, or by name alone."""
        return held_by is not None and _plain(held_by) in (_plain(self.held_as), _plain(self.name))

    def hands_back_at(self, now: datetime, *, after: bool = False) -> datetime | None:
        """When what they hold next goes back: now if they are not there; None when nothing is foreseen. `after`: it has been given back now."""
        if not after and self.gone(now) is not None:
            return now
        times = (self.absent_from, self.shift_ends, self.left_at)
        return min((at for at in times if at is not None and at > now), default=None)


def covers(away: Practitioner, team: Collection[Practitioner], now: datetime) -> Practitioner | None:
    """Who does the work of somebody who is away, if that one is there; None: the team has it, and nobody of it."""
    return next((one for one in team if one.id == away.cover_id and one.id != away.id and one.gone(now) is None), None)


def _plain(said: str) -> str:
    return " ".join(said.casefold().replace(",", " ").replace("-", " ").split())
