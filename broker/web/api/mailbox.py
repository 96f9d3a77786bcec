"""`/mailbox/inbox`: what a team was told, by number, as its system reads and acknowledges it; each team sees its own alone."""

import re
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.states import Purpose
from broker.errors import Forbidden, NotFound
from broker.runtime import Runtime
from broker.storage import channel_health, mailbox
from broker.storage.mailbox import Item
from broker.web import receipts
from broker.web.deps import Running, require
from broker.web.outcomes import FhirResponse
from broker.workflow import take
from broker.workflow.number import number_team
from broker.workflow.outbound import Composed

router = APIRouter(prefix="/mailbox/inbox", tags=["Mailbox"])
Reader = Annotated[Caller, Depends(require("baton/mailbox"))]

PAGE = 100
LONGEST_PAGE = 500
"""A page of entries is some 100 bytes each; messages are fetched one by one."""

LARGEST_NUMBER = 2**31 - 1
"""The column's type: a hundred years of a busy team."""

_DELIVERY_ID = re.compile(r"[0-9a-f-]{36}")


class Entry(BaseModel):
    """One message. What it is about stands only in the message itself, which is made for this team when it is fetched."""

    number: int
    """Counts up from 1 for each team without gaps: a number that is missing is a message that was missed."""
    id: str
    """Id of the message: MessageHeader.id, `webhook-id`, and the last part of its address here."""
    purpose: Purpose
    sent: datetime
    acknowledged: datetime | None


class Page(BaseModel):
    """Messages in the order of their numbers."""

    messages: list[Entry]
    next: str | None = None
    """Where the page after this one is; only while paging with `after`."""


class Acknowledged(BaseModel):
    """The team's system has it. That says nothing of whether anybody read it."""

    id: str
    number: int | None
    acknowledged: datetime


@router.get("", summary="What waits in the mailbox")
def inbox(
    running: Running,
    caller: Reader,
    response: Response,
    after: Annotated[int | None, Query(ge=0, le=LARGEST_NUMBER)] = None,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE,
) -> Page:
    """Without `after` the messages not acknowledged yet; with it all above that number, acknowledged ones too, for ever.

    Every message that was committed before the call has its number in the answer.
    """
    team = _team(caller)
    _number(running, team)
    _note_look(running, team)
    response.headers.update(receipts.with_head(running))
    if after is None:
        return _page(running.store.read(lambda session: mailbox.waiting(session, team, limit=limit)))
    found = running.store.read(lambda session: mailbox.page(session, team, after=after, limit=limit + 1))
    shown = _page(found[:limit])
    if len(found) > limit:
        shown.next = f"/mailbox/inbox?{urlencode({'after': shown.messages[-1].number, 'limit': limit})}"
    return shown


@router.get("/{message_id}", summary="One message", response_class=FhirResponse)
def message(message_id: str, running: Running, caller: Reader) -> FhirResponse:
    """The message as this team may see it, as often as it likes: in FHIR, or in the format of its channel. Fetching acknowledges nothing."""
    team = _team(caller)

    def work(session: Session) -> Composed:
        item = _find(session, team, message_id)
        return take.fetch(session, running.context(session), caller, item.id, running.now())

    composed = running.store.write(work)
    return FhirResponse(composed.body, media_type=composed.content_type, headers=receipts.with_head(running))


@router.put("/{message_id}/acknowledged", summary="Say that the message has arrived")
def acknowledged(message_id: str, running: Running, caller: Reader, response: Response) -> Acknowledged:
    """Idempotent: the first time counts, and every answer gives it. It means delivered, and nothing more."""
    team = _team(caller)

    def work(session: Session) -> Item:
        item = _find(session, team, message_id)
        take.has_arrived(session, running.context(session), caller, item.id, running.now())
        return _find(session, team, message_id)

    item = running.store.write(work)
    assert item.delivered_at is not None
    response.headers.update(receipts.with_head(running))
    return Acknowledged(id=item.id, number=item.number, acknowledged=item.delivered_at)


def _team(caller: Caller) -> str:
    if caller.team is None:
        raise Forbidden("This client is bound to no team, so it has no mailbox.")
    return caller.team


def _note_look(running: Runtime, team: str) -> None:
    """That the team's system asks at all is how its channel is known to work; kept to the minute, so that mostly nothing is written."""
    now = running.now()
    if not running.store.read(lambda session: channel_health.has_looked(session, team, now)):
        running.store.write(lambda session: channel_health.looked(session, team, now))


def _number(running: Runtime, team: str) -> None:
    """Number what waits, so that the answer has it; asked first without writing, because mostly there is nothing."""
    while running.store.read(lambda session: mailbox.unnumbered_teams(session, limit=1, team_id=team)):
        if not running.store.write(lambda session: number_team(session, team)):
            return


def _find(session: Session, team: str, message_id: str) -> Item:
    """One of the team's own; NotFound for anything else, whether it exists or not."""
    item = mailbox.find(session, team, message_id) if _DELIVERY_ID.fullmatch(message_id) else None
    if item is None:
        raise NotFound
    return item


def _page(items: list[Item]) -> Page:
    return Page(messages=[_entry(item) for item in items])


def _entry(item: Item) -> Entry:
    assert item.number is not None
    return Entry(
        number=item.number, id=item.id, purpose=item.purpose, sent=item.created_at, acknowledged=item.delivered_at
    )
