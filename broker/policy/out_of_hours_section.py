"""The section `out-of-hours`: which function of the area stands in for a team that is closed when something urgent comes."""

from collections.abc import Callable, Iterator
from typing import Annotated

from pydantic import Field

from broker.domain.out_of_hours import Cover, OutOfHours
from broker.policy.durations import Term
from broker.policy.sections import Cites, Name, Names, Section
from schemas.codes import Event, Function, Priority
from schemas.events import SPECS


class CoverLine(Section):
    """`by` stands in for the functions `for`; the first line that fits and whose team is there counts."""

    for_: Names = Field(alias="for")
    events: Annotated[tuple[Event, ...], Field(min_length=1)] | None = None
    kinds: tuple[str, ...] = ()
    by: Function
    within: Term
    ask: str
    cites: Cites


class OutOfHoursSection(Section):
    """What is urgent, and who stands in."""

    priorities: Annotated[tuple[Priority, ...], Field(min_length=1)]
    cover: dict[Name, CoverLine]
    cites: Cites


def compiled(section: OutOfHoursSection, functions_of: Callable[[tuple[str, ...]], frozenset[Function]]) -> OutOfHours:
    """The rules, in the order of the file."""
    return OutOfHours(
        priorities=frozenset(section.priorities),
        covers=tuple(
            Cover(
                name=name,
                functions=functions_of(line.for_),
                events=frozenset(line.events or ()),
                kinds=frozenset(line.kinds),
                by=line.by,
                within=line.within,
                ask=line.ask,
                cites=", ".join(line.cites),
            )
            for name, line in section.cover.items()
        ),
        cites=", ".join(section.cites),
    )


def faults(section: OutOfHoursSection) -> Iterator[tuple[str, str]]:
    """Places and what is wrong."""
    for name, line in section.cover.items():
        known = {code for event in line.events or () if (kinds := SPECS[event].kinds) for code in kinds.values.codes}
        for kind in line.kinds:
            if kind not in known:
                yield f"out-of-hours.cover.{name}.kinds", f"names {kind!r}, which is no kind of its events"
        if Priority.ROUTINE in section.priorities:
            yield "out-of-hours.priorities", "has routine: what is routine waits until the team is there"


def cited(section: OutOfHoursSection) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The citations with their places."""
    yield "out-of-hours", section.cites
    yield from ((f"out-of-hours.cover.{name}", line.cites) for name, line in section.cover.items())
