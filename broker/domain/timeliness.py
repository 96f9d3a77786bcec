"""How soon an agency's professionals answer what was handed to its teams: shares and percentiles over plain times; no query and no clock."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import ceil

from broker.domain.handovers import ANSWERED, HandoverState
from schemas.codes import Event, TaskStatus


class Period(StrEnum):
    """What is taken together, by when it was sent, in UTC."""

    WEEK = "week"  # from Monday
    MONTH = "month"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One handover."""

    agency: str
    """Whose team must answer."""
    kind: Event | None
    status: TaskStatus
    sent: datetime
    due: datetime | None
    answered: datetime | None
    """When a professional acknowledged or declined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeliness:
    """One agency's handovers of one kind and period. What its sender took back is left out."""

    agency: str
    kind: Event | None
    start: datetime
    """Of the period; the first moment asked for, where all is taken together."""
    sent: int
    answered: int
    declined: int
    """Among the answered: with a coded reason."""
    in_time: int
    """Answered by the time it was due, or without one."""
    late: int
    """Answered after it."""
    overdue: int
    """Due, and not answered yet."""
    waiting: int
    """Neither due nor answered."""
    share: float | None
    """Of what was answered or overdue, how much was answered in time; None when nothing was."""
    median: timedelta | None
    """Half of the answers came within this."""
    ninetieth: timedelta | None
    """Nine of ten did."""


def start_of(period: Period, at: datetime, first: datetime) -> datetime:
    """When the period began in which something was sent."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match period:
        case Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)
        case Period.ALL:
            return first


def percentile(times: Sequence[timedelta], share: float) -> timedelta | None:
    """The shortest of these times, in order, within which that share of them lies (nearest rank); None of none."""
    return times[max(0, ceil(share * len(times)) - 1)] if times else None


@dataclass(slots=True)
class _Count:
    times: list[timedelta] = field(default_factory=list)
    sent: int = 0
    declined: int = 0
    in_time: int = 0
    overdue: int = 0

    def add(self, one: Sent, now: datetime) -> None:
        self.sent += 1
        if one.answered is None:
            self.overdue += one.due is not None and one.due < now
            return
        self.times.append(one.answered - one.sent)
        self.declined += one.status in ANSWERED[HandoverState.DECLINED]
        self.in_time += one.due is None or one.answered <= one.due


def timeliness(handovers: Iterable[Sent], period: Period, first: datetime, now: datetime) -> Iterator[Timeliness]:
    """One for each agency, kind and period that has any, in that order, periods first."""
    counts: dict[tuple[datetime, str, str], _Count] = {}
    for one in handovers:
        if one.status not in ANSWERED[HandoverState.WITHDRAWN]:
            key = (start_of(period, one.sent, first), one.agency, one.kind or "")
            counts.setdefault(key, _Count()).add(one, now)
    for (start, agency, kind), count in sorted(counts.items()):
        yield _made(start, agency, Event(kind) if kind else None, count)


def _made(start: datetime, agency: str, kind: Event | None, count: _Count) -> Timeliness:
    times = sorted(count.times)
    judged = len(times) + count.overdue
    return Timeliness(
        agency=agency,
        kind=kind,
        start=start,
        sent=count.sent,
        answered=len(times),
        declined=count.declined,
        in_time=count.in_time,
        late=len(times) - count.in_time,
        overdue=count.overdue,
        waiting=count.sent - judged,
        share=count.in_time / judged if judged else None,
        median=percentile(times, 0.5),
        ninetieth=percentile(times, 0.9),
    )
