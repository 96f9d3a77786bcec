"""What others still owe a team: what it has sent, with each recipient's state, and what was raised to it because nobody answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from fastapi import Request, Response
from sqlmodel import Session

from broker.domain.tasks import TERMINAL
from broker.domain.world import Directory
from broker.storage.keyset import Position, position
from broker.storage.task_search import SortBy, TaskQuery
from broker.web.deps import Running
from broker.web.pages.done import DONE
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages
from broker.web.pages.sessions import SignedInPerson
from broker.web.pages.task_words import ASKS, Tag, asks_of, due_at, standing, tags, what, who
from broker.web.pages.tasks import seated
from broker.workflow import inbox
from broker.workflow.inbox import OPEN, Item
from schemas.codes import TaskCode

router = pages()

A_PAGE: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A task of another team."""

    href: str
    about: str
    what: str
    asks: str
    """What is asked; where nothing else may be said, in the task's own words."""
    owner: str
    standing: str
    at: datetime
    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingView:
    """The list."""

    heading: str
    explained: str
    caption: str
    at: str
    """What the column of times says."""
    rows: tuple[Row, ...]
    every: bool
    """Whether it shows what has ended too."""
    other: str
    """The address of the other of the two."""
    first: str
    next: str


@router.get("/sent")
def sent(request: Request, running: Running, person: SignedInPerson) -> Response:
    """What the team has sent and asked, each recipient by itself; open ones alone unless all are asked for."""
    seated(person)
    (every, after), now = _read(dict(request.query_params), SortBy.AUTHORED, descending=True), running.now()
    query = TaskQuery(statuses=frozenset() if every else OPEN, count=A_PAGE, after=after)

    def work(session: Session) -> WaitingView:
        ctx = running.context(session)
        found, last = inbox.sent(session, ctx, person.caller, query, now)
        return WaitingView(
            heading="Sent",
            explained="What your team has told or asked, and how it stands with each team that you may know of.",
            caption="Recipients, the latest sent first",
            at="Sent",
            rows=tuple(_row(item, ctx.directory, now, item.task.row.authored_at) for item in found),
            every=every,
            other="/app/sent" if every else "/app/sent?show=all",
            first=_address("sent", None, every=every) if after else "",
            next=_address("sent", last, every=every, sort=SortBy.AUTHORED, descending=True) if last else "",
        )

    done = DONE.get(request.query_params.get("done", ""), "")
    return _shown(running, person, running.store.write(work), "sent", done)


@router.get("/raised")
def raised(request: Request, running: Running, person: SignedInPerson) -> Response:
    """What was raised to the team because nobody answered in time, those longest due first."""
    seated(person)
    now = running.now()
    _, after = _read(dict(request.query_params), SortBy.DUE, descending=False)

    def work(session: Session) -> WaitingView:
        ctx = running.context(session)
        found, last = inbox.raised(session, ctx, person.caller, TaskQuery(count=A_PAGE, after=after), now)
        return WaitingView(
            heading="Raised to us",
            explained="Nobody answered these in time. Telephone the team. You can give it more time, take it over, give it to another team of your agency, or close it with what was discussed; what is yours to discuss stands in your inbox.",
            caption="Tasks of other teams, those longest due first",
            at="Due",
            rows=tuple(_row(item, ctx.directory, now, due_at(item.task) or now) for item in found),
            every=False,
            other="",
            first="/app/raised" if after else "",
            next=_address("raised", last, every=False, sort=SortBy.DUE, descending=False) if last else "",
        )

    return _shown(running, person, running.store.write(work), "raised")


def _shown(running: Running, person: SignedInPerson, view: WaitingView, here: str, done: str = "") -> Response:
    return page(
        running.settings,
        "waiting.html",
        title=view.heading,
        person=person,
        here=here,
        view=view,
        done=done,
    )


def _read(given: dict[str, str], sort: SortBy, *, descending: bool) -> tuple[bool, Position | None]:
    after = position(given["after"], sort, descending=descending) if "after" in given else None
    return given.get("show") == "all", after


def _row(item: Item, directory: Directory, now: datetime, at: datetime) -> Row:
    task = item.task
    owner = directory.teams[task.row.owner_team_id]
    telephone = f", {owner.telephone}" if owner.telephone and task.row.status not in TERMINAL else ""
    named, told = who(item.person, now), what(item.event, item.kind)
    late = tuple(tag for tag in tags(task, now) if not tag.words.endswith("left"))
    return Row(
        href=f"/app/tasks/{task.row.id}",
        about=named or told or ASKS[TaskCode(task.row.code)],
        what=told if named else "",
        asks=asks_of(task, known=bool(named or told)),
        owner=f"{owner.name}{telephone}",
        standing=standing(task),
        at=at,
        tags=late,
    )


def _address(
    place: str, after: Position | None, *, every: bool, sort: SortBy = SortBy.DUE, descending: bool = False
) -> str:
    pairs = {
        **({"show": "all"} if every else {}),
        **({"after": after.text(sort, descending=descending)} if after else {}),
    }
    return f"/app/{place}" + (f"?{urlencode(pairs)}" if pairs else "")
