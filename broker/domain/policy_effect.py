"""What another policy would have done with messages that were received: who more, who less, what nobody, which tasks; rules themselves are elsewhere."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from broker.domain.routing import Routing, Told
from broker.domain.states import DeliveryState, Purpose, View

_BREADTH: Final = (View.EXISTENCE, View.ENDED, View.POINTER, View.SAFETY, View.RISK, View.FULL)
SHOWN: Final = 100
"""Changes that are shown one by one; all are counted."""


class How(StrEnum):
    """How what a team is told of a message changes."""

    NEWLY = "newly-told"
    NO_LONGER = "no-longer-told"
    MORE = "told-more"
    LESS = "told-less"
    WAITS = "waits-for-release"
    AT_ONCE = "waits-no-longer"
    ASKED = "must-answer-now"
    NOT_ASKED = "need-not-answer-now"


@dataclass(frozen=True, slots=True)
class Change:
    """One team and one message. `before` and `after` are the views, '' for not told."""

    notification: str
    event: str
    team: str
    how: How
    before: str
    after: str


@dataclass(slots=True)
class Effect:
    """Of all messages that were looked at."""

    messages: int = 0
    changed: int = 0
    how: Counter[str] = field(default_factory=Counter)
    teams: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(how, team) → messages."""
    tasks_before: Counter[str] = field(default_factory=Counter)
    tasks_after: Counter[str] = field(default_factory=Counter)
    nobody_before: int = 0
    nobody_after: int = 0
    shown: list[Change] = field(default_factory=list)

    def add(self, notification: str, event: str, before: Routing, after: Routing) -> None:
        """Count one message."""
        self.messages += 1
        self.nobody_before += not before.told
        self.nobody_after += not after.told
        self.tasks_before.update(_tasks(before))
        self.tasks_after.update(_tasks(after))
        found = list(_changes(notification, event, before, after))
        self.changed += bool(found)
        for change in found:
            self.how[change.how.value] += 1
            self.teams[change.how.value, change.team] += 1
        self.shown += found[: SHOWN - len(self.shown)]


def _tasks(decided: Routing) -> Iterator[str]:
    yield from (task.code.value for task in decided.tasks)
    yield from ("acknowledge" for told in decided.told if told.purpose is Purpose.ACTION)


def _changes(notification: str, event: str, before: Routing, after: Routing) -> Iterator[Change]:
    old, new = _by_team(before), _by_team(after)
    for team in sorted(old.keys() | new.keys()):
        was, will = old.get(team), new.get(team)
        for how in _how(was, will):
            yield Change(notification, event, team, how, _view(was), _view(will))


def _by_team(decided: Routing) -> Mapping[str, Told]:
    return {told.team_id: told for told in decided.told}


def _view(told: Told | None) -> str:
    return "" if told is None else told.view.value


def _how(was: Told | None, will: Told | None) -> Iterator[How]:
    if was is None or will is None:
        if was is not will:
            yield How.NEWLY if was is None else How.NO_LONGER
        return
    if was.view is not will.view:
        yield How.MORE if _BREADTH.index(will.view) > _BREADTH.index(was.view) else How.LESS
    if was.state is not will.state:
        yield How.WAITS if will.state is DeliveryState.HELD else How.AT_ONCE
    if was.purpose is not will.purpose:
        yield How.ASKED if will.purpose is Purpose.ACTION else How.NOT_ASKED
