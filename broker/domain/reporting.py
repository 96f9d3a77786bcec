"""What the policy says of reports, as values: how far back they look, and what a meeting is to speak of."""

from dataclasses import dataclass
from datetime import timedelta

from schemas.codes import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """Numbers and events of reports."""

    registered_within: timedelta
    """Age by which a child is registered with a practice."""
    born_since: timedelta
    """How far back births without registration are looked for."""
    look_back: timedelta
    """How far back a meeting looks that does not say when the last one was."""
    concerns_for: timedelta
    """How long a concern is on the agenda whatever was answered."""
    concerns: frozenset[Event]
    events: frozenset[Event]
    """What brings a family on the agenda when it has happened since the last meeting."""
