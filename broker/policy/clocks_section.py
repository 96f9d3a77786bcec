"""The section `clocks`: by when a task is delivered and opened, when its team is reminded, and the ladder that it climbs when nobody answers."""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from broker.domain.clocks import BEYOND, LAST, ClockRule, Clocks, Rung, Target
from broker.policy.durations import Term
from broker.policy.sections import Cites, Name, Names, Section
from schemas.codes import Event, Function, Priority


class RungLine(Section):
    """One step of escalation, so long after the due date."""

    to: Target
    after: Term
    needed: bool = True
    cites: Cites


class ClocksLine(Section):
    """The clocks of the tasks that fit; the first line that fits counts."""

    functions: Names | None = None
    areas: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    events: Annotated[tuple[Event, ...], Field(min_length=1)] | None = None
    priorities: Annotated[tuple[Priority, ...], Field(min_length=1)] | None = None
    deliver_within: Term | None = None
    open_within: Term | None = None
    remind_before: Term | None = None
    lapse_after: Term
    ladder: Annotated[tuple[RungLine, ...], Field(min_length=1)]
    cites: Cites


ClocksSection = Annotated[dict[Name, ClocksLine], Field(min_length=1)]


def compiled(
    section: dict[str, ClocksLine], functions_of: Callable[[tuple[str, ...]], frozenset[Function]]
) -> tuple[ClockRule, ...]:
    """The rules, in the order of the file."""
    return tuple(
        ClockRule(
            name=name,
            functions=functions_of(line.functions or ()),
            areas=frozenset(line.areas or ()),
            events=frozenset(line.events or ()),
            priorities=frozenset(line.priorities or ()),
            clocks=Clocks(
                deliver_within=line.deliver_within,
                open_within=line.open_within,
                remind_before=line.remind_before,
                lapse_after=line.lapse_after,
                rungs=tuple(Rung(to=rung.to, wait=rung.after, needed=rung.needed) for rung in line.ladder),
            ),
            cites=", ".join(line.cites),
        )
        for name, line in section.items()
    )


def faults(section: dict[str, ClocksLine]) -> Iterator[tuple[str, str]]:
    """Places and what is wrong: a task without a ladder, and a ladder that ends in silence."""
    for name, line in section.items():
        path = f"clocks.{name}"
        if any(low.after.at_least > high.after.at_least for low, high in pairwise(line.ladder)):
            yield f"{path}.ladder", "has a rung that comes before the one below it"
        if line.ladder[-1].to not in LAST or not line.ladder[-1].needed:
            yield f"{path}.ladder", "must end with the partnership or the mash, and need it"
        if not any(rung.to in BEYOND for rung in line.ladder):
            yield f"{path}.ladder", "tells nobody beyond the team"
    if not _last(section).for_all:
        yield "clocks", "must end with a line that fits every task"


def cited(section: dict[str, ClocksLine]) -> Iterable[tuple[str, tuple[str, ...]]]:
    """The citations with their places."""
    for name, line in section.items():
        yield f"clocks.{name}", line.cites
        yield from ((f"clocks.{name}.ladder[{index}]", rung.cites) for index, rung in enumerate(line.ladder))


def _last(section: dict[str, ClocksLine]) -> ClockRule:
    return compiled(section, lambda names: frozenset(Function) if names else frozenset())[-1]
