"""How every team's channel is doing, for administrators, and a test message at a word; what is shown is `GET /admin/channels`'s."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from fastapi import Request, Response
from sqlmodel import Session

from broker.domain.states import ChannelKind
from broker.storage import channel_list
from broker.storage.channel_list import Listed
from broker.web.api.parameters import RecordId
from broker.web.deps import Running
from broker.web.pages import words
from broker.web.pages.admin_names import called
from broker.web.pages.forms import Fields
from broker.web.pages.offices import Administrator, looked
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages, see
from broker.web.pages.task_words import Tag
from broker.workflow import canary

router = pages()

A_PAGE: Final = 100
_TEAM: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
DONE: Final = {
    "test": "A test message goes out within a minute. Load this page again to see whether it came through.",
}
_KINDS: Final[Mapping[ChannelKind, str]] = {
    ChannelKind.MAILBOX: "Mailbox alone",
    ChannelKind.AMQP: "AMQP queue",
    ChannelKind.MESH: "MESH",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelLine:
    """One team's channel."""

    team_id: str
    href: str
    team: str
    kind: str
    tags: tuple[Tag, ...]
    waiting: str
    last: datetime | None
    """When its system last said that it has a message."""
    tested: datetime | None
    looked: datetime | None
    testable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelsView:
    """The page."""

    failing: bool
    lines: tuple[ChannelLine, ...]
    first: str | None
    next: str | None


@router.get("/admin/channels")
def listed(request: Request, running: Running, person: Administrator) -> Response:
    """Channels in the order of their teams, or those alone that fail or are switched off."""
    failing, now = request.query_params.get("show") == "failing", running.now()
    after = request.query_params.get("after", "")
    after = after if _TEAM.fullmatch(after) else ""

    def work(session: Session) -> ChannelsView:
        looked(session, person, "channel", None, now)
        found, last = channel_list.page(session, limit=A_PAGE, after=after, failing=failing)
        teams = called(session, running.context(session))
        return ChannelsView(
            failing=failing,
            lines=tuple(line(one, teams[one.team_id], now) for one in found),
            first=_address(failing=failing, after=None) if after else None,
            next=_address(failing=failing, after=last) if last else None,
        )

    return page(
        running.settings,
        "admin_channels.html",
        title="Channels",
        person=person,
        here="admin/channels",
        view=running.store.write(work),
        done=DONE.get(request.query_params.get("done", ""), ""),
    )


@router.post("/admin/channels/{team_id}/test")
def test(team_id: RecordId, running: Running, person: Administrator, _fields: Fields) -> Response:
    """Have a test message go out now; it is about nobody, and no message for the team."""
    every = timedelta(seconds=running.settings.canary_seconds)
    running.store.write(lambda session: canary.ask(session, person.caller, team_id, every=every, now=running.now()))
    return see(f"/app/admin/teams/{team_id}?done=test")


def line(one: Listed, team: str, now: datetime) -> ChannelLine:
    """A channel as a row."""
    return ChannelLine(
        team_id=one.team_id,
        href=f"/app/admin/teams/{one.team_id}",
        team=team,
        kind=_KINDS.get(one.kind, words.title(one.kind)),
        tags=tuple(_tags(one, now)),
        waiting=_waiting(one, now),
        last=one.delivered_at,
        tested=one.canary_at,
        looked=one.looked_at,
        testable=one.kind is not ChannelKind.MAILBOX and one.disabled_at is None,
    )


def _tags(one: Listed, now: datetime) -> list[Tag]:
    if one.disabled_at is not None:
        return [Tag(words="Switched off", colour="grey")]
    found = []
    if one.failing_since is not None:
        found.append(Tag(words=f"Has failed for {words.span(now - one.failing_since)}", colour="red"))
    if one.canary_is_late(now):
        found.append(Tag(words="The last test has not come through", colour="orange"))
    if not found and one.kind is not ChannelKind.MAILBOX:
        through = one.canary_at is not None or one.delivered_at is not None
        found.append(Tag(words="Works", colour="green") if through else Tag(words="Not tried yet", colour="white"))
    return found


def _waiting(one: Listed, now: datetime) -> str:
    if one.oldest_waiting is None:
        return "Nothing"
    return f"{one.waiting}, the oldest for {words.span(now - one.oldest_waiting)}"


def _address(*, failing: bool, after: str | None) -> str:
    asked = {**({"show": "failing"} if failing else {}), **({"after": after} if after else {})}
    return "/app/admin/channels" + (f"?{urlencode(asked)}" if asked else "")
