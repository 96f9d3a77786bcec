"""How soon agencies answer, over months, and what they decline or ask back, for auditors; the queries are those of `/reports` and `/audit`."""

from dataclasses import replace

from fastapi import Request, Response
from sqlmodel import Session

from broker.domain.handovers import HandoverState
from broker.errors import Unreadable
from broker.storage.handovers import HandoverQuery
from broker.web.api.report_table import as_csv
from broker.web.api.reports import timeliness_asked, timeliness_table
from broker.web.deps import Running
from broker.web.pages import declines_page, timeliness_page
from broker.web.pages.declines_page import DeclinesView
from broker.web.pages.fields import errors_of
from broker.web.pages.handovers import names_of
from broker.web.pages.offices import Auditor
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages
from broker.web.pages.timeliness_page import TimelinessView, asked, fields, refused
from broker.workflow import handovers, timeliness
from broker.workflow.handovers import CountBy

router = pages()


@router.get("/audit/timeliness")
def soon(request: Request, running: Running, person: Auditor) -> Response:
    """Shares in time by period and agency, and the lines behind them."""
    wanted, now = asked(request.query_params.multi_items()), running.now()

    def work(session: Session) -> TimelinessView:
        ctx = running.context(session)
        names = names_of(session, ctx)
        try:
            query = timeliness_asked(list(wanted.items()), now)
        except Unreadable as wrong:
            return refused(wanted, names, errors_of(wrong.problems, fields(wanted, names))[1])
        lines = timeliness.report(session, ctx, person.caller, query, now)
        return timeliness_page.view_of(wanted, lines, query.period, names)

    view = running.store.write(work)
    return page(
        running.settings,
        "timeliness.html",
        title=f"{'Error: ' if view.faults else ''}Timeliness",
        person=person,
        here="audit/timeliness",
        status=400 if view.faults else 200,
        view=view,
    )


@router.get("/audit/timeliness.csv")
def soon_as_csv(request: Request, running: Running, person: Auditor) -> Response:
    """Every line of it."""
    wanted = list(asked(request.query_params.multi_items()).items())
    return as_csv(running, timeliness_table(wanted, person.caller, running.now()))


@router.get("/audit/declines")
def declines(running: Running, person: Auditor) -> Response:
    """What was declined, why and by whom; and what of that which waits was asked back, extended or looked after."""
    now = running.now()

    def work(session: Session) -> DeclinesView:
        ctx, caller = running.context(session), person.caller
        declined = HandoverQuery(state=HandoverState.DECLINED)
        waiting = replace(declined, state=HandoverState.UNACKNOWLEDGED)
        reasons, total = handovers.counts(session, ctx, caller, declined, CountBy.REASON, now)
        agencies, _ = handovers.counts(session, ctx, caller, declined, CountBy.AGENCY, now)
        standings, _ = handovers.counts(session, ctx, caller, waiting, CountBy.STANDING, now)
        return declines_page.view_of(reasons, agencies, total, standings, names_of(session, ctx))

    return page(
        running.settings,
        "declines.html",
        title="Declines and questions",
        person=person,
        here="audit/declines",
        view=running.store.write(work),
    )
