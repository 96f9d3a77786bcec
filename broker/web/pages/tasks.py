"""The page of one task, with the household and what happened there beside it."""

from fastapi import Request, Response
from sqlmodel import Session

from broker.domain.world import Team
from broker.errors import Forbidden
from broker.web.api.parameters import RecordId
from broker.web.deps import Running
from broker.web.pages.done import DONE
from broker.web.pages.rendering import live_of, page
from broker.web.pages.routing import pages
from broker.web.pages.seats import Person
from broker.web.pages.sessions import SignedInPerson
from broker.web.pages.task_page import TaskPage, page_of
from broker.workflow import task_view

router = pages()


def seated(person: Person) -> Person:
    """Somebody who acts for a team. Forbidden for auditors and administrators: what they read is on pages of its own."""
    if person.seat.team is None:
        raise Forbidden("Auditors and administrators act for no team.")
    return person


def team_of(person: Person) -> Team:
    """The team that they act for; Forbidden as `seated`."""
    team = seated(person).seat.team
    assert team is not None
    return team


@router.get("/tasks/{task_id}")
def shown(task_id: RecordId, request: Request, running: Running, person: SignedInPerson) -> Response:
    """A task; that somebody of its team looked at it is known from now on."""
    seated(person)
    now = running.now()

    def work(session: Session) -> TaskPage:
        ctx = running.context(session)
        task = task_view.opened(session, ctx, person.caller, task_id, now)
        return page_of(task_view.see(session, ctx, person.caller, task, now), ctx.directory, now)

    view = running.store.write(work)
    return page(
        running.settings,
        "task.html",
        title="Task",
        person=person,
        live=live_of(view.id, view.version),
        view=view,
        done=DONE.get(request.query_params.get("done", ""), ""),
    )
