"""The section `retention`: how long what messages say is kept, and how long people are known."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from broker.domain.retention import People, Retention
from broker.policy.durations import Duration
from broker.policy.sections import Cites, Section
from schemas.codes import Event, Function

SHORTEST = timedelta(days=3 * 366)
"""As far back as any rule looks: patterns, expectations and what still stands must find what they were raised by."""


def _long_enough(span: timedelta) -> timedelta:
    if span < SHORTEST:
        raise ValueError(f"must be P{SHORTEST.days}D or longer: rules look back as far")
    return span


Kept = Annotated[Duration, AfterValidator(_long_enough)]


Lapses = Mapping[Function, timedelta | None]


class PeopleSection(Section):
    """Who somebody was goes after so long; that there was somebody stays."""

    after_last: Kept = timedelta(days=2922)
    children_until_age: Annotated[int, Field(ge=18, le=100)] = 25
    maternity: Kept = timedelta(days=9132)
    not_kept_by: tuple[Function, ...] = (Function.GENERAL_PRACTICE, Function.CHILD_HEALTH_INFORMATION)
    """Everybody is registered there for life: of others that last until they are ended, each keeps whom it is with."""


class RetentionSection(Section):
    """Payloads go after so long; that there was a message, and the audit, stay."""

    payloads: Kept = timedelta(days=9497)
    events: dict[Event, Kept] = Field(default_factory=dict)
    unreadable: Duration = timedelta(days=366)
    people: PeopleSection = PeopleSection()
    cites: Cites = ("invariant 9",)


def compiled(section: RetentionSection, lapses: Lapses) -> Retention:
    """The values."""
    people = section.people
    lasting = {function for function, after in lapses.items() if after is None}
    return Retention(
        payloads=section.payloads,
        events=section.events,
        unreadable=section.unreadable,
        people=People(
            after_last=people.after_last,
            children_until=people.children_until_age,
            maternity=people.maternity,
            kept_by=frozenset(lasting - set(people.not_kept_by)),
        ),
    )


def faults(section: RetentionSection, lapses: Lapses) -> Iterator[tuple[str, str]]:
    """Places and what is wrong."""
    longest = max((after for after in lapses.values() if after is not None), default=timedelta())
    if section.people.after_last < longest:
        yield "people.after-last", f"must be P{longest.days}D or longer: an involvement is current for as long"
