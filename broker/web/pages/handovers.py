"""The auditor's handovers: the list with filters in its address, charts and CSV, and the evidence of one; the queries are those of `/audit/handovers`."""

from collections.abc import Sequence

from fastapi import Request, Response
from sqlmodel import Session

from broker.errors import Unreadable
from broker.storage import directory
from broker.web.api import handover_query
from broker.web.api.handovers import as_csv
from broker.web.api.parameters import RecordId
from broker.web.deps import Running
from broker.web.pages import evidence_page
from broker.web.pages.evidence_page import EvidenceView
from broker.web.pages.fields import errors_of
from broker.web.pages.handover_list import HandoversView, Names, asked, fields, pairs, refused, view_of
from broker.web.pages.offices import Auditor
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages
from broker.workflow import evidence, handovers
from broker.workflow.context import Context
from broker.workflow.handovers import Count, CountBy

router = pages()


@router.get("/audit/handovers")
def listed(request: Request, running: Running, person: Auditor) -> Response:
    """One page of them, those that nobody has acknowledged unless asked otherwise; charts stand on the first."""
    wanted, now = asked(request.query_params.multi_items()), running.now()

    def work(session: Session) -> HandoversView:
        ctx = running.context(session)
        names = names_of(session, ctx)
        try:
            query = handover_query.read(pairs(wanted))
        except Unreadable as wrong:
            _, faults = errors_of(wrong.problems, [one for some in fields(wanted, names) for one in some])
            return refused(wanted, names, faults)
        found = handovers.page(session, ctx, person.caller, query, now)
        counted: dict[str, Sequence[Count]] = {}
        total = None
        if query.after is None:
            for by in (CountBy.AGE, CountBy.AGENCY):
                counted[by.value], total = handovers.counts(session, ctx, person.caller, query, by, now)
        return view_of(wanted, query, names, found, counted, total, now)

    view = running.store.write(work)
    return page(
        running.settings,
        "handovers.html",
        title=f"{'Error: ' if view.faults else ''}Handovers",
        person=person,
        here="audit/handovers",
        status=400 if view.faults else 200,
        view=view,
    )


@router.get("/audit/handovers.csv")
def listed_as_csv(request: Request, running: Running, person: Auditor) -> Response:
    """The whole result of the same filters, every page of it."""
    wanted = {name: value for name, value in asked(request.query_params.multi_items()).items() if name != "cursor"}
    return as_csv(pairs(wanted), running, person.caller)


@router.get("/audit/handovers/{task_id}")
def evidence_of(task_id: RecordId, running: Running, person: Auditor) -> Response:
    """Everything about one, to be printed."""
    now = running.now()

    def work(session: Session) -> EvidenceView:
        ctx = running.context(session)
        found = evidence.evidence(session, ctx, person.caller, task_id, now)
        return evidence_page.view_of(found, names_of(session, ctx), now)

    return page(
        running.settings,
        "evidence.html",
        title="Evidence of a handover",
        person=person,
        here="audit/handovers",
        view=running.store.write(work),
    )


def names_of(session: Session, ctx: Context) -> Names:
    """What the directory calls everything."""
    return Names(
        agencies={one.id: one.name for one in directory.agencies(session)},
        areas={one.id: one.name for one in directory.areas(session)},
        directory=ctx.directory,
    )
