"""`/admin/dead-letters`: what no longer goes out by itself, why, and once more; never what it says. Scope `baton/admin`.

What could not be read on the way in is in `quarantine.py` beside this file.
"""

from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from sqlmodel import Session

from broker.domain.states import AttemptOutcome, ChannelKind, DeliveryState
from broker.storage.dead_letters import Letter, SortBy, Tried, Why
from broker.storage.keyset import Position
from broker.web.api.admin import Admin, Name
from broker.web.api.parameters import behind
from broker.web.deps import Running
from broker.workflow import dead_letters
from schemas.codes import Event

router = APIRouter(prefix="/admin/dead-letters", tags=["Administration"])
DeliveryId = Annotated[str, Path(pattern=r"^[A-Za-z0-9\-]{1,64}$", description="Id of the delivery")]

PAGE, LONGEST_PAGE = 50, 500


class TryShown(BaseModel):
    """One try."""

    at: datetime
    outcome: AttemptOutcome
    detail: str
    """The status it was answered with, or the kind of failure."""


class LetterShown(BaseModel):
    """One delivery."""

    id: str
    team: str
    channel: ChannelKind
    event: Event | None
    state: DeliveryState
    why: Why | None
    """None: it is no dead letter any more."""
    since: datetime
    attempts: int
    next_attempt_at: datetime | None
    last: TryShown | None
    task: str | None
    """The task of the person who looks into it, `/fhir/Task/{id}`."""


class LetterWhole(LetterShown):
    """One delivery with every try."""

    tries: list[TryShown]


class Page(BaseModel):
    """Oldest first."""

    dead_letters: list[LetterShown]
    next: str | None


class Retried(BaseModel):
    """What is tried at once."""

    retried: int
    """Deliveries that were not due already."""


@router.get("", summary="What no longer goes out by itself")
def listed(
    running: Running,
    caller: Admin,
    team: Annotated[Name | None, Query(description="Only this team's")] = None,
    cursor: Annotated[str | None, Query(max_length=300, description="`next` of the page before says it")] = None,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE,
) -> Page:
    """Deliveries that were tried up the whole ladder (once a day from then on), and those that wait for a channel that is switched off."""
    after = behind(cursor, SortBy.SINCE, descending=False)

    def work(session: Session) -> tuple[list[Letter], Position | None]:
        return dead_letters.page(session, caller, team_id=team, after=after, limit=limit, now=running.now())

    found, last = running.store.write(work)
    return Page(dead_letters=[_shown(letter) for letter in found], next=_next(last, team, limit))


@router.get("/{delivery_id}", summary="One of them with every try")
def one(delivery_id: DeliveryId, running: Running, caller: Admin) -> LetterWhole:
    """What has been delivered since is shown as delivered."""
    letter, tries = running.store.write(lambda session: dead_letters.show(session, caller, delivery_id, running.now()))
    return LetterWhole(**_shown(letter).model_dump(), tries=[_try(tried) for tried in tries])


@router.post("/$retry", summary="Try all of a team again")
def retry_team(running: Running, caller: Admin, team: Annotated[Name, Query(description="The team")]) -> Retried:
    """Idempotent: what is due already, delivered, or waits for a channel that is switched off stays as it is."""
    due = running.store.write(lambda session: dead_letters.retry_all(session, caller, team, running.now()))
    return Retried(retried=len(due))


@router.post("/{delivery_id}/$retry", summary="Try one of them again")
def retry(delivery_id: DeliveryId, running: Running, caller: Admin) -> LetterShown:
    """Idempotent: how it stands once it is due. One that waits for a channel that is switched off goes on waiting."""
    [letter] = running.store.write(lambda session: dead_letters.retry(session, caller, [delivery_id], running.now()))
    return _shown(letter)


def _next(last: Position | None, team: str | None, limit: int) -> str | None:
    if last is None:
        return None
    whose = {} if team is None else {"team": team}
    return f"/admin/dead-letters?{urlencode({**whose, 'limit': limit, 'cursor': last.text(SortBy.SINCE, descending=False)})}"


def _shown(letter: Letter) -> LetterShown:
    return LetterShown(
        id=letter.id,
        team=letter.team_id,
        channel=letter.kind,
        event=letter.event,
        state=letter.state,
        why=letter.why,
        since=letter.since,
        attempts=letter.attempts,
        next_attempt_at=letter.next_attempt_at,
        last=None if letter.last is None else _try(letter.last),
        task=letter.task,
    )


def _try(tried: Tried) -> TryShown:
    return TryShown(at=tried.at, outcome=tried.outcome, detail=tried.detail)
