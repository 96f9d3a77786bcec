"""What the auditor's list of handovers shows: filters that stand in the address, rows, charts; pure, and without markup."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from broker.domain.handovers import AgeBand, HandoverState
from broker.domain.tasks import BusinessStatus
from broker.domain.world import Directory, Team
from broker.storage.handovers import HandoverQuery
from broker.storage.keyset import Position
from broker.web.api import handover_query
from broker.web.api.parameters import Pairs
from broker.web.pages import charts, words
from broker.web.pages.charts import Chart
from broker.web.pages.fields import Fault, Field, Option, filled
from broker.web.pages.task_words import Tag, what
from broker.workflow.handovers import Count, Seen
from broker.workflow.task_wire import BUSINESS_STATUS_WORDS
from schemas.codes import Event, Function

ADDRESS: Final = "/app/audit/handovers"
EVERY_STATE: Final = "all"
KNOWN: Final = (*handover_query.FILTERS, "sort", "cursor")

STATES: Final[dict[HandoverState, str]] = {
    HandoverState.UNACKNOWLEDGED: "Not acknowledged",
    HandoverState.OVERDUE: "Overdue",
    HandoverState.ESCALATED: "Raised to others",
    HandoverState.DECLINED: "Declined",
    HandoverState.COMPLETE: "Acknowledged",
    HandoverState.WITHDRAWN: "Withdrawn",
}
_COLOURS: Final[dict[HandoverState, str]] = {
    HandoverState.UNACKNOWLEDGED: "white",
    HandoverState.OVERDUE: "orange",
    HandoverState.ESCALATED: "red",
    HandoverState.DECLINED: "yellow",
    HandoverState.COMPLETE: "green",
    HandoverState.WITHDRAWN: "grey",
}
BANDS: Final[dict[AgeBand, str]] = {
    AgeBand.UNDER_24_HOURS: "Under 24 hours",
    AgeBand.ONE_TO_TWO_DAYS: "1 to 2 days",
    AgeBand.TWO_TO_SEVEN_DAYS: "2 to 7 days",
    AgeBand.SEVEN_TO_FOURTEEN_DAYS: "7 to 14 days",
    AgeBand.FOURTEEN_TO_TWENTY_EIGHT_DAYS: "14 to 28 days",
    AgeBand.OVER_28_DAYS: "Over 28 days",
}
_AGES: Final = (
    ("PT24H", "A day or more"),
    ("PT48H", "2 days or more"),
    ("P7D", "7 days or more"),
    ("P14D", "14 days or more"),
    ("P28D", "28 days or more"),
)
_ORDERS: Final = (
    ("-age", "Oldest first"),
    ("age", "Newest first"),
    ("due", "Due soonest first"),
    ("-due", "Due latest first"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A handover in the list."""

    href: str
    what: str
    sent: datetime
    age: str
    sender: str
    receiver: str
    agency: str
    """Of the receiver, where it is called otherwise."""
    due: datetime | None
    tags: tuple[Tag, ...]
    children: str
    holder: str
    """Who is responsible now for whom it is about, where one function holds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoversView:
    """The page."""

    usual: tuple[Field, ...]
    more: tuple[Field, ...]
    more_used: bool
    state: str
    total: int | None
    """None on a later page, and where the filters could not be read."""
    rows: tuple[Line, ...]
    charts: tuple[Chart, ...]
    first: str | None
    next: str | None
    csv: str
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """How agencies and areas are called, and the teams by id."""

    agencies: Mapping[str, str]
    areas: Mapping[str, str]
    directory: Directory


def asked(given: Pairs) -> dict[str, str]:
    """What an address asks for; empty fields and names that nobody knows count as not asked, and without a state it is what waits."""
    found = {name: value.strip() for name, value in given if name in KNOWN and value.strip()}
    return {"state": HandoverState.UNACKNOWLEDGED.value} | found


def pairs(wanted: Mapping[str, str]) -> list[tuple[str, str]]:
    """The same in the words of the call for systems."""
    return [(name, value) for name, value in wanted.items() if (name, value) != ("state", EVERY_STATE)]


def address(wanted: Mapping[str, str], path: str = ADDRESS) -> str:
    """The address of a page, or of the file, with these filters."""
    return f"{path}?{urlencode(wanted)}"


def fields(wanted: Mapping[str, str], names: Names) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    """The filters as they stand: those that are usual, and the others."""
    agencies = _options(names.agencies, "Every agency")
    teams = {
        team.id: team.name
        for team in names.directory.teams.values()
        if team.agency_id == wanted.get("agency") or team.id == wanted.get("team")
    }
    usual = (
        _select("state", "State", ((EVERY_STATE, "Every state"), *((one.value, said) for one, said in STATES.items()))),
        _select("agency", "Agency that must answer", agencies),
        _select("kind", "What was notified", _codes(Event, "Everything")),
        _select("older_than", "How old", (("", "Any age"), *_AGES)),
    )
    more = (
        _select("team", "Team that must answer", _options(teams, "Every team"), hint="Teams of the agency chosen"),
        _select("area", "Area of that team", _options(names.areas, "Every area")),
        _select("function", "Service of that team", _codes(Function, "Every service")),
        _select("from_agency", "Agency that sent it", agencies),
        Field(kind="date", name="since", label="Sent on this day or later"),
        Field(kind="date", name="until", label="Sent on this day or earlier"),
        _select("sort", "Order", _ORDERS),
    )
    values = {name: [value] for name, value in wanted.items()}
    return filled(usual, values, {}), filled(more, values, {})


def view_of(
    wanted: Mapping[str, str],
    query: HandoverQuery,
    names: Names,
    found: tuple[Sequence[Seen], Position | None],
    counted: Mapping[str, Sequence[Count]],
    total: int | None,
    now: datetime,
) -> HandoversView:
    """The page; `counted` by `age` and `agency`, empty on a later page."""
    usual, more = fields(wanted, names)
    seen, last = found
    kept = {name: value for name, value in wanted.items() if name != "cursor"}
    following = kept | {"cursor": last.text(query.sort, descending=query.descending)} if last else None
    return HandoversView(
        usual=usual,
        more=more,
        more_used=any(one.value for one in more),
        state=STATES[HandoverState(wanted["state"])] if wanted["state"] != EVERY_STATE else "",
        total=total,
        rows=tuple(line(one, names, now) for one in seen),
        charts=tuple(_charts(counted, names)),
        first=address(kept) if "cursor" in wanted else None,
        next=address(following) if following else None,
        csv=address(kept, f"{ADDRESS}.csv"),
        faults=(),
    )


def refused(wanted: Mapping[str, str], names: Names, faults: Sequence[Fault]) -> HandoversView:
    """The filters again, with what is wrong with them, and no row: nothing else than what was asked for is shown."""
    usual, more = fields(wanted, names)
    return HandoversView(
        usual=usual,
        more=more,
        more_used=True,
        state="",
        total=None,
        rows=(),
        charts=(),
        first=None,
        next=None,
        csv="",
        faults=tuple(faults),
    )


def line(seen: Seen, names: Names, now: datetime) -> Line:
    """A handover as a row; of children the number alone."""
    of = seen.handover
    return Line(
        href=f"{ADDRESS}/{of.id}",
        what=what(seen.event, None) or words.title(of.code.value),
        sent=of.sent,
        age=words.span(now - of.sent),
        sender=seen.sender.name,
        receiver=seen.receiver.name,
        agency=_agency(seen.receiver, names),
        due=of.due,
        tags=tags(seen),
        children=children(seen),
        holder="; ".join(dict.fromkeys(_holder(held.team_id, held.because, names) for held in seen.holders)),
    )


def tags(seen: Seen) -> tuple[Tag, ...]:
    """Every state it is in, in words, and what stands beside it, such as a question that was asked back."""
    beside = seen.handover.business_status
    more = (Tag(words=words.title(BUSINESS_STATUS_WORDS[BusinessStatus(beside)]), colour="blue"),) if beside else ()
    return (*(Tag(words=STATES[state], colour=_COLOURS[state]) for state in seen.states), *more)


def children(seen: Seen) -> str:
    """How many children, and how many of a transfer were taken over."""
    if seen.lines is None:
        return str(len(seen.children))
    return f"{seen.confirmed} of {len(seen.lines)} taken over"


def _agency(team: Team, names: Names) -> str:
    """The agency of a team; '' where it is called as the team is."""
    name = names.agencies.get(team.agency_id, team.agency_id)
    return "" if name == team.name else name


def _holder(team_id: str | None, because: str | None, names: Names) -> str:
    if team_id is None:
        return f"Nobody: {words.plain(because or '')}"
    team = names.directory.teams.get(team_id)
    return team.name if team else team_id


def _charts(counted: Mapping[str, Sequence[Count]], names: Names) -> list[Chart]:
    if not counted:
        return []
    ages = [(BANDS[AgeBand(one.key)], one.count) for one in counted["age"]]
    agencies = sorted(counted["agency"], key=lambda one: (-one.count, one.key))
    by_agency = [(names.agencies.get(one.key, one.key), one.count) for one in agencies]
    return [
        charts.of_counts("ages", "How long ago they were sent", "Age", ages),
        charts.of_counts("agencies", "Agencies that must answer", "Agency", by_agency),
    ]


def _select(name: str, label: str, options: Sequence[Option], hint: str = "") -> Field:
    return Field(kind="select", name=name, label=label, options=tuple(options), hint=hint)


def _options(called: Mapping[str, str], every: str) -> tuple[Option, ...]:
    return (("", every), *sorted(called.items(), key=lambda one: one[1]))


def _codes(codes: type[Event] | type[Function], every: str) -> tuple[Option, ...]:
    return (("", every), *sorted((code.value, words.title(code.value)) for code in codes))
