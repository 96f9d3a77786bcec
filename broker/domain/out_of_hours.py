"""Who stands in for a function that is closed when something urgent comes, and when they are told; who may see what is decided in `sharing.py`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from broker.domain.terms import Term
from broker.domain.world import Directory, Team
from schemas.codes import Event, Function, Priority, TaskCode

CODES: Final = frozenset({TaskCode.ACKNOWLEDGE, TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD})
"""What somebody else can do something about before the team is there again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """One line: the function of the same area that stands in for others, of every event or of some."""

    name: str
    functions: frozenset[Function]
    """Whose work is covered."""
    events: frozenset[Event] = frozenset()
    kinds: frozenset[str] = frozenset()
    by: Function
    within: Term
    ask: str
    cites: str

    def fits(self, function: Function, event: Event, kind: str | None) -> bool:
        """Whether it is for an event at a team of this function."""
        return (
            function in self.functions
            and (not self.events or event in self.events)
            and (not self.kinds or kind in self.kinds)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfHours:
    """What the policy says of closed teams."""

    priorities: frozenset[Priority]
    covers: tuple[Cover, ...]
    """In the order in which they are tried."""
    cites: str

    def covers_at(
        self, owner: Team, code: TaskCode, priority: Priority, now: datetime, due_at: datetime | None
    ) -> datetime | None:
        """When who stands in is to be told of a task that is raised now, if it is not in hand by then: at once where the team is closed,
        at its closing where the task falls due before it is open again. None when the team can be left to it.
        """
        covered = any(owner.function in cover.functions for cover in self.covers)
        if not covered or owner.hours is None or code not in CODES or priority not in self.priorities:
            return None
        if not owner.hours.open_at(now, owner.calendar):
            return now
        closes = owner.hours.closes_after(now, owner.calendar)
        opens = owner.hours.opens_after(closes, owner.calendar)
        before_it_opens = due_at is not None and closes < due_at and (opens is None or due_at <= opens)
        return closes if before_it_opens else None

    def standing_in(
        self, owner: Team, event: Event, kind: str | None, directory: Directory, now: datetime
    ) -> Iterator[tuple[Cover, Team]]:
        """Who stands in for a team, best first: of its area, and there now."""
        for cover in self.covers:
            team = directory.provider(owner.area_id, cover.by)
            if (
                team is not None
                and team.id != owner.id
                and cover.fits(owner.function, event, kind)
                and there(team, now)
            ):
                yield cover, team


def there(team: Team, now: datetime) -> bool:
    """Whether somebody of the team is there, as far as anybody has said."""
    return team.hours is None or team.hours.open_at(now, team.calendar)
