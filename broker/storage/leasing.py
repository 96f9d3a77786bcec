"""What claiming is made of: what a claim is, which rows are due, and how they are leased; who gets how many is in `claims.py` and `limited.py`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import sqlalchemy as sa
from sqlmodel import Session

from broker.domain.states import ChannelKind, DeliveryState
from broker.storage.person_tables import CHANNEL, CHANNEL_HEALTH, DELIVERY

Row: TypeAlias = tuple[int, str, str, int]
"""Mailbox number, delivery, team, attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery that this worker alone may try until its lease ends."""

    id: str
    team_id: str
    kind: ChannelKind
    number: int
    """Its place in the team's gap-free sequence."""
    attempts: int
    """Tries so far, this one included; names the lease."""
    url: str | None
    secret: bytes | None
    """Sealed, under the context `channel:{team id}`."""
    probe: bool = False
    """It decides whether a paused channel is open again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How much one claim may take, and for whom."""

    limit: int
    """At most so many, e-mails apart: what one tells of shares one push."""
    per_team: int
    """At most so many of one team, whatever its backlog."""
    busy: Collection[str] = ()
    """Teams that get none this time, because as many as they may have are under way."""
    kinds: Collection[ChannelKind] = (ChannelKind.WEBHOOK,)
    """Channels that this worker can push to."""


def lease_rows(session: Session, picked: sa.Select[str], now: datetime, lease: timedelta) -> list[Row]:
    """Those of the rows picked that nobody else is just taking."""
    # That it is due stands here again, because PostgreSQL checks it once more on a row that changed before its lock.
    mine = (
        sa.select(DELIVERY.c.id)
        .where(DELIVERY.c.id.in_(picked), due(DELIVERY, now))
        .with_for_update(skip_locked=True)  # left out on SQLite, where writers take turns
        .cte("mine")
    )
    until = now + lease
    taken = session.execute(
        sa.update(DELIVERY)
        .where(DELIVERY.c.id.in_(sa.select(mine.c.id)))
        .values(state=DeliveryState.SENDING, lease_until=until, next_attempt_at=until, attempts=DELIVERY.c.attempts + 1)
        .returning(DELIVERY.c.number, DELIVERY.c.id, DELIVERY.c.team_id, DELIVERY.c.attempts)
    )
    return sorted(tuple(row) for row in taken)


def due(rows: sa.FromClause, now: datetime | sa.BindParameter[datetime]) -> sa.ColumnElement[bool]:
    """Its time has come, and it has its number."""
    return sa.and_(rows.c.next_attempt_at <= now, rows.c.number.is_not(None))


def open_to(share: Share) -> sa.ColumnElement[bool]:
    """Channels that this worker may push to."""
    return sa.and_(
        CHANNEL.c.kind.in_(share.kinds), CHANNEL.c.disabled_at.is_(None), CHANNEL.c.team_id.not_in(share.busy)
    )


def channels() -> sa.FromClause:
    """Channels with their health, where there is any."""
    return CHANNEL.outerjoin(CHANNEL_HEALTH, CHANNEL_HEALTH.c.team_id == CHANNEL.c.team_id)


def with_channels(session: Session, rows: Sequence[Row]) -> list[Claimed]:
    """What was leased, each with its channel."""
    if not rows:
        return []
    found = session.execute(_CHANNELS, {"teams": list({team for _, _, team, _ in rows})})
    channels = {team: (ChannelKind(kind), url, secret) for team, kind, url, secret in found}
    claimed = []
    for number, delivery, team, attempts in rows:
        kind, url, secret = channels[team]
        claimed.append(
            Claimed(id=delivery, team_id=team, kind=kind, number=number, attempts=attempts, url=url, secret=secret)
        )
    return claimed


_CHANNELS = sa.select(CHANNEL.c.team_id, CHANNEL.c.kind, CHANNEL.c.url, CHANNEL.c.secret).where(
    CHANNEL.c.team_id.in_(sa.bindparam("teams", expanding=True))
)
