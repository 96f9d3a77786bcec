"""The section `retention`: how long what messages say is kept."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from broker.domain.retention import Retention
from broker.policy.durations import Duration
from broker.policy.sections import Cites, Section
from schemas.codes import Event

SHORTEST = timedelta(days=3 * 366)
"""As far back as any rule looks: patterns, expectations and what still stands must find what they were raised by."""


def _long_enough(span: timedelta) -> timedelta:
    if span < SHORTEST:
        raise ValueError(f"must be P{SHORTEST.days}D or longer: rules look back as far")
    return span


Kept = Annotated[Duration, AfterValidator(_long_enough)]


class RetentionSection(Section):
    """Payloads go after so long; that there was a message, and the audit, stay."""

    payloads: Kept = timedelta(days=9497)
    events: dict[Event, Kept] = Field(default_factory=dict)
    unreadable: Duration = timedelta(days=366)
    cites: Cites = ("invariant 9",)


def compiled(section: RetentionSection) -> Retention:
    """The values."""
    return Retention(payloads=section.payloads, events=section.events, unreadable=section.unreadable)
