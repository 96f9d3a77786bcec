"""Claims of teams that may not get everything at once: a statement each, as much as their allowance is; see `allowances.py`."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from broker.domain.states import ChannelKind
from broker.storage import channel_health, direct
from broker.storage.allowances import FARTHEST, Limited, is_limited, turns
from broker.storage.channel_health import Known
from broker.storage.leasing import (
    NOW,
    Claimed,
    Share,
    channels,
    due,
    due_alone,
    lease_query,
    leased,
    open_to,
    with_channels,
)
from broker.storage.person_tables import CHANNEL, CHANNEL_HEALTH, DELIVERY
from broker.storage.phrases import among as is_among
from broker.storage.prepared import Query
from broker.storage.types import UtcDateTime

LIMITED_AT_ONCE = 50
"""Teams with a limit that one claim serves at most: each takes a statement of its own."""

EMAILS_AT_ONCE = 8
"""E-mails that one claim is about at most."""

A_SHARE = timedelta(seconds=1)
"""How far ahead of its time a limited team may be served: see `domain.rate.per_second`."""


def claim_limited(
    session: Session, share: Share, now: datetime, lease: timedelta, among: Collection[str] | None
) -> tuple[list[Claimed], int]:
    """What teams get that may not get everything at once (see `allowances.py`), and how many pushes that makes beside e-mails."""
    claimed: list[Claimed] = []
    changed: dict[str, Known] = {}
    emails = 0
    for turn in turns(session, _waiting(session, share, now, among), per_team=share.per_team, now=now):
        team = turn.team.team_id
        emails += turn.team.kind is ChannelKind.EMAIL
        if turn.team.kind is ChannelKind.EMAIL and emails > EMAILS_AT_ONCE:
            continue  # one mail server serves them all, and may hang
        rows = leased(session, _FIRST, now=now, until=now + lease, team=team, most=turn.most)
        if rows:
            changed[team] = turn.after(len(rows), now=now, lease=lease)
            claimed += [replace(one, probe=turn.probe) for one in with_channels(session, rows)]
        if _pushes(claimed) >= share.limit:
            break
    channel_health.write(session, changed)
    return claimed, _pushes(claimed)


def _pushes(claimed: Sequence[Claimed]) -> int:
    return sum(one.kind is not ChannelKind.EMAIL for one in claimed)


def _waiting(session: Session, share: Share, now: datetime, among: Collection[str] | None) -> list[Limited]:
    """Limited teams for which something is due, those first that were served longest ago."""
    values: dict[str, object] = {
        "now": now,
        "soon": now + A_SHARE,
        "far": now + FARTHEST,
        "kinds": share.kinds,
        "busy": share.busy,
    }
    query = _WAITING if among is None else _ANNOUNCED
    found = direct.rows(session, query, **values, among=among)
    return [Limited(team_id=team, kind=ChannelKind(kind), rate_per_second=rate) for team, kind, rate in found]


_SOON, _FAR = (sa.bindparam(name, type_=UtcDateTime()) for name in ("soon", "far"))


def _not_held_back() -> sa.ColumnElement[bool]:
    """Neither paused nor without any share: coarse, because what counts is decided once the row is locked."""
    health = CHANNEL_HEALTH.c
    slow = sa.or_(CHANNEL.c.rate_per_second.is_(None), CHANNEL.c.rate_per_second <= 1)
    return sa.and_(
        sa.or_(health.paused_until.is_(None), health.paused_until <= NOW, health.paused_until > _FAR),
        sa.or_(
            health.send_from.is_(None),
            health.send_from <= sa.case((slow, NOW), else_=_SOON),
            health.send_from > _FAR,
        ),
    )


def _teams(*these: sa.ColumnElement[bool]) -> Query:
    something = sa.exists().where(DELIVERY.c.team_id == CHANNEL.c.team_id, *these)
    return Query(
        sa.select(CHANNEL.c.team_id, CHANNEL.c.kind, CHANNEL.c.rate_per_second)
        .select_from(channels())
        .where(open_to(), is_limited(), _not_held_back(), something)
        .order_by(CHANNEL_HEALTH.c.send_from.is_not(None), CHANNEL_HEALTH.c.send_from, CHANNEL.c.team_id)
        .limit(LIMITED_AT_ONCE)
        .offset(0)
    )


_WAITING = _teams(due(DELIVERY))
_ANNOUNCED = _teams(is_among(DELIVERY.c.id, "among"), due_alone(DELIVERY))
_FIRST = lease_query(
    sa.select(DELIVERY.c.id)
    .where(DELIVERY.c.team_id == sa.bindparam("team"), due(DELIVERY))
    .order_by(DELIVERY.c.next_attempt_at, DELIVERY.c.number)
    .limit(sa.bindparam("most", type_=sa.Integer()))
    .offset(0)
)
