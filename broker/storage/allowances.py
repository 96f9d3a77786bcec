"""How much teams get that may not get everything at once: limited in rate, told by e-mail, or tried again after a pause.

Each of their rows is locked until the claim is committed, so that several workers keep one limit together, and one
probe goes out, not one from each. A team whose row another worker holds gets nothing this time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from broker.domain import rate
from broker.domain.rate import Rate
from broker.domain.states import ChannelKind
from broker.storage import channel_health
from broker.storage.channel_health import Known
from broker.storage.person_tables import CHANNEL, CHANNEL_HEALTH

NUDGES = Rate(interval=timedelta(minutes=15))
"""An e-mail says only that something waits: one is enough, whatever comes in the next quarter of an hour."""

IN_ONE_NUDGE = 50
"""Deliveries that one e-mail is about at most; what is beyond has the next."""

FARTHEST = timedelta(hours=1)
"""The longest pause that can be set. One that ends later was written by a clock that was wrong, and is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """A team that may not get everything at once."""

    team_id: str
    kind: ChannelKind
    rate_per_second: float | None

    @property
    def rate(self) -> Rate | None:
        """None where only a pause holds it back."""
        if self.kind is ChannelKind.EMAIL:
            return NUDGES
        return None if self.rate_per_second is None else rate.per_second(self.rate_per_second)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one of them may get in this claim; its row is locked."""

    team: Limited
    most: int
    """Deliveries, at least one."""
    probe: bool
    """A pause is over, and what goes now decides whether there is another."""
    known: Known

    def after(self, count: int, *, now: datetime, lease: timedelta) -> Known:
        """What is known once so many were claimed.

        A probe holds off others for as long as its lease: if its worker dies, the next one goes out then.
        """
        known = self.known
        if self.team.rate is not None:
            pushes = 1 if self.team.kind is ChannelKind.EMAIL else count
            known = replace(known, send_from=rate.spent(self.team.rate, known.send_from, now, pushes))
        if self.probe:
            known = replace(known, health=replace(known.health, paused_until=now + lease))
        return known


def is_limited() -> sa.ColumnElement[bool]:
    """Of a channel joined with its health."""
    return sa.or_(
        CHANNEL.c.rate_per_second.is_not(None),
        CHANNEL.c.kind == ChannelKind.EMAIL,
        CHANNEL_HEALTH.c.paused_until.is_not(None),
    )


def turns(session: Session, teams: Sequence[Limited], *, per_team: int, now: datetime) -> list[Turn]:
    """Those of them that may get anything now, in the order given, and how much."""
    if not teams:
        return []
    held = channel_health.lock(session, [one.team_id for one in teams], wait=False)
    found = [_turn(one, held[one.team_id], per_team, now) for one in teams if one.team_id in held]
    return [turn for turn in found if turn.most > 0]


def _turn(team: Limited, known: Known, per_team: int, now: datetime) -> Turn:
    paused = known.health.paused_until
    probe = paused is not None
    most = 0 if paused is not None and now < paused <= now + FARTHEST else per_team
    if team.rate is not None:
        most = min(most, rate.allowed(team.rate, known.send_from, now))
    if probe:
        most = min(most, 1)
    if team.kind is ChannelKind.EMAIL and most:
        most = IN_ONE_NUDGE  # one e-mail, whatever it is about
    return Turn(team=team, most=most, probe=probe, known=known)
