"""What time alone brings about: each rule of it says by which times it goes, and does what is due; nothing else here reads a date.

A worker and a replay run the same passes. Several processes take turns by a lease, so that nothing is done twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from sqlmodel import Session

from broker import log
from broker.storage import leases, pulses, upcoming
from broker.workflow import escalate, expect, hand_back, patterns, stand_in
from broker.workflow.context import Context

LEASE: Final = "clock"
LATE: Final = timedelta(minutes=1)
"""From when on it is worth a word that something is done after its time: a machine was asleep, or nothing ran."""

_log = log.get("broker.clock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of thing that comes due."""

    name: str
    kept_by: tuple[str, ...]
    """The kinds of times (`storage.upcoming`) that say when there is something to do."""
    go: Callable[[Session, Context, datetime], int]
    """Do a bounded part of what is due; how much it looked at, 0 when nothing was due."""


RULES: Final = (
    Rule(name="expect", kept_by=("expect",), go=expect.look),
    Rule(name="patterns", kept_by=("pattern-look", "pattern-due"), go=patterns.pass_time),
    Rule(name="hand-back", kept_by=("hand-back",), go=hand_back.look),
    Rule(name="stand-in", kept_by=("stand-in",), go=stand_in.look),
    Rule(name="escalate", kept_by=("escalate",), go=escalate.climb),
)
"""In the order in which they are gone through when several are due at once: what is raised first can climb after."""


Times: TypeAlias = Mapping[str, datetime]
"""The earliest time of each kind that has one to keep."""


def times(session: Session) -> Times:
    """By which times the rules go now."""
    return upcoming.read(session)


def next_due(session: Session) -> datetime | None:
    """When the clock must next be looked at; None when nothing has a date to keep."""
    return earliest(times(session))


def earliest(known: Times) -> datetime | None:
    """The first of these times."""
    return min(known.values(), default=None)


def tick(session: Session, ctx: Context, now: datetime, known: Times | None = None) -> int:
    """One pass: a bounded part of everything that is due by now, what was due first before the rest. How much was looked at; 0 when nothing is due.

    `known`: the times as they were read a moment ago; without it they are read.
    """
    known = times(session) if known is None else known
    due = []
    for place, rule in enumerate(RULES):
        at = min((known[kind] for kind in rule.kept_by if kind in known), default=None)
        if at is not None and at <= now:
            due.append((at, place, rule))
    return sum(rule.go(session, ctx, now) for _, _, rule in sorted(due, key=lambda one: one[:2]))


def tick_alone(session: Session, ctx: Context, *, holder: str, now: datetime, lease: timedelta) -> int:
    """The same where several processes run: one at a time. How late it came to what was due first is written down."""
    known = times(session)
    at = earliest(known)
    if at is None or at > now or not leases.take(session, LEASE, holder, now=now, until=now + lease):
        return 0
    if now - at >= LATE and pulses.was_late(session, now - at, now):
        _log.warning("clock is late", late=(now - at).total_seconds())
    return tick(session, ctx, now, known)
