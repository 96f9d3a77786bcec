"""The timeline with its times: each step and each expect line at the moments it means."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from broker.replay.expects import Expect
from broker.replay.model import Scenario, Step
from broker.replay.moments import DAYS_END, MIDNIGHT, moment, span


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A step and its time. `name` is its id, or its number in the file."""

    index: int
    name: str
    step: Step
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From when to when something is expected, both included; it is judged at the end."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An expect line with the step that it stands at: of the whole story the last, and then `begun`, the time of the first."""

    expect: Expect
    step: Dated
    begun: datetime | None = None

    def period(self, known: Mapping[str, datetime]) -> Period:
        """When it is to come true, by the times of the steps."""
        return period(self.expect, self.step.at, known, self.begun)


def dated(scenario: Scenario) -> list[Dated]:
    """Every step with its time, in the file's order; `moments.Unknown` for one that counts from nothing."""
    return list(walk(scenario))


def walk(scenario: Scenario) -> Iterator[Dated]:
    """The same one by one, so that a fault is found at its step."""
    known: dict[str, datetime] = {}
    before: datetime | None = None
    for index, step in enumerate(scenario.timeline):
        before = moment(step.at, known, before)
        name = step.id or f"step-{index + 1}"
        known[name] = before
        yield Dated(index=index, name=name, step=step, at=before)


def lines(scenario: Scenario, steps: list[Dated]) -> list[Line]:
    """Every expect line, those of the whole story last."""
    at_steps = [Line(expect=expect, step=one) for one in steps for expect in one.step.expect]
    return at_steps + [Line(expect=expect, step=steps[-1], begun=steps[0].at) for expect in scenario.throughout]


def times(steps: list[Dated]) -> Mapping[str, datetime]:
    """Each step's time by its name."""
    return {one.name: one.at for one in steps}


def period(expect: Expect, here: datetime, known: Mapping[str, datetime], begun: datetime | None = None) -> Period:
    """When an expect line that stands at a step of the time `here` is to come true. At once, unless it says otherwise.

    It begins there too, or when the story had `begun` for a line of the whole story.
    """
    if expect.at is not None:
        at = moment(expect.at, known, here)
        return Period(start=at, end=at)
    start = begun or here if expect.from_ is None else moment(expect.from_, known, here, MIDNIGHT)
    if expect.until is not None:
        return Period(start=start, end=moment(expect.until, known, here, DAYS_END))
    if expect.within is not None:
        return Period(start=start, end=start + span(expect.within))
    return Period(start=start, end=start if begun is None else here)
