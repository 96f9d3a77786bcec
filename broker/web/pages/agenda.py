"""The agenda of a team's meeting, to be printed: the families of its list that there is something to say of, as `/reports/agenda` has them."""

from datetime import date, datetime, time
from typing import Final
from urllib.parse import urlencode

from fastapi import Request, Response
from sqlmodel import Session

from broker.domain.terms import LONDON
from broker.web.deps import Running
from broker.web.pages.agenda_page import AgendaView, family_view
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages
from broker.web.pages.sessions import SignedInPerson
from broker.web.pages.tasks import seated
from broker.workflow import agenda

router = pages()

A_PAGE: Final = 50
"""Families of one page: more than a meeting speaks of."""


@router.get("/agenda")
def shown(request: Request, running: Running, person: SignedInPerson) -> Response:
    """Families with concerns, open tasks, what was missed and what is new since the last meeting, as the team may see it."""
    seated(person)
    now, given = running.now(), dict(request.query_params)

    def work(session: Session) -> AgendaView:
        ctx = running.context(session)
        usual = (now - ctx.policy.reports.look_back).astimezone(LONDON).date()
        since = _day(given.get("since", ""))
        families, last = agenda.page(
            session,
            ctx,
            person.caller,
            since=datetime.combine(since or usual, time(), LONDON),
            after=given.get("after"),
            limit=A_PAGE,
            now=now,
        )
        kept = {"since": since.isoformat()} if since else {}
        return AgendaView(
            since=since or usual,
            families=tuple(family_view(one, ctx.directory, now) for one in families),
            first=_address(kept) if "after" in given else "",
            next=_address(kept | {"after": last}) if last else "",
            wrong="Enter a day, such as 24 November 2026" if given.get("since") and since is None else "",
        )

    view = running.store.write(work)
    return page(
        running.settings,
        "agenda.html",
        title=f"{'Error: ' if view.wrong else ''}Meeting agenda",
        person=person,
        here="agenda",
        status=400 if view.wrong else 200,
        view=view,
        at=now,
    )


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said)
    except ValueError:
        return None


def _address(pairs: dict[str, str]) -> str:
    return "/app/agenda" + (f"?{urlencode(pairs)}" if pairs else "")
