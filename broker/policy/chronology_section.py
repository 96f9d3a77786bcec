"""The section `chronology`: what counts as contact with a child, and how long without any is shown as a gap."""

from typing import Annotated

from pydantic import Field

from broker.domain.quiet import ChronologyRules, QuietRule
from broker.policy.durations import Duration
from broker.policy.sections import Cites, Name, Section
from schemas.codes import Event


class QuietLine(Section):
    """How long is a gap, for children below an age; without one, for a pregnancy."""

    until: Duration | None = None
    after: Duration
    cites: Cites


class ChronologySection(Section):
    """A gap is shown in the chronology and makes no task."""

    contacts: Annotated[tuple[Event, ...], Field(min_length=1)]
    quiet: dict[Name, QuietLine]
    cites: Cites


def compiled(section: ChronologySection) -> ChronologyRules:
    """The rules, youngest first."""
    rules = [
        QuietRule(name=name, until=line.until, after=line.after, cites=", ".join(line.cites))
        for name, line in section.quiet.items()
    ]
    return ChronologyRules(
        contacts=frozenset(section.contacts),
        quiet=tuple(sorted(rules, key=lambda rule: (rule.until is not None, rule.until or rule.after))),
    )
