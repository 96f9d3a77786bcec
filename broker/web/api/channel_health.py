"""`GET /admin/channels`: how each team is told, whether it works, and what last came through. Scope `baton/admin`."""

from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from pydantic import BaseModel

from broker.domain.states import ChannelKind
from broker.storage import channel_list
from broker.storage.channel_list import Listed
from broker.web.api.admin import Admin, Name
from broker.web.deps import Running

router = APIRouter(prefix="/admin/channels", tags=["Administration"])

PAGE, LONGEST_PAGE = 100, 1000


class ChannelShown(BaseModel):
    """One team's channel."""

    team: str
    kind: ChannelKind
    enabled: bool
    failing_since: datetime | None
    """Since when nothing has come through, if the last tries did not."""
    paused_until: datetime | None
    """It is asked again then, by one message."""
    waiting: int
    """Messages that the team's system has not said it has."""
    oldest_waiting: datetime | None
    last_message: datetime | None
    """When its system last said that it has a message."""
    last_canary_sent: datetime | None
    last_canary_through: datetime | None
    canary_late: bool
    """The last test message has not come through."""
    last_look: datetime | None
    """When its system last asked for its mailbox, to the minute."""


class ChannelsPage(BaseModel):
    """In the order of the teams."""

    channels: list[ChannelShown]
    next: str | None


@router.get("", summary="How every team's channel is doing")
def listed(
    running: Running,
    _caller: Admin,
    team: Annotated[Name | None, Query(description="Only this team's")] = None,
    failing: Annotated[bool, Query(description="Only those that fail or are switched off")] = False,  # noqa: FBT002 - a query parameter
    after: Annotated[Name | None, Query(description="`next` of the page before says it")] = None,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE,
) -> ChannelsPage:
    """Health is what came through, not what is connected: the last message, and a test message every quarter of an hour."""
    now = running.now()
    found, last = running.store.read(
        lambda session: channel_list.page(session, limit=limit, after=after or "", team_id=team, failing=failing)
    )
    following = (
        None if last is None else urlencode({"after": last, "limit": limit, **({"failing": True} if failing else {})})
    )
    return ChannelsPage(
        channels=[_shown(one, now) for one in found],
        next=following and f"/admin/channels?{following}",
    )


def _shown(one: Listed, now: datetime) -> ChannelShown:
    return ChannelShown(
        team=one.team_id,
        kind=one.kind,
        enabled=one.disabled_at is None,
        failing_since=one.failing_since,
        paused_until=one.paused_until,
        waiting=one.waiting,
        oldest_waiting=one.oldest_waiting,
        last_message=one.delivered_at,
        last_canary_sent=one.canary_sent_at,
        last_canary_through=one.canary_at,
        canary_late=one.canary_is_late(now),
        last_look=one.looked_at,
    )
