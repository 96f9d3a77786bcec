"""Every team's channel and how it is doing, a page at a time, for those who run the broker."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from broker.domain.states import ChannelKind, DeliveryState
from broker.storage.deliveries import OPEN
from broker.storage.person_tables import CHANNEL, CHANNEL_HEALTH, DELIVERY, TEAM

LATE = timedelta(minutes=2)
"""A test message that has not come through for so long is late; most take less than a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One team's channel."""

    team_id: str
    kind: ChannelKind
    disabled_at: datetime | None
    failing_since: datetime | None
    paused_until: datetime | None
    waiting: int
    """Messages that its system has not said it has."""
    oldest_waiting: datetime | None
    delivered_at: datetime | None
    """When its system last said that it has a message."""
    canary_sent_at: datetime | None
    canary_at: datetime | None
    """When a test message last came through."""
    looked_at: datetime | None
    """When it last asked for its mailbox, to the minute."""

    def canary_is_late(self, now: datetime) -> bool:
        """Whether the last test message has not come through in time."""
        sent, through = self.canary_sent_at, self.canary_at
        return sent is not None and (through is None or through < sent) and now - sent > LATE


def page(
    session: Session,
    *,
    limit: int,
    after: str = "",
    team_id: str | None = None,
    pushed: bool = False,
    failing: bool = False,
) -> tuple[list[Listed], str | None]:
    """Channels in the order of their teams, and behind which team the next page begins; None when this is the last.

    Args:
        session: any.
        limit: at most so many.
        after: teams behind this one.
        team_id: only this team's.
        pushed: only of teams that are told by more than their mailbox.
        failing: only those that fail or are switched off.
    """
    which = [TEAM.c.id > after]
    which += [] if team_id is None else [TEAM.c.id == team_id]
    which += [CHANNEL.c.kind != ChannelKind.MAILBOX] if pushed else []
    which += (
        [sa.or_(CHANNEL_HEALTH.c.failing_since.is_not(None), CHANNEL.c.disabled_at.is_not(None))] if failing else []
    )
    rows = session.execute(_CHANNELS.where(*which).order_by(TEAM.c.id).limit(limit + 1)).all()
    shown = rows[:limit]
    waiting = _waiting(session, [row.id for row in shown])
    found = [_listed(row, *waiting.get(row.id, (0, None))) for row in shown]
    return found, found[-1].team_id if len(rows) > limit else None


def _listed(row: sa.Row[Any], waiting: int, oldest: datetime | None) -> Listed:
    return Listed(
        team_id=row.id,
        kind=ChannelKind(row.kind) if row.kind else ChannelKind.MAILBOX,
        disabled_at=row.disabled_at,
        failing_since=row.failing_since,
        paused_until=row.paused_until,
        waiting=waiting,
        oldest_waiting=oldest,
        delivered_at=row.delivered_at,
        canary_sent_at=row.canary_sent_at,
        canary_at=row.canary_at,
        looked_at=row.looked_at,
    )


_CHANNELS = sa.select(
    TEAM.c.id,
    CHANNEL.c.kind,
    CHANNEL.c.disabled_at,
    CHANNEL_HEALTH.c.failing_since,
    CHANNEL_HEALTH.c.paused_until,
    CHANNEL_HEALTH.c.delivered_at,
    CHANNEL_HEALTH.c.canary_sent_at,
    CHANNEL_HEALTH.c.canary_at,
    CHANNEL_HEALTH.c.looked_at,
).select_from(
    TEAM.outerjoin(CHANNEL, CHANNEL.c.team_id == TEAM.c.id).outerjoin(
        CHANNEL_HEALTH, CHANNEL_HEALTH.c.team_id == TEAM.c.id
    )
)


def _waiting(session: Session, teams: Collection[str]) -> dict[str, tuple[int, datetime]]:
    """By team, how many wait and since when the oldest does; by `ix_delivery_waiting`, so that what is over costs nothing."""
    still_open: sa.BindParameter[DeliveryState] = sa.bindparam(
        "still_open", list(OPEN), expanding=True, literal_execute=True
    )
    query = (
        sa.select(DELIVERY.c.team_id, sa.func.count(), sa.func.min(DELIVERY.c.created_at))
        .where(DELIVERY.c.team_id.in_(teams), DELIVERY.c.state.in_(still_open))
        .group_by(DELIVERY.c.team_id)
    )
    return {team: (count, oldest) for team, count, oldest in session.execute(query)}
