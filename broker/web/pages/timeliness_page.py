"""What the page of timeliness shows: shares in time over months and by agency, and the lines behind them; pure, and without markup."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from broker.domain.timeliness import Period, Timeliness
from broker.web.api import reports
from broker.web.api.parameters import Pairs
from broker.web.pages import charts, words
from broker.web.pages.charts import Chart, Measured
from broker.web.pages.fields import Fault, Field, filled
from broker.web.pages.handover_list import Names
from broker.web.pages.task_words import what
from schemas.codes import Event

ADDRESS: Final = "/app/audit/timeliness"
KNOWN: Final = (*reports.TIMELINESS,)
LINES: Final = 200
"""Of the table on the page; the file has all."""
_PERIODS: Final = ((Period.MONTH, "Month"), (Period.WEEK, "Week"), (Period.ALL, "All together"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One agency's handovers of one kind and period."""

    period: str
    agency: str
    kind: str
    sent: int
    in_time: str
    late: int
    overdue: int
    waiting: int
    median: str
    ninetieth: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelinessView:
    """The page."""

    fields: tuple[Field, ...]
    sent: int
    share: str
    charts: tuple[Chart, ...]
    lines: tuple[Line, ...]
    more: int
    """Lines that only the file has."""
    csv: str
    faults: tuple[Fault, ...]


def asked(given: Pairs) -> dict[str, str]:
    """What an address asks for; empty fields and names that nobody knows count as not asked."""
    return {name: value.strip() for name, value in given if name in KNOWN and value.strip()}


def fields(wanted: Mapping[str, str], names: Names) -> tuple[Field, ...]:
    """The filters as they stand."""
    agencies = sorted(names.agencies.items(), key=lambda one: one[1])
    kinds = sorted((event.value, words.title(event.value)) for event in Event)
    found = (
        Field(kind="date", name="since", label="Sent on this day or later", hint="Thirteen weeks ago without it"),
        Field(kind="date", name="until", label="Sent on this day or earlier"),
        Field(kind="select", name="by", label="By", options=tuple((one.value, said) for one, said in _PERIODS)),
        Field(kind="select", name="agency", label="Agency", options=(("", "Every agency"), *agencies)),
        Field(kind="select", name="kind", label="What was notified", options=(("", "Everything"), *kinds)),
    )
    return filled(found, {name: [value] for name, value in wanted.items()}, {})


def view_of(wanted: Mapping[str, str], lines: Sequence[Timeliness], period: Period, names: Names) -> TimelinessView:
    """The page."""

    def start(one: Timeliness) -> str:
        return began(one.start, period)

    def agency(one: Timeliness) -> str:
        return names.agencies.get(one.agency, one.agency)

    return TimelinessView(
        fields=fields(wanted, names),
        sent=sum(one.sent for one in lines),
        share=_share(lines),
        charts=(
            _chart("periods", f"Answered in time, by {_word(period)}", "Period", lines, start, worst_first=False),
            _chart("agencies", "Answered in time, by agency, the worst first", "Agency", lines, agency),
        ),
        lines=tuple(_line(one, period, names) for one in lines[:LINES]),
        more=max(len(lines) - LINES, 0),
        csv=f"{ADDRESS}.csv" + (f"?{urlencode(wanted)}" if wanted else ""),
        faults=(),
    )


def refused(wanted: Mapping[str, str], names: Names, faults: Sequence[Fault]) -> TimelinessView:
    """The filters again with what is wrong with them, and no figure."""
    return TimelinessView(
        fields=fields(wanted, names), sent=0, share="", charts=(), lines=(), more=0, csv="", faults=tuple(faults)
    )


def began(start: datetime, period: Period) -> str:
    """A period as people call it; they are counted in UTC."""
    match period:
        case Period.MONTH:
            return f"{start:%B %Y}"
        case Period.WEEK:
            return f"Week from {start.day} {start:%B %Y}"
        case Period.ALL:
            return "All together"


def _word(period: Period) -> str:
    return "period" if period is Period.ALL else period.value


def _chart(
    id_: str,
    caption: str,
    head: str,
    lines: Sequence[Timeliness],
    key: Callable[[Timeliness], str],
    *,
    worst_first: bool = True,
) -> Chart:
    """Shares in time of what could be judged, each group of lines a bar; groups of which nothing can be judged yet are left out."""
    grouped: dict[str, list[Timeliness]] = {}
    for one in lines:
        grouped.setdefault(key(one), []).append(one)
    judged = {name: some for name, some in grouped.items() if _judged(some)}
    order = sorted(judged, key=lambda name: _ratio(judged[name])) if worst_first else list(judged)
    shown = order[: charts.MOST] if worst_first else order[-charts.MOST :]
    rows = [(name, _share(judged[name]), *map(str, _parts(judged[name]))) for name in order]
    heads = (head, "In time", "Late", "Overdue", "Not due yet")
    bars = [Measured(name, _ratio(judged[name]), f"{_ratio(judged[name]):.0%}") for name in shown]
    return charts.chart(id_, caption, heads, rows, bars, whole=1)


def _judged(lines: Sequence[Timeliness]) -> int:
    return sum(one.in_time + one.late + one.overdue for one in lines)


def _ratio(lines: Sequence[Timeliness]) -> float:
    return sum(one.in_time for one in lines) / _judged(lines)


def _share(lines: Sequence[Timeliness]) -> str:
    """`12 of 15 (80%)`; words where nothing can be judged yet."""
    judged = _judged(lines)
    return f"{sum(one.in_time for one in lines)} of {judged} ({_ratio(lines):.0%})" if judged else "none due yet"


def _parts(lines: Sequence[Timeliness]) -> tuple[int, int, int]:
    return (sum(one.late for one in lines), sum(one.overdue for one in lines), sum(one.waiting for one in lines))


def _line(one: Timeliness, period: Period, names: Names) -> Line:
    return Line(
        period=began(one.start, period),
        agency=names.agencies.get(one.agency, one.agency),
        kind=what(one.kind, None) or "Other",
        sent=one.sent,
        in_time=_share([one]),
        late=one.late,
        overdue=one.overdue,
        waiting=one.waiting,
        median=words.span(one.median) if one.median is not None else "none yet",
        ninetieth=words.span(one.ninetieth) if one.ninetieth is not None else "none yet",
    )
