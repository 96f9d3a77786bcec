"""What time alone brings about: each rule of it says when it next has something to do, and does it; nothing else here reads a date.

A worker and a replay run the same passes. Several processes take turns by a lease, so that nothing is done twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from broker import log
from broker.storage import leases, pulses
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
    next_due: Callable[[Session], datetime | None]
    """When there is next something to do, found by index; None when nothing has a date to keep."""
    go: Callable[[Session, Context, datetime], int]
    """Do a bounded part of what is due; how much it looked at, 0 when nothing was due."""


RULES: Final = (
    Rule(name="expect", next_due=expect.next_due, go=expect.look),
    Rule(name="patterns", next_due=patterns.next_due, go=patterns.pass_time),
    Rule(name="hand-back", next_due=hand_back.next_due, go=hand_back.look),
    Rule(name="stand-in", next_due=stand_in.next_due, go=stand_in.look),
    Rule(name="escalate", next_due=escalate.next_due, go=escalate.climb),
)
"""In the order in which they are gone through when several are due at once: what is raised first can climb after."""


def next_due(session: Session) -> datetime | None:
    """When the clock must next be looked at; None when nothing has a date to keep."""
    return min((at for rule in RULES if (at := rule.next_due(session)) is not None), default=None)


def tick(session: Session, ctx: Context, now: datetime) -> int:
    """One pass: a bounded part of everything that is due by now, what was due first before the rest. How much was looked at; 0 when nothing is due."""
    due = [(at, place, rule) for place, rule in enumerate(RULES) if (at := rule.next_due(session)) and at <= now]
    return sum(rule.go(session, ctx, now) for _, _, rule in sorted(due, key=lambda one: one[:2]))


def tick_alone(session: Session, ctx: Context, *, holder: str, now: datetime, lease: timedelta) -> int:
    """The same where several processes run: one at a time. How late it came to what was due first is written down."""
    at = next_due(session)
    if at is None or at > now or not leases.take(session, LEASE, holder, now=now, until=now + lease):
        return 0
    if now - at >= LATE and pulses.was_late(session, now - at, now):
        _log.warning("clock is late", late=(now - at).total_seconds())
    return tick(session, ctx, now)
