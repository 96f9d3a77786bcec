"""The section `reports`: how far back reports look, and what a meeting is to speak of."""

from typing import Annotated

from pydantic import Field

from broker.domain.reporting import Reporting
from broker.policy.durations import Duration
from broker.policy.sections import Cites, Section
from schemas.codes import Event


class BirthsLine(Section):
    """Births without registration with a practice."""

    registered_within: Duration
    born_since: Duration
    cites: Cites


class MeetingsLine(Section):
    """The agenda of a practice's or a team's meeting."""

    look_back: Duration
    concerns_for: Duration
    concerns: Annotated[tuple[Event, ...], Field(min_length=1)]
    events: Annotated[tuple[Event, ...], Field(min_length=1)]
    cites: Cites


class ReportsSection(Section):
    """What reports need to know."""

    births: BirthsLine
    meetings: MeetingsLine


def compiled(section: ReportsSection) -> Reporting:
    """The values."""
    return Reporting(
        registered_within=section.births.registered_within,
        born_since=section.births.born_since,
        look_back=section.meetings.look_back,
        concerns_for=section.meetings.concerns_for,
        concerns=frozenset(section.meetings.concerns),
        events=frozenset(section.meetings.events),
    )
