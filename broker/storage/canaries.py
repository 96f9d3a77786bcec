"""Test messages through each channel: whose turn it is, and what last came through."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session

from broker.domain.states import ChannelKind
from broker.storage import channel_health
from broker.storage.person_tables import CHANNEL, CHANNEL_HEALTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """One test message that is to go out now."""

    id: str
    team_id: str
    kind: ChannelKind
    url: str | None
    secret: bytes | None
    """Sealed, as `storage.channels` has it."""


def any_due(session: Session, *, now: datetime, every: timedelta, kinds: Collection[ChannelKind]) -> bool:
    """Whether a channel's turn has come."""
    return session.execute(_due(now, every, kinds).limit(1)).first() is not None


def begin(
    session: Session, *, now: datetime, every: timedelta, kinds: Collection[ChannelKind], limit: int
) -> list[Canary]:
    """Take the turns that have come, those first that are longest overdue; each is one worker's alone.

    A channel that was just set has its first turn when that long has passed.
    """
    found = session.execute(_due(now, every, kinds).limit(limit)).all()
    held = channel_health.lock(session, [row.team_id for row in found], wait=False) if found else {}
    # Read once more: another worker may have taken the turn before the row was locked.
    still = {row.team_id for row in session.execute(_due(now, every, kinds).where(CHANNEL.c.team_id.in_(held)))}
    canaries = [
        Canary(id=str(uuid4()), team_id=row.team_id, kind=ChannelKind(row.kind), url=row.url, secret=row.secret)
        for row in found
        if row.team_id in still
    ]
    if canaries:
        session.connection().execute(
            _BEGUN, [{"b_team": one.team_id, "b_id": one.id, "b_at": now} for one in sorted(canaries, key=_team)]
        )
    return canaries


def bring_forward(session: Session, team_id: str, *, now: datetime, every: timedelta) -> None:
    """Let a channel's turn come now, as if the last one had been `every` ago; one that has come already stays as it is."""
    channel_health.lock(session, [team_id])
    sent = CHANNEL_HEALTH.c.canary_sent_at
    session.connection().execute(
        sa.update(CHANNEL_HEALTH)
        .where(CHANNEL_HEALTH.c.team_id == team_id, sa.or_(sent.is_(None), sent > now - every))
        .values(canary_sent_at=now - every)
    )


def _team(canary: Canary) -> str:
    return canary.team_id


def came_through(session: Session, canary_id: str, now: datetime, team_id: str | None = None) -> bool:
    """A test message came through; False when it is not the last one that was sent, or not this team's."""
    whose = () if team_id is None else (CHANNEL_HEALTH.c.team_id == team_id,)
    done = session.connection().execute(
        sa.update(CHANNEL_HEALTH).where(CHANNEL_HEALTH.c.canary_id == canary_id, *whose).values(canary_at=now)
    )
    return done.rowcount > 0


_BEGUN = (
    sa.update(CHANNEL_HEALTH)
    .where(CHANNEL_HEALTH.c.team_id == sa.bindparam("b_team"))
    .values(canary_id=sa.bindparam("b_id"), canary_sent_at=sa.bindparam("b_at", type_=CHANNEL_HEALTH.c.canary_at.type))
)


def _due(now: datetime, every: timedelta, kinds: Collection[ChannelKind]) -> sa.Select[str, ChannelKind, str, bytes]:
    last = sa.func.coalesce(CHANNEL_HEALTH.c.canary_sent_at, CHANNEL.c.changed_at)
    return (
        sa.select(CHANNEL.c.team_id, CHANNEL.c.kind, CHANNEL.c.url, CHANNEL.c.secret)
        .select_from(CHANNEL.outerjoin(CHANNEL_HEALTH, CHANNEL_HEALTH.c.team_id == CHANNEL.c.team_id))
        .where(
            CHANNEL.c.kind.in_(kinds),
            CHANNEL.c.kind != ChannelKind.MAILBOX,
            CHANNEL.c.disabled_at.is_(None),
            last <= now - every,
        )
        .order_by(last, CHANNEL.c.team_id)
    )
