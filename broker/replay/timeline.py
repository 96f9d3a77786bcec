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


def times(steps: list[Dated]) -> Mapping[str, datetime]:
    """Each step's time by its name."""
    return {one.name: one.at for one in steps}


def period(expect: Expect, here: datetime, known: Mapping[str, datetime]) -> Period:
    """When an expect line that stands at a step of the time `here` is to come true. At once, unless it says otherwise."""
    if expect.at is not None:
        at = moment(expect.at, known, here)
        return Period(start=at, end=at)
    start = here if expect.from_ is None else moment(expect.from_, known, here, MIDNIGHT)
    if expect.until is not None:
        return Period(start=start, end=moment(expect.until, known, here, DAYS_END))
    return Period(start=start, end=start if expect.within is None else start + span(expect.within))
