"""How long deliveries took and what of them is still open, for measuring; what is delivered when is recorded in `outbox.py`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from broker.storage.person_tables import DELIVERY, NOTIFICATION


@dataclass(frozen=True, slots=True)
class Delivered:
    """One delivery that has arrived."""

    team_id: str
    received_at: datetime
    """When its notification was received."""
    delivered_at: datetime


def delivered(session: Session, teams: Collection[str], *, since: datetime) -> list[Delivered]:
    """Notifications received since then as they came to these teams, in the order of arrival; what followed from them is left out."""
    rows = session.execute(
        sa.select(DELIVERY.c.team_id, NOTIFICATION.c.received_at, DELIVERY.c.delivered_at)
        .join(NOTIFICATION, NOTIFICATION.c.id == DELIVERY.c.notification_id)
        .where(DELIVERY.c.team_id.in_(teams), DELIVERY.c.cause == "", DELIVERY.c.delivered_at.is_not(None))
        .where(NOTIFICATION.c.received_at >= since)
        .order_by(DELIVERY.c.delivered_at)
    )
    return [Delivered(*row) for row in rows]


def undelivered(session: Session, teams: Collection[str]) -> int:
    """How many messages these teams are told of and have not got."""
    told = DELIVERY.c.state.not_in(("withheld", "held", "cancelled", "delivered"))
    found: int = session.execute(sa.select(sa.func.count()).where(DELIVERY.c.team_id.in_(teams), told)).scalar_one()
    return found
