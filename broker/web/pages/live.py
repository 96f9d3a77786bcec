"""Live counts and news of an open task as server-sent events: light enhancement of pages that are whole without it."""

from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Annotated, Final, TypeAlias

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field, StringConstraints
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
from schemas.codes import TaskCode

router = pages()

MOST_WATCHED: Final = 40
"""Tasks that one page watches: a transfer and its lines. Of more lines the last are not watched."""
Watched: TypeAlias = Sequence[tuple[str, int]]
"""Ids of tasks, each with the version that the page shows; the whole before its parts."""
Ids = Annotated[Sequence[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9\-.]{0,64}$")]], Query()]
Versions = Annotated[Sequence[Annotated[int, Field(ge=0, lt=2**31)]], Query()]


@router.get("/live")
async def live(request: Request, running: Running, person: Watcher, task: Ids = (), version: Versions = ()) -> Response:
    """How much the team has to do, and what became of each task since its version, for as long as the page is open.

    204, after which no browser comes again, for whoever acts for no team, and when too many pages are told already.
    """
    listening: Listening = request.app.state.listening
    digest = sessions.digest_of(request, running.settings)
    if person.seat.team is None or listening.full(digest):
        return Response(status_code=204)

    asked = tuple(zip(task, version, strict=False))
    theirs = await running.store.aread(lambda session: watched(session, running, person, asked))

    def look() -> Awaitable[News | None]:
        return running.store.aread(
            lambda session: news(session, running, listening, person, digest, theirs, running.now())
        )

    return StreamingResponse(told(listening, digest, look), media_type="text/event-stream")


def watched(session: Session, running: Runtime, person: Person, asked: Watched) -> Watched:
    """Those of the tasks that they may know of when they begin to watch."""
    codec, scope = running.store.codec, acknowledge.scope_of(person.caller)
    return tuple((id_, at) for id_, at in asked[:MOST_WATCHED] if tasks.get(session, codec, id_, scope) is not None)


def news(
    session: Session,
    running: Runtime,
    listening: Listening,
    person: Person,
    digest: str,
    theirs: Watched,
    now: datetime,
) -> News | None:
    """What there is to tell; None when the session is over or acts for another team. To be told is no step, and keeps no session."""
    alive = accounts.alive(session, digest)
    if alive is None or alive.team_id != person.caller.team or sessions.over(alive, running.settings, now):
        return None
    tally = listening.tally(alive.team_id or "", lambda: inbox.tally(session, person.caller, now))
    changed = (_changed(session, running, person.caller, id_, at) for id_, at in reversed(theirs))
    return {"open": tally.open, "overdue": tally.overdue, "changed": next((said for said in changed if said), "")}


def _changed(session: Session, running: Runtime, caller: Caller, task_id: str, version: int) -> str:
    """What was done with a task since that version, in words without anybody's name; '' when nothing was."""
    moves = tasks.moved_since(session, task_id, version)
    if not moves:
        return ""
    now = tasks.get(session, running.store.codec, task_id, acknowledge.scope_of(caller))
    if now is None:
        return "This is not with your team any more."
    by = "A colleague" if moves[-1] == caller.team else "Somebody"
    it = "a child of this transfer" if now.row.code == TaskCode.CONFIRM_CHILD else "this"
    return f"{by} has answered or changed {it} while you had it open. How it stands now: {standing(now)}."
