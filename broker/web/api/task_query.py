"""Reading a search for tasks from query parameters; what is found is `storage.task_search`'s."""

import calendar
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NoReturn, TypeVar

from broker.errors import Unreadable
from broker.storage.task_search import Position, SortBy, Span, TaskQuery, position
from schemas.codes import SYSTEMS, TaskCode, TaskStatus
from schemas.identifiers import TEAM
from schemas.problem import Problem

MOST: Final = 200
"""Tasks of one page; a larger `_count` gets as many."""
USUAL: Final = 50

Pairs = Sequence[tuple[str, str]]
Member = TypeVar("Member", bound=StrEnum)

_DATES: Final = {"authored-on": "authored", "due": "due", "_lastUpdated": "changed"}
KNOWN: Final = (
    "owner",
    "owner:identifier",
    "requester",
    "requester:identifier",
    "status",
    "code",
    "patient",
    "part-of",
    *_DATES,
    "_sort",
    "_count",
    "_summary",
    "_cursor",
    "_format",
    "_total",
    "_totalMethod",  # as fhirpy asks for a count, beside `_count=0`
)
ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_DATE: Final = re.compile(
    r"(eq|ge|le|gt|lt)?(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?))?)?)?"
)


def read(pairs: Pairs) -> tuple[TaskQuery, bool]:
    """The query, and whether only its count is asked for. Unreadable names the parameter that cannot be served."""
    for name, _ in pairs:
        if name not in KNOWN:
            _refuse("", f"has a parameter that is none of {', '.join(KNOWN)}", "not-supported")
    count = _count(pairs)
    sort, descending = _sort(pairs)
    query = TaskQuery(
        owner=_team(pairs, "owner"),
        requester=_team(pairs, "requester"),
        statuses=_coded(pairs, "status", TaskStatus),
        codes=_coded(pairs, "code", TaskCode),
        person_id=_reference(pairs, "patient", "Patient/"),
        part_of=_reference(pairs, "part-of", "Task/"),
        authored=_spans(pairs, "authored-on"),
        due=_spans(pairs, "due"),
        changed=_spans(pairs, "_lastUpdated"),
        sort=sort,
        descending=descending,
        count=min(count or 1, MOST),
        after=_after(pairs, sort, descending=descending),
    )
    return query, count == 0 or _only_count(pairs)


def next_pairs(pairs: Pairs, query: TaskQuery, last: Position) -> list[tuple[str, str]]:
    """The parameters of the next page."""
    return [*((name, value) for name, value in pairs if name != "_cursor"), ("_cursor", last.text(query))]


def _refuse(path: str, reason: str, code: str = "value") -> NoReturn:
    raise Unreadable(problems=[Problem(path, reason, code)])


def _all(pairs: Pairs, name: str) -> list[str]:
    return [value for given, value in pairs if given == name]


def _one(pairs: Pairs, name: str) -> str | None:
    values = _all(pairs, name)
    if len(values) > 1:
        _refuse(name, "may be there only once")
    return values[0] if values else None


def _team(pairs: Pairs, name: str) -> str | None:
    """`owner=swbh-midwifery`, `owner=Organization/…`, or `owner:identifier=system|value`."""
    value = _one(pairs, f"{name}:identifier")
    if value is not None:
        system, _, value = value.rpartition("|")
        if system != TEAM or not ID.fullmatch(value):
            _refuse(f"{name}:identifier", f"must be {TEAM}| and a team's id")
        return value
    return _reference(pairs, name, "Organization/")


def _reference(pairs: Pairs, name: str, prefix: str) -> str | None:
    value = _one(pairs, name)
    if value is not None and not ID.fullmatch(value.removeprefix(prefix)):
        _refuse(name, "must be an id")
    return None if value is None else value.removeprefix(prefix)


def _coded(pairs: Pairs, name: str, kind: type[Member]) -> frozenset[Member]:
    """Codes: commas mean or, a repeated parameter means and."""
    found: frozenset[Member] = frozenset()
    for index, value in enumerate(_all(pairs, name)):
        members = frozenset(_member(token, name, kind) for token in value.split(","))
        found = members if index == 0 else found & members
        if not found:
            _refuse(name, "asks for several values at once, and a task has one")
    return found


def _member(token: str, name: str, kind: type[Member]) -> Member:
    system, _, code = token.rpartition("|")
    if system not in ("", SYSTEMS[kind]) or code not in set(kind):
        _refuse(name, "is not a code of its value set", "code-invalid")
    return kind(code)


def _count(pairs: Pairs) -> int:
    value = _one(pairs, "_count")
    if value is not None and not (value.isascii() and value.isdigit() and len(value) < 10):
        _refuse("_count", "must be a whole number")
    return USUAL if value is None else int(value)


def _only_count(pairs: Pairs) -> bool:
    value = _one(pairs, "_summary")
    if value not in (None, "count", "false"):
        _refuse("_summary", "may be count or false")
    return value == "count"


def _sort(pairs: Pairs) -> tuple[SortBy, bool]:
    value = _one(pairs, "_sort") or SortBy.DUE
    name = value.removeprefix("-")
    if name not in set(SortBy):
        _refuse("_sort", f"must be one of {', '.join(SortBy)}, with - before it for the other way")
    return SortBy(name), value.startswith("-")


def _after(pairs: Pairs, sort: SortBy, *, descending: bool) -> Position | None:
    value = _one(pairs, "_cursor")
    if value is None:
        return None
    return position(value, sort, descending=descending) or _refuse("_cursor", "is not one of this search")


def _spans(pairs: Pairs, name: str) -> tuple[Span, ...]:
    return tuple(_span(value, name) for value in _all(pairs, name))


_EDGES: Final[dict[str, Callable[[datetime, datetime], Span]]] = {
    "eq": Span,
    "ge": lambda start, _end: Span(start=start),
    "gt": lambda _start, end: Span(start=end),
    "le": lambda _start, end: Span(end=end),
    "lt": lambda start, _end: Span(end=start),
}


def _span(text: str, name: str) -> Span:
    """A date with its prefix as a span; a date means the whole of it, as R4 says. Without a zone it is UTC."""
    match = _DATE.fullmatch(text.replace(" ", "+"))  # a plus that nobody encoded
    if match is None:
        _refuse(name, "must be a date or time with eq, ge, le, gt or lt before it")
    prefix, year, month, day, clock = match.groups()
    try:
        start, end = _period(int(year), month, day, clock)
    except (ValueError, OverflowError):
        _refuse(name, "must be a date that exists")
    return _EDGES[prefix or "eq"](start, end)


def _period(year: int, month: str | None, day: str | None, clock: str | None) -> tuple[datetime, datetime]:
    if month is None:
        return datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    start = datetime(year, int(month), int(day or 1), tzinfo=UTC)
    if day is None:
        return start, start + timedelta(days=calendar.monthrange(year, start.month)[1])
    if clock is None:
        return start, start + timedelta(days=1)
    at = datetime.fromisoformat(f"{year:04d}-{month}-{day}T{clock}")
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return at, at + _precision(clock)


def _precision(clock: str) -> timedelta:
    digits = re.split(r"[Z+-]", clock)[0]
    if "." in digits:
        return timedelta(microseconds=1)
    return timedelta(seconds=1) if digits.count(":") == 2 else timedelta(minutes=1)
