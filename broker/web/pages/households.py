"""A household by itself: who lives there and what happened, each as a picture and in words, as `/households/{id}` and its chronology say it."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Response
from sqlmodel import Session

from broker.errors import NotFound
from broker.web.deps import Running
from broker.web.pages.household_picture import HouseholdPicture, picture_of
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages
from broker.web.pages.sessions import SignedInPerson
from broker.web.pages.task_page import HomeView, home_view
from broker.web.pages.tasks import Id, seated
from broker.web.pages.timeline import Timeline, timeline_of
from broker.workflow import task_view

router = pages()


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdPage:
    """The page."""

    home: HomeView
    picture: HouseholdPicture
    timeline: Timeline
    emergency_until: datetime | None


@router.get("/households/{household_id}")
def household(household_id: Id, running: Running, person: SignedInPerson) -> Response:
    """Who lives there, who is unknown, and everything that happened, as the team may see it."""
    seated(person)
    now = running.now()

    def work(session: Session) -> HouseholdPage | None:
        ctx = running.context(session)
        home = task_view.home_of(session, ctx, person.caller, household_id, now)
        if home is None:
            return None
        shown = home_view(home, ctx.directory, None, now, lines=0)
        names = {one["person"]: view.name for one, view in zip(home.shown["members"], shown.members, strict=True)}
        return HouseholdPage(
            home=shown,
            picture=picture_of(home.shown, shown),
            timeline=timeline_of(home.events, names, ctx.directory, ctx.policy.reports.concerns, now),
            emergency_until=home.emergency_until,
        )

    view = running.store.write(work)
    if view is None:
        raise NotFound
    return page(running.settings, "household.html", title="Household", person=person, view=view)
