"""What a safeguarding lead looks at first: of whom how much was raised to them, what nobody received, and patterns that wait to be discussed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import Response
from sqlmodel import Session

from broker.domain.world import Team
from broker.errors import Forbidden
from broker.storage.inbox import Silence
from broker.storage.task_search import TaskQuery
from broker.web.deps import Running
from broker.web.pages import words
from broker.web.pages.inbox import Row, row_of
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages
from broker.web.pages.sessions import SignedInPerson
from broker.workflow import inbox, team_load
from broker.workflow.inbox import Page
from broker.workflow.team_load import TeamLoad
from schemas.codes import TaskCode

router = pages()

SHOWN: Final = 10
"""Of each kind; the rest is in the inbox."""
_UNREACHED: Final = frozenset({TaskCode.UNDELIVERABLE})
_TALKS: Final = frozenset({TaskCode.PATTERN_REVIEW, TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD})


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentTeam:
    """A team that has not answered."""

    name: str
    telephone: str
    raised: int
    unopened: int
    late: str
    """For how long the oldest has been due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Tasks of one kind that are the lead's own: the first of them, and how many there are of each code."""

    heading: str
    none: str
    rows: tuple[Row, ...]
    more: tuple[tuple[str, str], ...]
    """Address and words of what leads to all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadLine:
    """What a team has to do. `people`: who holds how many of the agreed actions."""

    name: str
    open: int
    overdue: int
    oldest: str
    people: tuple[tuple[str, int], ...]
    unheld: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewView:
    """The page."""

    raised: int
    loads: tuple[LoadLine, ...]
    silent: tuple[SilentTeam, ...]
    waiting: tuple[Waiting, ...]


@router.get("/overview")
def overview(running: Running, person: SignedInPerson) -> Response:
    """For teams to which things are raised."""
    if not person.leads:
        raise Forbidden("This page is for safeguarding leads, executives and partnerships.")
    now = running.now()

    def work(session: Session) -> OverviewView:
        ctx = running.context(session)
        silent = inbox.silences(session, ctx, person.caller, now)
        unreached, talks = (
            inbox.page(session, ctx, person.caller, TaskQuery(codes=codes, count=SHOWN), now)
            for codes in (_UNREACHED, _TALKS)
        )
        return view_of(silent, unreached, talks, team_load.of_agency(session, ctx, person.caller, now), now)

    return page(
        running.settings,
        "overview.html",
        title="Overview",
        person=person,
        here="overview",
        view=running.store.write(work),
    )


def view_of(
    silent: list[tuple[Team, Silence]], unreached: Page, talks: Page, loads: Sequence[TeamLoad], now: datetime
) -> OverviewView:
    """What the page shows."""
    return OverviewView(
        loads=tuple(_load(one, now) for one in loads),
        raised=sum(one.raised for _, one in silent),
        silent=tuple(_silent(team, one, now) for team, one in silent),
        waiting=(
            _waiting(
                "What could not be delivered",
                "You were told of nothing that could not be delivered.",
                unreached,
                _UNREACHED,
                now,
            ),
            _waiting("To be discussed", "Nothing waits to be discussed.", talks, _TALKS, now),
        ),
    )


def _silent(team: Team, one: Silence, now: datetime) -> SilentTeam:
    late = words.span(now - one.oldest_due) if one.oldest_due is not None and one.oldest_due < now else ""
    return SilentTeam(
        name=team.name, telephone=team.telephone or "", raised=one.raised, unopened=one.unopened, late=late
    )


def _load(one: TeamLoad, now: datetime) -> LoadLine:
    return LoadLine(
        name=one.team.name,
        open=one.load.open,
        overdue=one.load.overdue,
        oldest=words.span(now - one.load.oldest),
        people=one.held,
        unheld=one.unheld,
    )


_MORE: Final = {
    TaskCode.UNDELIVERABLE: "All that could not be delivered",
    TaskCode.PATTERN_REVIEW: "All patterns",
    TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD: "All that is to be discussed with you",
}


def _waiting(heading: str, none: str, found: Page, codes: frozenset[TaskCode], now: datetime) -> Waiting:
    counted = {code: found.tally.kinds.get(code, 0) for code in _MORE if code in codes}
    return Waiting(
        heading=heading,
        none=none,
        rows=tuple(row_of(item, now) for item in found.items),
        more=tuple(
            (f"/app/inbox?kind={code.value}", f"{_MORE[code]}: {number}") for code, number in counted.items() if number
        ),
    )
