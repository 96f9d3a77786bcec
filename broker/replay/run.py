"""Run a story on a simulated clock: each step at its time, and between steps every pass of the clock at the time when it is due."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlmodel import Session

from broker.errors import BatonError
from broker.replay import telling, timeline
from broker.replay.doing import Doing
from broker.replay.expects import Expect, MessagePattern, Refused, said
from broker.replay.model import Down
from broker.replay.moments import moment
from broker.replay.reading import Story
from broker.replay.record import Heard, Record, SimulatedClock
from broker.replay.staff import Staff
from broker.replay.systems import Systems, Wanted
from broker.replay.timeline import Dated, Line, Period
from broker.runtime import Runtime
from broker.storage import directory_file
from broker.workflow import clock
from broker.workflow.clock import Times

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

    def __init__(
        self,
        story: Story,
        runtime: Runtime,
        clock: SimulatedClock,
        *,
        judged: bool = True,
        staff: Staff | None = None,
    ) -> None:
        """Nothing happens yet. Unless the story is to be `judged`, messages are taken and not read. `staff` answer whatever nobody in the story does."""
        self._staff = staff
        self.story, self.runtime, self.clock = story, runtime, clock
        self.steps = timeline.dated(story.scenario)
        self.record = Record()
        self._times = timeline.times(self.steps)
        names = {telling.fixed_id(story.scenario, f"person {name}"): name for name in story.scenario.people}
        self._doing = Doing(story=story, runtime=runtime, record=self.record, times=self._times, names=names)
        self._lines = timeline.lines(story.scenario, self.steps)
        self._systems = Systems(
            runtime=runtime, record=self.record, read_for=_asked_about(self._lines) if judged else {}
        )
        self._refusals = frozenset(_refusals(self._lines))
        self._down: dict[str, datetime] = {}
        self._known: Times = {}
        """By which times the clock goes, as of the last that was written."""

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
            self._take()
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
            self._take(first=self._tick)
            if self._staff is not None:
                self._staff.act(self.clock.time)
                self._take()
        raise BatonError("The clock does not come to rest: the same task is looked at again and again.")

    def _take(self, first: Callable[[Session], int] = lambda _session: 0) -> None:
        """In one transaction with what makes the messages, so that it is heard at once."""

        def step(session: Session) -> list[Heard]:
            first(session)
            found = self._systems.take(session, self._down)
            self._known = clock.times(session)
            return found

        self.record.heard += self.runtime.store.write(step)
        if self._staff is not None:
            self._staff.hear(self.clock.time)

    def _tick(self, session: Session) -> int:
        return clock.tick(session, self.runtime.context(session), self.clock.time, self._known)

    def _upcoming(self) -> datetime | None:
        """When something is due next: a pass of the clock, or a system that is up again."""
        due, answer = clock.earliest(self._known), None if self._staff is None else self._staff.next_at()
        return min((at for at in (due, answer, *self._down.values()) if at is not None), default=None)

    def _dues(self) -> list[Due]:
        """Every expect line, in the order in which they are judged."""
        found = [Due(expect=line.expect, step=line.step, period=line.period(self._times)) for line in self._lines]
        return sorted(found, key=lambda due: due.period.end)

    def _judge(self, waiting: list[Due], judge: Judged, before: datetime) -> list[Due]:
        """Judge each whose period ends before then, at its end; those that are left."""
        for due in waiting:
            if due.period.end < before:
                self.pass_time(due.period.end)
                judge(due)
        return [due for due in waiting if due.period.end >= before]


def _asked_about(lines: list[Line]) -> Wanted:
    """The teams of whose messages something is expected, and of which steps."""
    found: dict[str, frozenset[str] | None] = {}
    for line in lines:
        pattern = said(line.expect.never or line.expect)
        if isinstance(pattern, MessagePattern):
            before = found.get(pattern.team, frozenset())
            found[pattern.team] = None if before is None or pattern.of is None else before | {pattern.of}
    return found


def _refusals(lines: list[Line]) -> Iterator[str]:
    """The steps whose refusal is expected."""
    for line in lines:
        pattern = said(line.expect.never or line.expect)
        if isinstance(pattern, Refused):
            yield pattern.step or line.step.name
