"""The inbox: what a team still has to do, due first; filters stand in the address, and nothing about anybody does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from fastapi import Request, Response
from sqlmodel import Session

from broker.errors import Forbidden
from broker.storage.keyset import Position, position
from broker.storage.task_search import SortBy, Span, TaskQuery
from broker.web.deps import Running
from broker.web.pages import words
from broker.web.pages.done import DONE
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages
from broker.web.pages.sessions import SignedInPerson
from broker.web.pages.task_words import ASKS, Tag, asks_of, due_at, own_words, standing, tags, what, who
from broker.workflow import inbox
from broker.workflow.inbox import Item, Page
from schemas.codes import Priority, TaskCode

router = pages()

A_PAGE: Final = 50
_SHOWS: Final = {"all": "All open", "overdue": "Overdue", "urgent": "Urgent", "mine": "What I agreed to do"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the address asks for; whatever it does not know counts as not asked."""

    show: str
    kind: TaskCode | None
    after: Position | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A task in the list."""

    href: str
    about: str
    """Whom or what it is about, or what kind of task it is."""
    asks: str
    who: str
    what: str
    own: str
    """Its own words, where what is asked does not tell it from others of its kind."""
    sender: str
    standing: str
    due: datetime | None
    tags: tuple[Tag, ...]
    pressing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An option of a filter, or a way to look at the list with how much it holds."""

    value: str
    words: str
    number: int | None = None
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxView:
    """What the page shows."""

    rows: tuple[Row, ...]
    shows: tuple[Choice, ...]
    kinds: tuple[Choice, ...]
    overdue: int
    urgent: int
    open: int
    show: str
    first: str | None
    """The first page, where this is a later one."""
    next: str | None


@router.get("/inbox")
def shown(request: Request, running: Running, person: SignedInPerson) -> Response:
    """What the team that they act for still has to do."""
    if person.seat.practitioner is None:
        raise Forbidden("Auditors and administrators have no inbox.")
    somebody, now = person.seat.practitioner, running.now()
    asked = _read(dict(request.query_params))

    def work(session: Session) -> Page:
        ctx = running.context(session)
        if asked.show == "mine":
            return inbox.held(session, ctx, person.caller, somebody, now)
        return inbox.page(session, ctx, person.caller, _query(asked, now), now)

    view = view_of(running.store.write(work), asked, now)
    return page(
        running.settings,
        "inbox.html",
        title="Inbox",
        person=person,
        here="inbox",
        view=view,
        done=DONE.get(request.query_params.get("done", ""), ""),
    )


def _read(given: dict[str, str]) -> Asked:
    kind = given.get("kind", "")
    return Asked(
        show=given.get("show", "all") if given.get("show") in _SHOWS else "all",
        kind=TaskCode(kind) if kind in set(TaskCode) else None,
        after=position(given["after"], SortBy.DUE, descending=False) if "after" in given else None,
    )


def _query(asked: Asked, now: datetime) -> TaskQuery:
    return TaskQuery(
        codes=frozenset({asked.kind} if asked.kind else ()),
        priorities=frozenset(Priority) - {Priority.ROUTINE} if asked.show == "urgent" else frozenset(),
        due=(Span(end=now),) if asked.show == "overdue" else (),
        count=A_PAGE,
        after=asked.after,
    )


def view_of(found: Page, asked: Asked, now: datetime) -> InboxView:
    """The page's view."""
    tally = found.tally
    numbers = {"all": tally.open, "overdue": tally.overdue, "urgent": tally.urgent}
    shows = tuple(
        Choice(value=value, words=said, number=numbers.get(value), here=value == asked.show)
        for value, said in _SHOWS.items()
    )
    kinds = tuple(
        Choice(value=code.value, words=ASKS[code], number=tally.kinds[code], here=code is asked.kind)
        for code in ASKS
        if code in tally.kinds
    )
    return InboxView(
        rows=tuple(row_of(item, now) for item in found.items),
        shows=shows,
        kinds=kinds,
        overdue=tally.overdue,
        urgent=tally.urgent,
        open=tally.open,
        show=asked.show,
        first=_address(asked, None) if asked.after else None,
        next=_address(asked, found.next) if found.next else None,
    )


def row_of(item: Item, now: datetime) -> Row:
    """A task as a row."""
    task = item.task
    named, told = who(item.person, now), what(item.event, item.kind)
    return Row(
        href=f"/app/tasks/{task.row.id}",
        asks=asks_of(task, known=bool(named or told)),
        about=named or told or ASKS[TaskCode(task.row.code)],
        who=named,
        what=told,
        own=own_words(task, known=bool(named or told)),
        sender=item.sender.name if item.sender else "",
        standing=standing(task) + (f" ({words.held(item.held_by)})" if item.held_by else ""),
        due=due_at(task),
        tags=tags(task, now),
        pressing=task.row.priority is not Priority.ROUTINE,
    )


def _address(asked: Asked, after: Position | None) -> str:
    pairs = {
        **({"show": asked.show} if asked.show != "all" else {}),
        **({"kind": asked.kind.value} if asked.kind else {}),
        **({"after": after.text(SortBy.DUE, descending=False)} if after else {}),
    }
    return "/app/inbox" + (f"?{urlencode(pairs)}" if pairs else "")
