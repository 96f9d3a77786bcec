"""Live counts and news of an open task as server-sent events: light enhancement of pages that are whole without it."""

from collections.abc import Awaitable
from datetime import datetime

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.runtime import Runtime
from broker.storage import accounts, tasks
from broker.web.deps import Running
from broker.web.pages import sessions
from broker.web.pages.listening import Listening, News, told
from broker.web.pages.routing import pages
from broker.web.pages.seats import Person
from broker.web.pages.sessions import Watcher
from broker.web.pages.task_words import standing
from broker.workflow import acknowledge, inbox

router = pages()


@router.get("/live")
async def live(request: Request, running: Running, person: Watcher, task: str = "", version: int = 0) -> Response:
    """How much the team has to do, and what became of a task since that version, for as long as the page is open.

    204, after which no browser comes again, for whoever acts for no team, and when too many pages are told already.
    """
    listening: Listening = request.app.state.listening
    digest = sessions.digest_of(request, running.settings)
    if person.seat.team is None or listening.full(digest):
        return Response(status_code=204)

    theirs = await running.store.aread(lambda session: watched(session, running, person, task))

    def look() -> Awaitable[News | None]:
        return running.store.aread(
            lambda session: news(session, running, listening, person, digest, theirs, version, running.now())
        )

    return StreamingResponse(told(listening, digest, look), media_type="text/event-stream")


def watched(session: Session, running: Runtime, person: Person, task_id: str) -> str:
    """The task, where they may know of it when they begin to watch; else ''."""
    seen = tasks.get(session, running.store.codec, task_id, acknowledge.scope_of(person.caller)) if task_id else None
    return seen.row.id if seen else ""


def news(
    session: Session,
    running: Runtime,
    listening: Listening,
    person: Person,
    digest: str,
    task_id: str,
    version: int,
    now: datetime,
) -> News | None:
    """What there is to tell; None when the session is over or acts for another team. To be told is no step, and keeps no session."""
    alive = accounts.alive(session, digest)
    if alive is None or alive.team_id != person.caller.team or sessions.over(alive, running.settings, now):
        return None
    tally = listening.tally(alive.team_id or "", lambda: inbox.tally(session, person.caller, now))
    changed = _changed(session, running, person.caller, task_id, version) if task_id else ""
    return {"open": tally.open, "overdue": tally.overdue, "changed": changed}


def _changed(session: Session, running: Runtime, caller: Caller, task_id: str, version: int) -> str:
    """What was done with a task since that version, in words without anybody's name; '' when nothing was."""
    moves = tasks.moved_since(session, task_id, version)
    if not moves:
        return ""
    now = tasks.get(session, running.store.codec, task_id, acknowledge.scope_of(caller))
    if now is None:
        return "This is not with your team any more."
    by = "A colleague" if moves[-1] == caller.team else "Somebody"
    return f"{by} has answered or changed this while you had it open. How it stands now: {standing(now)}."
