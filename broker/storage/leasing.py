"""What claiming is made of: what a claim is, which rows are due, and how they are leased; who gets how many is in `claims.py` and `limited.py`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

import sqlalchemy as sa
from sqlmodel import Session

from broker.domain.states import ChannelKind, DeliveryState
from broker.storage import direct
from broker.storage.person_tables import CHANNEL, CHANNEL_HEALTH, DELIVERY
from broker.storage.phrases import among, within
from broker.storage.prepared import Query, written_out
from broker.storage.types import UtcDateTime

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


def lease_query(first: sa.Select[str]) -> Query:
    """Lease those of the rows that `first` finds, by their ids, which nobody else is just taking; parameters `now` and `until` beside its own.

    Whatever PostgreSQL supposes of their number, it takes them one by one: to join them with what is due would read a backlog whole.
    """
    picked = written_out(first).cte("picked")
    # That it is due stands here again, because PostgreSQL checks it once more on a row that changed before its lock.
    mine = (
        written_out(sa.select(DELIVERY.c.id).where(within(DELIVERY.c.id, sa.select(picked.c.id)), due_alone(DELIVERY)))
        .with_for_update(skip_locked=True)  # left out on SQLite, where writers take turns
        .cte("mine")
    )
    return Query(
        sa.update(DELIVERY)
        .where(within(DELIVERY.c.id, sa.select(mine.c.id)))
        .values(
            state=DeliveryState.SENDING, lease_until=_UNTIL, next_attempt_at=_UNTIL, attempts=DELIVERY.c.attempts + 1
        )
        .returning(DELIVERY.c.number, DELIVERY.c.id, DELIVERY.c.team_id, DELIVERY.c.attempts)
    )


def leased(session: Session, query: Query, *, now: datetime, until: datetime, **given: object) -> list[Row]:
    """What such a query leased, by mailbox number."""
    return sorted(direct.rows(session, query, now=now, until=until, **given))


NOW: Final = sa.bindparam("now", type_=UtcDateTime())
_UNTIL: Final = sa.bindparam("until", type_=UtcDateTime())


def due(rows: sa.FromClause) -> sa.ColumnElement[bool]:
    """Its time has come by `now`, and it has its number: found by this."""
    return sa.and_(rows.c.next_attempt_at <= NOW, _is_numbered(rows))


def due_alone(rows: sa.FromClause) -> sa.ColumnElement[bool]:
    """The same of rows that are found by something else: no index answers it."""
    later = sa.func.coalesce(rows.c.next_attempt_at > NOW, sa.true())
    return sa.and_(sa.not_(later), _is_numbered(rows))


def _is_numbered(rows: sa.FromClause) -> sa.ColumnElement[bool]:
    """As no index answers it: most rows have a number, whatever is supposed while a burst waits for theirs."""
    return sa.func.coalesce(rows.c.number, 0) > 0


def open_to() -> sa.ColumnElement[bool]:
    """Channels of the `kinds` that a worker may push to, but for those of teams that are `busy`."""
    return sa.and_(
        among(CHANNEL.c.kind, "kinds"), CHANNEL.c.disabled_at.is_(None), sa.not_(among(CHANNEL.c.team_id, "busy"))
    )


def channels() -> sa.FromClause:
    """Channels with their health, where there is any."""
    return CHANNEL.outerjoin(CHANNEL_HEALTH, CHANNEL_HEALTH.c.team_id == CHANNEL.c.team_id)


def with_channels(session: Session, rows: Sequence[Row]) -> list[Claimed]:
    """What was leased, each with its channel."""
    if not rows:
        return []
    found = direct.rows(session, _CHANNELS, teams={team for _, _, team, _ in rows})
    channels = {team: (ChannelKind(kind), url, secret) for team, kind, url, secret in found}
    claimed = []
    for number, delivery, team, attempts in rows:
        kind, url, secret = channels[team]
        claimed.append(
            Claimed(id=delivery, team_id=team, kind=kind, number=number, attempts=attempts, url=url, secret=secret)
        )
    return claimed


_CHANNELS = Query(
    sa.select(CHANNEL.c.team_id, CHANNEL.c.kind, CHANNEL.c.url, CHANNEL.c.secret).where(
        among(CHANNEL.c.team_id, "teams")
    )
)
