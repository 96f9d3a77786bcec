"""Reading query parameters: each once or several times, as an id, a code, a number or a date; what they ask for is their call's."""

import calendar
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, NoReturn, TypeVar
from urllib.parse import parse_qsl

from fastapi import Path
from starlette.requests import Request

from broker.errors import Unreadable, Unsupported
from broker.storage.keyset import Position, position
from broker.storage.task_search import Span
from broker.web.documented import FORM
from broker.web.guard import media_type
from schemas.codes import SYSTEMS
from schemas.problem import Problem

Pairs = Sequence[tuple[str, str]]
Member = TypeVar("Member", bound=StrEnum)

_FORM: Final = r"[A-Za-z0-9\-.]{1,64}"
ID: Final = re.compile(_FORM)
RecordId = Annotated[str, Path(pattern=f"^{_FORM}$")]
"""An id in an address, of the form of FHIR's."""
_DATE: Final = re.compile(
    r"(eq|ge|le|gt|lt)?(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?))?)?)?"
)


def in_body(request: Request, body: bytes) -> Pairs:
    """What a search by POST asks, in its address and in its form. Unsupported for another media type; Unreadable when it is not UTF-8."""
    if media_type(request.headers.get("content-type", "")) != FORM:
        raise Unsupported(f"Send {FORM}.")
    try:
        asked = parse_qsl(body.decode(), keep_blank_values=True)
    except UnicodeDecodeError as error:
        raise Unreadable("The body is not UTF-8.") from error
    return [*request.query_params.multi_items(), *asked]


def only_count(pairs: Pairs) -> bool:
    """Whether `_summary=count` asks for the number alone."""
    value = one(pairs, "_summary")
    if value not in (None, "count", "false"):
        refuse("_summary", "may be count or false")
    return value == "count"


def after(pairs: Pairs, sort: StrEnum, *, descending: bool, name: str = "_cursor") -> Position | None:
    """Where the page begins: behind the cursor, which must be of this very order."""
    return behind(one(pairs, name), sort, descending=descending, name=name)


def behind(cursor: str | None, sort: StrEnum, *, descending: bool, name: str = "cursor") -> Position | None:
    """What a cursor says, which must be of this very order."""
    if cursor is None:
        return None
    return position(cursor, sort, descending=descending) or refuse(name, "is not one of this search")


def refuse(path: str, reason: str, code: str = "value") -> NoReturn:
    """Unreadable, naming the parameter and why, never its value."""
    raise Unreadable(problems=[Problem(path, reason, code)])


def only(pairs: Pairs, known: Sequence[str]) -> None:
    """Refuse what this call does not know: to leave it out silently would show more than was asked for."""
    if any(name not in known for name, _ in pairs):
        refuse("", f"has a parameter that is none of {', '.join(known)}", "not-supported")


def every(pairs: Pairs, name: str) -> list[str]:
    """The values of a parameter, in their order."""
    return [value for given, value in pairs if given == name]


def one(pairs: Pairs, name: str) -> str | None:
    """The value of a parameter that may be there only once."""
    values = every(pairs, name)
    if len(values) > 1:
        refuse(name, "may be there only once")
    return values[0] if values else None


def reference(pairs: Pairs, name: str, prefix: str = "") -> str | None:
    """An id, with or without what stands before it in a reference."""
    value = one(pairs, name)
    if value is not None and not ID.fullmatch(value.removeprefix(prefix)):
        refuse(name, "must be an id")
    return None if value is None else value.removeprefix(prefix)


def coded(pairs: Pairs, name: str, kind: type[Member]) -> frozenset[Member]:
    """Codes: commas mean or, a repeated parameter means and."""
    found: frozenset[Member] = frozenset()
    for index, value in enumerate(every(pairs, name)):
        members = frozenset(_member(token, name, kind) for token in value.split(","))
        found = members if index == 0 else found & members
        if not found:
            refuse(name, "asks for several values at once, and there is only one")
    return found


def _member(token: str, name: str, kind: type[Member]) -> Member:
    system, _, code = token.rpartition("|")
    if system not in ("", SYSTEMS[kind]) or code not in set(kind):
        refuse(name, f"must be one of {', '.join(kind)}", "code-invalid")
    return kind(code)


def chosen(pairs: Pairs, name: str, kind: type[Member]) -> Member | None:
    """One of our own words."""
    value = one(pairs, name)
    if value is not None and value not in set(kind):
        refuse(name, f"must be one of {', '.join(kind)}", "code-invalid")
    return None if value is None else kind(value)


def whole(pairs: Pairs, name: str) -> int | None:
    """A whole number that is not negative."""
    value = one(pairs, name)
    if value is not None and not (value.isascii() and value.isdigit() and len(value) < 10):
        refuse(name, "must be a whole number")
    return None if value is None else int(value)


def limited(pairs: Pairs, usual: int, most: int) -> int:
    """How many a page has, by `limit`."""
    limit = whole(pairs, "limit")
    if limit == 0:
        refuse("limit", "must be at least 1")
    return min(limit or usual, most)


def order(pairs: Pairs, name: str, kind: type[Member], usual: str) -> tuple[Member, bool]:
    """What to sort by, and whether the other way round."""
    value = one(pairs, name) or usual
    if value.removeprefix("-") not in set(kind):
        refuse(name, f"must be one of {', '.join(kind)}, with - before it for the other way")
    return kind(value.removeprefix("-")), value.startswith("-")


_EDGES: Final[dict[str, Callable[[datetime, datetime], Span]]] = {
    "eq": Span,
    "ge": lambda start, _end: Span(start=start),
    "gt": lambda _start, end: Span(start=end),
    "le": lambda _start, end: Span(end=end),
    "lt": lambda start, _end: Span(end=start),
}


def spans(pairs: Pairs, name: str) -> tuple[Span, ...]:
    """Dates with their prefixes, all of which must hold."""
    return tuple(_span(value, name) for value in every(pairs, name))


def day(pairs: Pairs, name: str) -> Span:
    """A date or time without a prefix as the whole of it; open at both ends when there is none."""
    value = one(pairs, name)
    if value is None:
        return Span()
    if not value[:1].isdigit():
        refuse(name, "must be a date or time")
    return _span(value, name)


def _span(text: str, name: str) -> Span:
    """A date with its prefix as a span; a date means the whole of it, as R4 says. Without a zone it is UTC."""
    match = _DATE.fullmatch(text.replace(" ", "+"))  # a plus that nobody encoded
    if match is None:
        refuse(name, "must be a date or time with eq, ge, le, gt or lt before it")
    prefix, year, month, day_, clock = match.groups()
    try:
        start, end = _period(int(year), month, day_, clock)
    except (ValueError, OverflowError):
        refuse(name, "must be a date that exists")
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
