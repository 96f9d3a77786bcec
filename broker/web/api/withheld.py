"""`/audit/withheld`: who was not told of what, why, and who decided that, for auditors; a page as JSON, the whole as CSV."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.reasons import NotTold
from broker.storage.keyset import Position
from broker.storage.withheld import SortBy, WithheldQuery
from broker.web import documented
from broker.web.api.handover_query import MOST, USUAL
from broker.web.api.parameters import Pairs, behind, chosen, day, limited, one, only, order, reference
from broker.web.api.report_table import AS_CSV, JSON, Table, answer
from broker.web.api.withheld_rows import COLUMNS, WithheldRow, cells, row
from broker.web.csv_text import CSV
from broker.web.deps import Running, require
from broker.web.guard import preferred
from broker.workflow import withheld
from broker.workflow.context import Context
from schemas.codes import Event

router = APIRouter(prefix="/audit/withheld", tags=["Audit"])
Auditor = Annotated[Caller, Depends(require("baton/audit"))]

FILTERS: Final = {
    "agency": "Id of the agency whose team was not told",
    "team": "Id of the team that was not told",
    "from_agency": "Id of the agency whose team sent it",
    "from_team": "Id of the team that sent it",
    "kind": "Event that was notified, such as birth",
    "reason": f"One of {', '.join(NotTold)}",
    "since": "Decided on that day, at that time or later",
    "until": "Decided on that day, at that time or earlier",
}
PAGING: Final = {
    "sort": "at (the earliest first) or -at; -at without it",
    "cursor": "Where the page begins, as `next` of the page before says",
    "limit": f"Decisions of a page, {USUAL} without it and {MOST} at most",
}


@router.get(
    "",
    summary="Decisions not to share: who was not told of what, why, by whom it was decided, and when",
    response_model=None,
    responses=AS_CSV | documented.refusals(406),
    openapi_extra=documented.asks_for(FILTERS | PAGING),
)
def listed(request: Request, running: Running, caller: Auditor) -> Response:
    """A page as JSON, the newest first unless `sort` says otherwise; with `Accept: text/csv` the whole result."""
    as_file = preferred(request.headers.getlist("accept"), (JSON, CSV)) == CSV
    pairs = request.query_params.multi_items()
    query = read_whole(pairs) if as_file else read(pairs)
    return answer(request, running, table(query, pairs, caller, running.now()))


def table(query: WithheldQuery, pairs: Pairs, caller: Caller, now: datetime) -> Table:
    """What is asked for, as a table; `pairs` is how it was asked for."""

    def rows(session: Session, ctx: Context, cursor: str | None) -> tuple[Sequence[WithheldRow], str | None]:
        following = replace(query, after=behind(cursor, SortBy.AT, descending=query.descending))
        found, last = withheld.page(session, ctx, caller, following, now)
        return [row(seen) for seen in found], last.text(SortBy.AT, descending=query.descending) if last else None

    return Table(
        name="withheld",
        at=now,
        read=rows,
        flat=cells,
        columns=COLUMNS,
        cursor=one(pairs, "cursor"),
        address=lambda following: f"/audit/withheld?{urlencode(next_pairs(pairs, following))}",
    )


def read(pairs: Pairs) -> WithheldQuery:
    """The query of a page. Unreadable names the parameter that cannot be served."""
    only(pairs, (*FILTERS, *PAGING))
    _, descending = order(pairs, "sort", SortBy, f"-{SortBy.AT}")
    limit, after = limited(pairs, USUAL, MOST), behind(one(pairs, "cursor"), SortBy.AT, descending=descending)
    return _filtered(pairs, descending=descending, limit=limit, after=after)


def read_whole(pairs: Pairs) -> WithheldQuery:
    """The query of a result that is given whole, page after page: it has no cursor and no limit."""
    only(pairs, (*FILTERS, "sort"))
    _, descending = order(pairs, "sort", SortBy, f"-{SortBy.AT}")
    return _filtered(pairs, descending=descending, limit=MOST, after=None)


def next_pairs(pairs: Pairs, cursor: str) -> list[tuple[str, str]]:
    """The parameters of the page behind a cursor."""
    return [*((name, value) for name, value in pairs if name != "cursor"), ("cursor", cursor)]


def _filtered(pairs: Pairs, *, descending: bool, limit: int, after: Position | None) -> WithheldQuery:
    return WithheldQuery(
        agency=reference(pairs, "agency"),
        team=reference(pairs, "team"),
        from_agency=reference(pairs, "from_agency"),
        from_team=reference(pairs, "from_team"),
        kind=chosen(pairs, "kind", Event),
        reason=chosen(pairs, "reason", NotTold),
        since=day(pairs, "since").start,
        until=day(pairs, "until").end,
        descending=descending,
        limit=limit,
        after=after,
    )
