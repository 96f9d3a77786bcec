"""What no longer goes out by itself, and what could not be read on the way in, for administrators; each is tried again at a word. Never what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from urllib.parse import urlencode

from fastapi import Request, Response
from sqlmodel import Session

from broker.domain.states import AttemptOutcome
from broker.storage.dead_letters import Letter, SortBy, Why
from broker.storage.keyset import Position, position
from broker.storage.quarantine import Quarantined
from broker.web.api.parameters import RecordId
from broker.web.api.quarantine import again
from broker.web.deps import Running
from broker.web.pages import words
from broker.web.pages.admin_names import Called, called
from broker.web.pages.forms import Fields
from broker.web.pages.offices import Administrator
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages, see
from broker.web.pages.task_words import what
from broker.workflow import dead_letters, reread

router = pages()

A_PAGE: Final = 50
ADDRESS: Final = "/app/admin/dead-letters"
DONE: Final = {
    "retry": "It is tried again at once, unless the team’s channel is switched off.",
    "taken": "It could be read now and was taken, as if it had just come.",
    "still": "It still cannot be read. It stays here, with where and why as it was read now.",
}
_WHY: Final[Mapping[Why, str]] = {
    Why.PARKED: "Tried in vain; tried once a day from now on",
    Why.DISABLED: "The team’s channel is switched off",
}
_TRIED: Final[Mapping[AttemptOutcome, str]] = {
    AttemptOutcome.TAKEN: "taken",
    AttemptOutcome.REFUSED: "refused",
    AttemptOutcome.UNREACHABLE: "not reached",
    AttemptOutcome.UNANSWERED: "no answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterLine:
    """A delivery that does not go out."""

    id: str
    team: str
    href: str
    what: str
    why: str
    since: datetime
    tried: str
    retriable: bool
    """What waits for a channel that is switched off goes out by itself when it is switched on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedLine:
    """A message or event that could not be read or routed."""

    id: str
    sender: str
    href: str
    via: str
    since: datetime
    standing: str
    faults: tuple[tuple[str, str], ...]
    """Where and why."""
    read_again: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLettersView:
    """The page; of each list one page at a time."""

    letters: tuple[LetterLine, ...]
    more_letters: str | None
    refused: tuple[RefusedLine, ...]
    more_refused: str | None
    first: str | None


@router.get("/admin/dead-letters")
def listed(request: Request, running: Running, person: Administrator) -> Response:
    """Both lists, oldest first."""
    letters, refused = (_after(request, name) for name in ("after", "refused"))

    def work(session: Session) -> DeadLettersView:
        ctx, now = running.context(session), running.now()
        dead = dead_letters.page(session, person.caller, team_id=None, after=letters, limit=A_PAGE, now=now)
        kept = reread.page(session, ctx, person.caller, team_id=None, via=None, after=refused, limit=A_PAGE, now=now)
        return view_of(dead, kept, called(session, ctx), later=bool(letters or refused))

    return page(
        running.settings,
        "dead_letters.html",
        title="Dead letters",
        person=person,
        here="admin/dead-letters",
        view=running.store.write(work),
        done=DONE.get(request.query_params.get("done", ""), ""),
    )


@router.post("/admin/dead-letters/{delivery_id}/retry")
def retry(delivery_id: RecordId, running: Running, person: Administrator, _fields: Fields) -> Response:
    """Have one tried again now."""
    now = running.now()
    running.store.write(lambda session: dead_letters.retry(session, person.caller, [delivery_id], now))
    return see(f"{ADDRESS}?done=retry")


@router.post("/admin/dead-letters/quarantined/{refused_id}/retry")
def read_again(refused_id: RecordId, running: Running, person: Administrator, _fields: Fields) -> Response:
    """Have one read again with what reads such messages today."""
    found = running.store.write(partial(again, running, person.caller, refused_id))
    return see(f"{ADDRESS}?done={'taken' if found.became else 'still'}")


def view_of(
    dead: tuple[list[Letter], Position | None],
    kept: tuple[list[Quarantined], Position | None],
    names: Called,
    *,
    later: bool,
) -> DeadLettersView:
    """The page."""
    return DeadLettersView(
        letters=tuple(_letter(one, names) for one in dead[0]),
        more_letters=_address("after", dead[1]),
        refused=tuple(_refused(one, names) for one in kept[0]),
        more_refused=_address("refused", kept[1]),
        first=ADDRESS if later else None,
    )


def _letter(one: Letter, names: Called) -> LetterLine:
    last = (
        f", the last {_TRIED[one.last.outcome]}{f' ({one.last.detail})' if one.last.detail else ''}" if one.last else ""
    )
    return LetterLine(
        id=one.id,
        team=names[one.team_id],
        href=f"/app/admin/teams/{one.team_id}",
        what=what(one.event, None) or "Message",
        why=_WHY[one.why] if one.why else "Goes out by itself again",
        since=one.since,
        retriable=one.why is Why.PARKED,
        tried=f"{one.attempts} {'try' if one.attempts == 1 else 'tries'}{last}",
    )


def _refused(one: Quarantined, names: Called) -> RefusedLine:
    return RefusedLine(
        id=one.id,
        sender=names[one.sender],
        href=f"/app/admin/teams/{one.sender}",
        via="FHIR message" if one.via == "fhir" else f"Event of {words.plain(one.via)}",
        since=one.since,
        standing=words.title(one.standing),
        faults=tuple((fault.path, fault.reason) for fault in one.faults),
        read_again=f"Read again {one.attempts} times, last {words.moment(one.last_at)}" if one.last_at else "",
    )


def _after(request: Request, name: str) -> Position | None:
    return position(request.query_params.get(name, ""), SortBy.SINCE, descending=False)


def _address(name: str, last: Position | None) -> str | None:
    return None if last is None else f"{ADDRESS}?{urlencode({name: last.text(SortBy.SINCE, descending=False)})}"
