"""How much a worker does at once."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Numbers of one process."""

    slots: int = 1_024
    """Pushes under way. One is a task, a connection and a rendered message, some 100 KB."""
    per_team: int = 64
    """Pushes to one team: with the longest time-out, a dead team costs at most this many slots."""
    beside: int = 4
    """Of a team with a backlog in one look, while others have something too: with two workers some 160 a second; or twice what is usual among the teams of that look."""
    beside_seconds: float = 1.0
    """How long after a look that had something of several teams one of them still counts as not alone."""
    grace_seconds: float = 5.0
    """How long pushes under way may still take once the worker is told to stop."""
    align_seconds: float = 60.0
    """How often waiting rows are checked against their teams' channels."""
    seal_seconds: float = 0.2
    """Shortest time between two heads of the audit, so that a busy hour does not sign one for each delivery."""
    gather_seconds: float = 0.05
    """Shortest time between the beginnings of two looks: a claim costs as much for one as for twenty."""
    made_at_once: int = 24
    """Messages that are made together, before the first of them is pushed."""
    rest: float = 4.0
    """After housework (the clock's rules, the audit's heads) so many times as long is left to deliveries alone."""
    behind: timedelta = timedelta(seconds=10)
    """Of a clock that is so late it is left only as long as the housework took, so that it catches up."""
    records: int = 200
    """Outcomes written in one transaction: others wait for what it locks."""
