"""`/audit/handovers`: what was handed to another team and what became of it, for auditors; as JSON, and the list also as CSV."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import StreamingResponse
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.errors import NotAcceptable
from broker.runtime import Runtime
from broker.storage.handovers import HandoverQuery
from broker.storage.keyset import Position
from broker.web import csv_text, documented
from broker.web.api import handover_query
from broker.web.api.evidence_shown import EvidenceShown, shown
from broker.web.api.handover_rows import HEADER, Counts, HandoverRow, Page, cells, counted, row
from broker.web.api.parameters import Pairs, chosen, refuse
from broker.web.csv_text import CSV
from broker.web.deps import Running, require
from broker.web.guard import preferred
from broker.workflow import evidence, handovers
from broker.workflow.handovers import CountBy

router = APIRouter(prefix="/audit/handovers", tags=["Audit"])
Auditor = Annotated[Caller, Depends(require("baton/audit"))]
HandoverId = Annotated[str, Path(pattern=r"^[A-Za-z0-9\-]{1,64}$", description="Id of the handover's task")]

JSON = "application/json"
_ATTACHED = {"Content-Disposition": 'attachment; filename="handovers.csv"'}
_AS_CSV: documented.Responses = {
    200: {"content": {CSV: {"schema": {"type": "string"}}}, "description": "JSON a page, CSV the whole result"}
}


@router.get(
    "",
    summary="Handovers by state, age, and who must answer",
    response_model=Page,
    responses=_AS_CSV | documented.refusals(406),
    openapi_extra=documented.asks_for(handover_query.FILTERS | handover_query.PAGING),
)
def listed(request: Request, running: Running, caller: Auditor) -> Response:
    """A page as JSON, oldest first unless `sort` says otherwise; with `Accept: text/csv` the whole result."""
    pairs = request.query_params.multi_items()
    wanted = preferred(request.headers.getlist("accept"), (JSON, CSV))
    if wanted == JSON:
        return Response(_page(pairs, running, caller).model_dump_json(by_alias=True), media_type=JSON)
    if wanted == CSV:
        return as_csv(pairs, running, caller)
    raise NotAcceptable("Answers are application/json or text/csv.")


@router.get(
    "/counts",
    summary="How many handovers there are, by agency, age, kind or state",
    openapi_extra=documented.asks_for({"by": f"One of {', '.join(CountBy)}; required"} | handover_query.FILTERS),
)
def counts(request: Request, running: Running, caller: Auditor) -> Counts:
    """The figures agree with the list of the same filters. States overlap: the overdue and escalated are unacknowledged too."""
    pairs, now = request.query_params.multi_items(), running.now()
    query = handover_query.read_filters(pairs, "by")
    by = chosen(pairs, "by", CountBy) or refuse("by", f"is required: one of {', '.join(CountBy)}", "required")

    def work(session: Session) -> Counts:
        lines, total = handovers.counts(session, running.context(session), caller, query, by, now)
        return counted(now, by, lines, total)

    return running.store.write(work)


@router.get("/{handover_id}/evidence", summary="Everything about one handover, first byte to last answer")
def evidence_of(handover_id: HandoverId, running: Running, caller: Auditor) -> EvidenceShown:
    """Who, what and when: message, routing, deliveries, tasks, responsibility, audit. What was said of anybody is not in it."""
    now = running.now()

    def work(session: Session) -> EvidenceShown:
        return shown(evidence.evidence(session, running.context(session), caller, handover_id, now), now)

    return running.store.write(work)


def as_csv(pairs: Pairs, running: Runtime, caller: Caller) -> Response:
    """The whole result of these filters, as a file to keep."""
    whole = _whole(handover_query.read_whole(pairs), running, caller)
    # The first page is read before anything is answered, so that what goes wrong is answered as what it is.
    return StreamingResponse(chain([next(whole)], whole), media_type=CSV, headers=_ATTACHED)


def _page(pairs: Pairs, running: Runtime, caller: Caller) -> Page:
    query, now = handover_query.read(pairs), running.now()
    rows, last = _read(query, running, caller, now)
    following = urlencode(handover_query.next_pairs(pairs, query, last)) if last else None
    return Page(at=now, handovers=rows, next=f"/audit/handovers?{following}" if following else None)


def _whole(query: HandoverQuery, running: Runtime, caller: Caller) -> Iterator[str]:
    """CSV page by page, as far as there are any: each is read, and written down as read, in a transaction of its own."""
    now = running.now()
    rows, last = _read(query, running, caller, now)
    yield csv_text.text([HEADER])
    yield csv_text.text(map(cells, rows))
    while last is not None:
        rows, last = _read(replace(query, after=last), running, caller, now)
        yield csv_text.text(map(cells, rows))


def _read(
    query: HandoverQuery, running: Runtime, caller: Caller, now: datetime
) -> tuple[list[HandoverRow], Position | None]:
    def work(session: Session) -> tuple[list[HandoverRow], Position | None]:
        found, last = handovers.page(session, running.context(session), caller, query, now)
        return [row(seen) for seen in found], last

    return running.store.write(work)
