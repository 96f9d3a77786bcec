"""`GET /households/{id}/chronology`: one line of events across agencies, staff and siblings, as the caller's team may see it; as JSON and FHIR."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.errors import NotAcceptable, NotFound
from broker.storage import audit
from broker.storage.keyset import Position
from broker.web import documented
from broker.web.api.chronology_shown import Page, gaps_shown, line_shown, searchset
from broker.web.api.parameters import ID, Pairs, after, day, limited, one, only, order, refuse
from broker.web.api.people import Searcher
from broker.web.deps import Running
from broker.web.guard import preferred
from broker.web.outcomes import FHIR_JSON, FhirResponse
from broker.workflow import chronology
from broker.workflow.chronology import Chronology, Line
from broker.workflow.context import Context

router = APIRouter(tags=["People"])

JSON: Final = "application/json"
MOST: Final = 500
USUAL: Final = 100

ASKS: Final = {
    "since": "What happened on that day, at that time or later",
    "until": "What happened on that day, at that time or earlier",
    "sort": "at (the earliest first) or -at; at without it",
    "cursor": "Where the page begins, as `next` of the page before says",
    "limit": f"Lines of a page, {USUAL} without it and {MOST} at most",
    "_format": "json, or fhir for a searchset; goes before the Accept header",
}
_FORMATS: Final = {"json": JSON, JSON: JSON, "fhir": FHIR_JSON, FHIR_JSON: FHIR_JSON}
_AS_FHIR: documented.Responses = {
    200: {
        "model": Page,
        "content": {FHIR_JSON: {"schema": {"type": "object"}}},
        "description": "Lines and gaps; as FHIR a searchset of messages and DetectedIssues",
    }
}


class SortBy(StrEnum):
    """The one order of the lines."""

    AT = "at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for."""

    since: datetime | None
    """Happened then or later."""
    until: datetime | None
    """Happened before then."""
    descending: bool
    after: Position | None
    limit: int


@router.get(
    "/households/{household_id}/chronology",
    summary="What happened in a household, across agencies, as the caller may see it, and when nothing did",
    response_model=None,
    responses=_AS_FHIR | documented.refusals(404, 406),
    openapi_extra=documented.asks_for(ASKS),
)
def listed(household_id: str, request: Request, running: Running, caller: Searcher) -> Response:
    """A page of lines with all gaps. What the caller may not see is not there, and is counted nowhere."""
    pairs = request.query_params.multi_items()
    media, asked, now = _media(request, pairs), _read(pairs), running.now()
    if not ID.fullmatch(household_id):
        raise NotFound
    path = f"/households/{household_id}/chronology"

    def work(session: Session) -> Response:
        ctx = running.context(session)
        found = chronology.chronology(session, ctx, caller, household_id, now)
        if found is None:
            raise NotFound
        lines, last = _page(found, asked)
        _note(session, caller, household_id, found.seen, lines, now)
        following = f"{path}?{urlencode(_next(pairs, asked, last))}" if last else None
        if media == JSON:
            return _as_json(household_id, found, lines, following, ctx, now)
        links = {"self": f"{path}?{urlencode(pairs)}" if pairs else path} | ({"next": following} if following else {})
        total = sum(_within(line, asked) for line in found.lines)
        return FhirResponse(
            searchset(lines, gaps_shown(found, now), total=total, public_url=ctx.public_url, links=links, now=now)
        )

    return running.store.write(work)


def _as_json(
    household_id: str, found: Chronology, lines: list[Line], following: str | None, ctx: Context, now: datetime
) -> Response:
    shown = Page(
        household=household_id,
        at=now,
        lines=[line_shown(line, ctx.directory) for line in lines],
        gaps=gaps_shown(found, now),
        next=following,
    )
    return Response(shown.model_dump_json(by_alias=True), media_type=JSON)


def _note(
    session: Session, caller: Caller, household_id: str, seen: frozenset[str], lines: Sequence[Line], now: datetime
) -> None:
    """Who has read which events of which household."""
    audit.record(
        session,
        action="read",
        entity="household",
        entity_id=household_id,
        caller=caller,
        now=now,
        detail={"chronology": [line.notification for line in lines], audit.PATIENTS: sorted(seen)},
    )


# --- what is asked for ------------------------------------------------------------------------------------------------


def _media(request: Request, pairs: Pairs) -> str:
    asked = one(pairs, "_format")
    if asked is not None:
        return _FORMATS.get(asked.replace(" ", "+")) or refuse("_format", "must be json or fhir", "not-supported")
    wanted = preferred(request.headers.getlist("accept"), (JSON, FHIR_JSON))
    if wanted is None:
        raise NotAcceptable("Answers are application/json or application/fhir+json.")
    return wanted


def _read(pairs: Pairs) -> Asked:
    only(pairs, tuple(ASKS))
    sort, descending = order(pairs, "sort", SortBy, SortBy.AT)
    return Asked(
        since=day(pairs, "since").start,
        until=day(pairs, "until").end,
        descending=descending,
        after=after(pairs, sort, descending=descending, name="cursor"),
        limit=limited(pairs, USUAL, MOST),
    )


def _next(pairs: Pairs, asked: Asked, last: Position) -> list[tuple[str, str]]:
    cursor = last.text(SortBy.AT, descending=asked.descending)
    return [*((name, value) for name, value in pairs if name != "cursor"), ("cursor", cursor)]


def _within(line: Line, asked: Asked) -> bool:
    return (asked.since is None or line.at >= asked.since) and (asked.until is None or line.at < asked.until)


def _page(found: Chronology, asked: Asked) -> tuple[list[Line], Position | None]:
    """The lines behind the cursor, and the last of them when more follow."""
    lines = sorted((line for line in found.lines if _within(line, asked)), key=_place, reverse=asked.descending)
    if asked.after is not None:
        last = (asked.after.value, asked.after.row_id)
        lines = [line for line in lines if (_place(line) < last if asked.descending else _place(line) > last)]
    page = lines[: asked.limit]
    return page, Position(*_place(page[-1])) if len(lines) > len(page) else None


def _place(line: Line) -> tuple[datetime, str]:
    """Its place in the order, in the form of a cursor."""
    return line.at, line.id.replace(".", "-")
