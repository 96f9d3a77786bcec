"""Where somebody is signed in, and how they end it elsewhere: a forgotten browser, or one that is not theirs."""

from dataclasses import dataclass
from datetime import datetime
from secrets import compare_digest

from fastapi import Request, Response
from sqlmodel import Session

from broker.storage import accounts, audit
from broker.web.deps import Running
from broker.web.pages import sessions
from broker.web.pages.forms import Fields
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages, see
from broker.web.pages.sessions import SignedInPerson

router = pages()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One session. `mark` tells it from the others, and opens nothing."""

    mark: str
    here: bool
    begun: datetime
    seen: datetime


@router.get("/sessions")
def own(request: Request, running: Running, person: SignedInPerson) -> Response:
    """All of one's own, that of this browser first; a button to end each for whoever has just signed in again."""
    here, now = sessions.digest_of(request, running.settings), running.now()
    found = running.store.read(lambda session: accounts.sessions_of(session, sessions.account_of(person)))
    alive = [one for one in found if not sessions.over(one, running.settings, now)]
    shown = [
        Shown(mark=_mark(one.digest), here=compare_digest(one.digest, here), begun=one.begun_at, seen=one.seen_at)
        for one in alive
    ]
    return page(
        running.settings,
        "sessions.html",
        title="Where you are signed in",
        person=person,
        proved=sessions.proved(person, now),
        shown=sorted(shown, key=lambda one: (not one.here, one.begun)),
    )


@router.post("/sessions/end")
def end(running: Running, person: SignedInPerson, fields: Fields) -> Response:
    """One of them, or all but that of this browser, is over at once. Whoever has not just signed in again is asked to."""
    now = running.now()
    if not sessions.proved(person, now):
        return see("/app/sessions")

    def work(session: Session) -> None:
        account = sessions.account_of(person)
        for one in accounts.sessions_of(session, account):
            if _mark(one.digest) == fields.one("which"):
                accounts.end(session, one.digest)
                audit.record(
                    session, action="sign-out", entity="account", entity_id=account, caller=person.caller, now=now
                )

    running.store.write(work)
    return see("/app/sessions")


def _mark(digest: str) -> str:
    return digest[:16]
