"""Reading what an auditor asks for from query parameters; what is found is `storage.handovers`'s."""

from datetime import timedelta
from typing import Final

from broker.domain import terms
from broker.domain.handovers import HandoverState
from broker.storage.handovers import HandoverQuery, SortBy
from broker.storage.keyset import Position
from broker.web.api.parameters import Pairs, after, chosen, coded, day, limited, one, only, order, reference, refuse
from schemas.codes import Event, Function

MOST: Final = 500
"""Handovers of one page; a larger `limit` gets as many."""
USUAL: Final = 50
OLDEST: Final = timedelta(days=366 * 150)
"""Longer than anything was kept, and short enough to be taken from any date."""

FILTERS: Final = {
    "state": f"One of {', '.join(HandoverState)}; all without it",
    "agency": "Id of the agency whose team must answer",
    "team": "Id of the team that must answer",
    "area": "Id of the area of the team that must answer",
    "function": "Function of the team that must answer; commas mean or",
    "from_agency": "Id of the agency whose team sent it",
    "from_team": "Id of the team that sent it",
    "kind": "Event that was notified, such as birth; commas mean or",
    "older_than": "At least that old: ISO 8601, of weeks, days, hours and minutes, such as PT48H",
    "since": "Sent on that day, at that time or later",
    "until": "Sent on that day, at that time or earlier",
}
PAGING: Final = {
    "sort": "age (the youngest first) or due (the soonest first), with - for the other way; -age without it",
    "cursor": "Where the page begins, as `next` of the page before says",
    "limit": f"Handovers of a page, {USUAL} without it and {MOST} at most",
}


def read(pairs: Pairs) -> HandoverQuery:
    """The query of a page. Unreadable names the parameter that cannot be served."""
    only(pairs, (*FILTERS, *PAGING))
    sort, descending = order(pairs, "sort", SortBy, f"-{SortBy.AGE}")
    return _filtered(
        pairs,
        sort=sort,
        descending=descending,
        limit=limited(pairs, USUAL, MOST),
        after=after(pairs, sort, descending=descending, name="cursor"),
    )


def read_whole(pairs: Pairs) -> HandoverQuery:
    """The query of a result that is given whole, page after page: it has no cursor and no limit."""
    only(pairs, (*FILTERS, "sort"))
    sort, descending = order(pairs, "sort", SortBy, f"-{SortBy.AGE}")
    return _filtered(pairs, sort=sort, descending=descending, limit=MOST)


def read_filters(pairs: Pairs, *others: str) -> HandoverQuery:
    """The query of a count; `others` are parameters that somebody else reads."""
    only(pairs, (*FILTERS, *others))
    return _filtered(pairs)


def next_pairs(pairs: Pairs, query: HandoverQuery, last: Position) -> list[tuple[str, str]]:
    """The parameters of the next page."""
    cursor = last.text(query.sort, descending=query.descending)
    return [*((name, value) for name, value in pairs if name != "cursor"), ("cursor", cursor)]


def _filtered(
    pairs: Pairs,
    *,
    sort: SortBy = SortBy.AGE,
    descending: bool = True,
    limit: int = USUAL,
    after: Position | None = None,
) -> HandoverQuery:
    return HandoverQuery(
        state=chosen(pairs, "state", HandoverState),
        agency=reference(pairs, "agency"),
        team=reference(pairs, "team"),
        area=reference(pairs, "area"),
        functions=coded(pairs, "function", Function),
        from_agency=reference(pairs, "from_agency"),
        from_team=reference(pairs, "from_team"),
        kinds=coded(pairs, "kind", Event),
        older_than=_age(pairs),
        since=day(pairs, "since").start,
        until=day(pairs, "until").end,
        sort=sort,
        descending=descending,
        limit=limit,
        after=after,
    )


def _age(pairs: Pairs) -> timedelta | None:
    value = one(pairs, "older_than")
    if value is None:
        return None
    try:
        age = terms.parse_elapsed(value)
    except (ValueError, OverflowError):
        refuse(
            "older_than", "must be a duration of weeks, days, hours or minutes such as PT48H, a hundred years at most"
        )
    return min(age, OLDEST)
