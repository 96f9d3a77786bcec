"""Reading a search for tasks from query parameters; what is found is `storage.task_search`'s."""

from typing import Final

from broker.storage.keyset import Position
from broker.storage.task_search import SortBy, TaskQuery
from broker.web.api.parameters import (
    ID,
    Pairs,
    after,
    coded,
    one,
    only,
    only_count,
    order,
    reference,
    refuse,
    spans,
    whole,
)
from schemas.codes import TaskCode, TaskStatus
from schemas.identifiers import TEAM

MOST: Final = 200
"""Tasks of one page; a larger `_count` gets as many."""
USUAL: Final = 50

KNOWN: Final = (
    "owner",
    "owner:identifier",
    "requester",
    "requester:identifier",
    "status",
    "code",
    "patient",
    "part-of",
    "authored-on",
    "due",
    "_lastUpdated",
    "_sort",
    "_count",
    "_summary",
    "_cursor",
    "_format",
    "_total",
    "_totalMethod",  # as fhirpy asks for a count, beside `_count=0`
)


def read(pairs: Pairs) -> tuple[TaskQuery, bool]:
    """The query, and whether only its count is asked for. Unreadable names the parameter that cannot be served."""
    only(pairs, KNOWN)
    count = whole(pairs, "_count")
    sort, descending = order(pairs, "_sort", SortBy, SortBy.DUE)
    query = TaskQuery(
        owner=_team(pairs, "owner"),
        requester=_team(pairs, "requester"),
        statuses=coded(pairs, "status", TaskStatus),
        codes=coded(pairs, "code", TaskCode),
        person_id=reference(pairs, "patient", "Patient/"),
        part_of=reference(pairs, "part-of", "Task/"),
        authored=spans(pairs, "authored-on"),
        due=spans(pairs, "due"),
        changed=spans(pairs, "_lastUpdated"),
        sort=sort,
        descending=descending,
        count=min(count or 1, MOST) if count is not None else USUAL,
        after=after(pairs, sort, descending=descending),
    )
    return query, count == 0 or only_count(pairs)


def next_pairs(pairs: Pairs, query: TaskQuery, last: Position) -> list[tuple[str, str]]:
    """The parameters of the next page."""
    cursor = last.text(query.sort, descending=query.descending)
    return [*((name, value) for name, value in pairs if name != "_cursor"), ("_cursor", cursor)]


def _team(pairs: Pairs, name: str) -> str | None:
    """`owner=swbh-midwifery`, `owner=Organization/…`, or `owner:identifier=system|value`."""
    value = one(pairs, f"{name}:identifier")
    if value is not None:
        system, _, value = value.rpartition("|")
        if system != TEAM or not ID.fullmatch(value):
            refuse(f"{name}:identifier", f"must be {TEAM}| and a team's id")
        return value
    return reference(pairs, name, "Organization/")
