"""The auditor's decisions not to share: the list with filters in its address, and CSV; the query is that of `/audit/withheld`."""

from fastapi import Request, Response
from sqlmodel import Session

from broker.errors import Unreadable
from broker.web.api import withheld as call
from broker.web.api.report_table import as_csv
from broker.web.deps import Running
from broker.web.pages.fields import errors_of
from broker.web.pages.handovers import names_of
from broker.web.pages.offices import Auditor
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages
from broker.web.pages.withheld_list import WithheldView, asked, fields, refused, view_of
from broker.workflow import withheld

router = pages()


@router.get("/audit/withheld")
def listed(request: Request, running: Running, person: Auditor) -> Response:
    """One page of them, the newest first."""
    wanted, now = asked(request.query_params.multi_items()), running.now()

    def work(session: Session) -> WithheldView:
        ctx = running.context(session)
        names = names_of(session, ctx)
        try:
            query = call.read(list(wanted.items()))
        except Unreadable as wrong:
            return refused(wanted, names, errors_of(wrong.problems, fields(wanted, names))[1])
        return view_of(wanted, names, withheld.page(session, ctx, person.caller, query, now))

    view = running.store.write(work)
    return page(
        running.settings,
        "withheld.html",
        title=f"{'Error: ' if view.faults else ''}Decisions not to share",
        person=person,
        here="audit/withheld",
        status=400 if view.faults else 200,
        view=view,
    )


@router.get("/audit/withheld.csv")
def listed_as_csv(request: Request, running: Running, person: Auditor) -> Response:
    """The whole result of the same filters, every page of it."""
    wanted = [(name, value) for name, value in asked(request.query_params.multi_items()).items() if name != "cursor"]
    return as_csv(running, call.table(call.read_whole(wanted), wanted, person.caller, running.now()))
