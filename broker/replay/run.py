"""Run a story on a simulated clock: each step at its time, and between steps every pass of the clock at the time when it is due."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlmodel import Session

from broker.errors import BatonError
from broker.replay import timeline
from broker.replay.doing import Doing
from broker.replay.expects import Expect, MessagePattern, Refused, said
from broker.replay.model import Down
from broker.replay.moments import moment
from broker.replay.reading import Story
from broker.replay.record import Record, SimulatedClock
from broker.replay.systems import Systems
from broker.replay.timeline import Dated, Period
from broker.runtime import Runtime
from broker.storage import directory_file
from broker.workflow import escalate

MOST_PASSES: Final = 100_000
"""Passes of the clock between two steps; more is a clock that looks at the same task for ever."""

_END: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An expect line with its period; it is judged when the period ends."""

    expect: Expect
    step: Dated
    period: Period


Judged = Callable[[Due], None]
"""Called with each expect line at the end of its period."""


class Player:
    """One run of a story. The runtime's clock must be the one given; its database has no directory yet, or the story's."""

    def __init__(self, story: Story, runtime: Runtime, clock: SimulatedClock, *, judged: bool = True) -> None:
        """Nothing happens yet. Unless the story is to be `judged`, messages are taken and not read."""
        self.story, self.runtime, self.clock = story, runtime, clock
        self.steps = timeline.dated(story.scenario)
        self.record = Record()
        self._times = timeline.times(self.steps)
        self._doing = Doing(story=story, runtime=runtime, record=self.record, times=self._times)
        asked_about = frozenset(_asked_about(self.steps) if judged else ())
        self._systems = Systems(runtime=runtime, record=self.record, read_for=asked_about)
        self._refusals = frozenset(_refusals(self.steps))
        self._down: dict[str, datetime] = {}

    def settle_in(self) -> None:
        """Put the story's directory into the database."""
        self.runtime.store.write(lambda session: directory_file.store(session, self.story.directory))

    def play(self, judge: Judged = lambda _due: None, until: datetime | None = None) -> Iterator[Dated]:
        """Do every step before `until` and have each expect line judged when its period ends; yields each step when it is done."""
        waiting = self._dues()
        for one in self.steps:
            if until is not None and one.at >= until:
                return
            # What ends at this very time is judged after the step: what it causes at once counts.
            waiting = self._judge(waiting, judge, one.at)
            self.pass_time(one.at)
            if isinstance(one.step, Down):
                self._down[one.step.down] = moment(one.step.until, self._times, one.at)
            self._doing.do(one)
            self._mind(one)
            self._systems.take(self._down)
            yield one
        if until is None:
            self._judge(waiting, judge, _END)

    def _mind(self, one: Dated) -> None:
        """BatonError when Baton refused what the step says and nothing expects that."""
        refusal = self.record.refused.get(one.name)
        if refusal is not None and one.name not in self._refusals:
            where = f"{self.story.places[one.index]} {one.name}"
            raise BatonError(f"{where}: was refused, which nothing expects. {refusal.why}")

    def pass_time(self, to: datetime) -> None:
        """Let the clock go on to `to`; whatever comes due on the way happens at its own time, and is heard at once."""
        for _ in range(MOST_PASSES):
            upcoming = self._upcoming()
            if upcoming is None or upcoming > to:
                self.clock.forward(to)
                return
            self.clock.forward(upcoming)
            self._down = {team: end for team, end in self._down.items() if end > self.clock.time}
            self.runtime.store.write(self._climb)
            self._systems.take(self._down)
        raise BatonError("The clock does not come to rest: the same task is looked at again and again.")

    def _climb(self, session: Session) -> int:
        return escalate.climb(session, self.runtime.context(session), self.clock.time)

    def _upcoming(self) -> datetime | None:
        """When something is due next: a pass of the clock, or a system that is up again."""
        due = self.runtime.store.read(escalate.next_due)
        return min((at for at in (due, *self._down.values()) if at is not None), default=None)

    def _dues(self) -> list[Due]:
        """Every expect line, in the order in which they are judged."""
        found = [
            Due(expect=expect, step=one, period=timeline.period(expect, one.at, self._times))
            for one in self.steps
            for expect in one.step.expect
        ]
        return sorted(found, key=lambda due: due.period.end)

    def _judge(self, waiting: list[Due], judge: Judged, before: datetime) -> list[Due]:
        """Judge each whose period ends before then, at its end; those that are left."""
        for due in waiting:
            if due.period.end < before:
                self.pass_time(due.period.end)
                judge(due)
        return [due for due in waiting if due.period.end >= before]


def _asked_about(steps: list[Dated]) -> Iterator[str]:
    """The teams of whose messages something is expected."""
    for one in steps:
        for expect in one.step.expect:
            pattern = said(expect.never or expect)
            if isinstance(pattern, MessagePattern):
                yield pattern.team


def _refusals(steps: list[Dated]) -> Iterator[str]:
    """The steps whose refusal is expected."""
    for one in steps:
        for expect in one.step.expect:
            pattern = said(expect.never or expect)
            if isinstance(pattern, Refused):
                yield pattern.step or one.name
