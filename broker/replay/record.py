"""What a run remembers besides the database: the time, and what happened under the story's own names."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from broker.domain.caller import Caller


class SimulatedClock:
    """A clock that the story moves, and never back."""

    def __init__(self, start: datetime) -> None:
        """Begins at `start`."""
        self.time = start

    def __call__(self) -> datetime:
        """The time of the story."""
        return self.time

    def forward(self, to: datetime) -> None:
        """It is `to` now, if that is later."""
        self.time = max(self.time, to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A message that a team's system has taken."""

    at: datetime
    team: str
    notification: str | None
    cause: str
    """'' for the notification itself; else the task that it tells of (`storage.tables.Delivery.cause`)."""
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a step said was refused: why, with the places."""

    at: datetime
    team: str
    why: str


@dataclass(slots=True)
class Record:
    """What has happened so far."""

    notifications: dict[str, list[str]] = field(default_factory=dict)
    """Step → ids of what it sent."""
    persons: dict[str, list[str]] = field(default_factory=dict)
    """Person of the file → ids by which Baton has known them, the newest last."""
    heard: list[Heard] = field(default_factory=list)
    refused: dict[str, Refusal] = field(default_factory=dict)
    """Step → its refusal."""

    def knows(self, person: str, id_: str) -> None:
        """Baton knows somebody of the file by this id from now on, and nobody else: which of unborn twins is which shows at the birth."""
        for others in self.persons.values():
            if id_ in others:
                others.remove(id_)
        ids = self.persons.setdefault(person, [])
        ids.append(id_)


def system(team: str) -> Caller:
    """A team's system, as it calls."""
    return Caller(client=f"demo-{team}", team=team)
