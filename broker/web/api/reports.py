"""`/reports/…`: births without registration, a meeting's agenda, timeliness of agencies, what is expected; a page as JSON, the whole as CSV."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.states import ExpectationState
from broker.domain.timeliness import Period
from broker.domain.world import Team
from broker.errors import Forbidden
from broker.storage.birth_report import BirthQuery, BirthSort, BirthState
from broker.storage.expectation_report import ExpectationQuery, ExpectationSort
from broker.storage.expectations import OPEN
from broker.storage.keyset import Position
from broker.web import documented
from broker.web.api import report_rows
from broker.web.api.handover_rows import Shown
from broker.web.api.parameters import Pairs, behind, chosen, day, limited, one, only, reference, refuse, whole
from broker.web.api.report_table import AS_CSV, PAGING, Read, Table, answer, names, plain
from broker.web.deps import Running, require
from broker.workflow import agenda, birth_report, expectation_report, timeliness
from broker.workflow.context import Context
from broker.workflow.holders import AUDIT
from schemas.codes import Event

router = APIRouter(prefix="/reports", tags=["Reports"])
Asker = Annotated[Caller, Depends(require("system/Patient.s", AUDIT))]
Searcher = Annotated[Caller, Depends(require("system/Patient.s"))]
Auditor = Annotated[Caller, Depends(require(AUDIT))]

MOST: Final = 500
USUAL: Final = 50
FAMILIES: Final = 50
"""Of one page of an agenda at most."""

BIRTHS: Final = {"state": f"One of {', '.join(BirthState)}; both without it"}
EXPECTATIONS: Final = {
    "state": f"One of {', '.join(OPEN)}; both without it",
    "rule": "Name of the policy's line",
    "due": "Due on that day, at that time or earlier",
}
AGENDA: Final = {"since": "When the last meeting was; four weeks ago unless the policy says otherwise"}
TIMELINESS: Final = {
    "since": "Sent on that day, at that time or later; thirteen weeks ago without it",
    "until": "Sent on that day, at that time or earlier; now without it",
    "by": f"One of {', '.join(Period)}; month without it",
    "agency": "Id of the agency whose teams must answer",
    "kind": "Event that was notified",
}


@router.get(
    "/births",
    summary="Children expected or born lately whom no practice is known to have registered",
    response_model=None,
    responses=AS_CSV | documented.refusals(406),
    openapi_extra=documented.asks_for(BIRTHS | PAGING),
)
def births(request: Request, running: Running, caller: Asker) -> Response:
    """For a team those whom it works with, and who lives with them, as far as it may look them up; for an auditor all, by ids alone."""
    pairs, now = request.query_params.multi_items(), running.now()
    only(pairs, (*BIRTHS, *PAGING))
    state, limit = chosen(pairs, "state", BirthState), limited(pairs, USUAL, MOST)

    def read(session: Session, ctx: Context, cursor: str | None) -> tuple[list[report_rows.BirthShown], str | None]:
        team = _team(ctx, caller)
        query = BirthQuery(
            now=now,
            since=ctx.policy.reports.born_since,
            state=state,
            team=team.id if team else None,
            after=behind(cursor, BirthSort.DAY, descending=False),
            limit=limit,
        )
        rows, last = birth_report.page(session, ctx, caller, query, team)
        return [report_rows.birth(row) for row in rows], _text(last, BirthSort.DAY)

    return answer(request, running, _table("births", pairs, now, read, report_rows.BirthShown))


@router.get(
    "/expectations",
    summary="What is expected and has not come",
    response_model=None,
    responses=AS_CSV | documented.refusals(406),
    openapi_extra=documented.asks_for(EXPECTATIONS | PAGING),
)
def expectations(request: Request, running: Running, caller: Asker) -> Response:
    """For a team what it owes, or its function, about whom it works with; for an auditor all, by ids alone. The longest due first."""
    pairs, now = request.query_params.multi_items(), running.now()
    only(pairs, (*EXPECTATIONS, *PAGING))
    state, limit = chosen(pairs, "state", ExpectationState), limited(pairs, USUAL, MOST)
    if state is not None and state not in OPEN:
        refuse("state", f"must be one of {', '.join(OPEN)}", "code-invalid")
    rule, due_before = reference(pairs, "rule"), day(pairs, "due").end

    def read(
        session: Session, ctx: Context, cursor: str | None
    ) -> tuple[list[report_rows.ExpectationShown], str | None]:
        team = _team(ctx, caller)
        query = ExpectationQuery(
            state=state,
            rule=rule,
            owed_by=(team.id, team.function.value) if team else None,
            team=team.id if team else None,
            due_before=due_before,
            after=behind(cursor, ExpectationSort.DUE, descending=False),
            limit=limit,
        )
        rows, last = expectation_report.page(session, ctx, caller, query, team, now)
        return [report_rows.expectation(row) for row in rows], _text(last, ExpectationSort.DUE)

    return answer(request, running, _table("expectations", pairs, now, read, report_rows.ExpectationShown))


@router.get(
    "/agenda",
    summary="Families that the meeting of the caller's team is to speak of",
    response_model=None,
    responses=AS_CSV | documented.refusals(406),
    openapi_extra=documented.asks_for(AGENDA | PAGING),
)
def meeting(request: Request, running: Running, caller: Searcher) -> Response:
    """Families of its list with concerns, open tasks, what was missed and what has happened since the last meeting, as the team may see it."""
    pairs, now = request.query_params.multi_items(), running.now()
    only(pairs, (*AGENDA, *PAGING))
    since, limit = day(pairs, "since").start, limited(pairs, USUAL, FAMILIES)

    def read(session: Session, ctx: Context, cursor: str | None) -> tuple[list[report_rows.FamilyShown], str | None]:
        last_time = since or now - ctx.policy.reports.look_back
        found, last = agenda.page(session, ctx, caller, since=last_time, after=cursor, limit=limit, now=now)
        return [report_rows.family(one, ctx.directory, now) for one in found], last

    cursor = reference(pairs, "cursor")
    table = Table(
        name="families",
        at=now,
        read=read,
        flat=report_rows.agenda_lines,
        columns=report_rows.AGENDA_COLUMNS,
        cursor=cursor,
        address=lambda following: _address("agenda", pairs, following),
    )
    return answer(request, running, table)


@router.get(
    "/timeliness",
    summary="How soon agencies answer what is handed to their teams",
    response_model=None,
    responses=AS_CSV | documented.refusals(406),
    openapi_extra=documented.asks_for(TIMELINESS | PAGING),
)
def soon(request: Request, running: Running, caller: Auditor) -> Response:
    """By agency, kind and period: how many were answered in time, late or not at all, and within what time half and nine of ten were."""
    return answer(request, running, timeliness_table(request.query_params.multi_items(), caller, running.now()))


def timeliness_asked(pairs: Pairs, now: datetime) -> timeliness.Asked:
    """What is asked for. Unreadable names the parameter that cannot be served."""
    only(pairs, (*TIMELINESS, *PAGING))
    return timeliness.Asked(
        since=day(pairs, "since").start or now - timeliness.USUAL,
        until=day(pairs, "until").end or now,
        period=chosen(pairs, "by", Period) or Period.MONTH,
        agency=reference(pairs, "agency"),
        kind=chosen(pairs, "kind", Event),
    )


def timeliness_table(pairs: Pairs, caller: Caller, now: datetime) -> Table:
    """The report as it was asked for."""
    asked, limit = timeliness_asked(pairs, now), limited(pairs, USUAL, MOST)

    def read(
        session: Session, ctx: Context, cursor: str | None
    ) -> tuple[list[report_rows.TimelinessShown], str | None]:
        first = int(cursor or 0)
        lines = timeliness.report(session, ctx, caller, asked, now)
        page = lines[first : first + limit]
        more = len(lines) > first + limit
        return [report_rows.timeliness(line) for line in page], str(first + limit) if more else None

    whole(pairs, "cursor")
    # The next page is of the same time, whenever it is asked for.
    until = asked.until - timedelta(microseconds=1)  # a time given means the whole of it
    span = (("since", asked.since.isoformat()), ("until", until.isoformat(timespec="microseconds")))
    fixed = [*((name, value) for name, value in pairs if name not in ("since", "until")), *span]
    return _table("timeliness", fixed, now, read, report_rows.TimelinessShown)


# --- what is asked for ------------------------------------------------------------------------------------------------


def _table(name: str, pairs: Pairs, now: datetime, read: Read, row: type[Shown]) -> Table:
    return Table(
        name=name,
        at=now,
        read=read,
        flat=plain,
        columns=names(row),
        cursor=one(pairs, "cursor"),
        address=lambda following: _address(name, pairs, following),
    )


def _address(report: str, pairs: Pairs, cursor: str) -> str:
    kept = [(name, value) for name, value in pairs if name != "cursor"]
    return f"/reports/{report}?{urlencode([*kept, ('cursor', cursor)])}"


def _text(last: Position | None, sort: StrEnum) -> str | None:
    return None if last is None else last.text(sort, descending=False)


def _team(ctx: Context, caller: Caller) -> Team | None:
    """The team whose report it is; None for an auditor, who sees all."""
    if caller.may(AUDIT):
        return None
    team = ctx.directory.teams.get(caller.team or "")
    if team is None:
        raise Forbidden("A report of a team is for a client of that team.")
    return team
