"""A household by itself: who lives there and what happened, each as a picture and in words, as `/households/{id}` and its chronology say it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Final

from fastapi import Query, Response
from sqlmodel import Session

from broker.errors import NotFound
from broker.storage.chronology import Window
from broker.web.api.parameters import RecordId
from broker.web.deps import Running
from broker.web.pages.household_picture import HouseholdPicture, picture_of
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages
from broker.web.pages.sessions import SignedInPerson
from broker.web.pages.task_page import HomeView, home_view
from broker.web.pages.tasks import seated
from broker.web.pages.timeline import Timeline, timeline_of
from broker.workflow import task_view

router = pages()

A_PAGE: Final = 200
"""Events on one page; the gaps and who was last seen when are of all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdPage:
    """The page."""

    home: HomeView
    picture: HouseholdPicture
    timeline: Timeline
    emergency_until: datetime | None
    earlier: str
    """Where what happened before stands, and what happened later; '' where nothing did."""
    later: str


@router.get("/households/{household_id}")
def household(
    household_id: RecordId, running: Running, person: SignedInPerson, skip: Annotated[int, Query(ge=0, le=100_000)] = 0
) -> Response:
    """Who lives there, who is unknown, and what happened, as the team may see it; the latest first, so many to a page."""
    seated(person)
    now = running.now()

    def work(session: Session) -> HouseholdPage | None:
        ctx = running.context(session)
        home = task_view.home_of(session, ctx, person.caller, household_id, now, Window(most=A_PAGE, skip=skip))
        if home is None:
            return None
        shown = home_view(home, ctx.directory, None, now, lines=0)
        names = {one["person"]: view.name for one, view in zip(home.shown["members"], shown.members, strict=True)}
        timeline = timeline_of(home.events, names, ctx.directory, ctx.policy.reports.concerns, now)
        return HouseholdPage(
            home=shown,
            picture=picture_of(home.shown, shown),
            timeline=timeline if not skip else replace(timeline, pictures=()),  # it would end with today
            earlier=f"/app/households/{household_id}?skip={skip + A_PAGE}" if home.events.more else "",
            later=_later(household_id, skip),
            emergency_until=home.emergency_until,
        )

    view = running.store.write(work)
    if view is None:
        raise NotFound
    return page(running.settings, "household.html", title="Household", person=person, view=view)


def _later(household_id: str, skip: int) -> str:
    if not skip:
        return ""
    before = max(skip - A_PAGE, 0)
    return f"/app/households/{household_id}" + (f"?skip={before}" if before else "")
