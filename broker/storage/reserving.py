"""Transfers that do not name every child to their receiver (sharing principle 12)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from broker.domain.asks import SIBLINGS
from broker.storage import direct
from broker.storage.person_tables import IS_OF_TRANSFER, TASK
from broker.storage.phrases import among
from broker.storage.prepared import Query
from broker.storage.types import UtcDateTime
from schemas.codes import TaskCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """A transfer that does not name every child to its receiver until somebody agrees, or for good, and since when."""

    notification_id: str
    team_id: str
    since: datetime


def reserved(session: Session, person_ids: Collection[str], teams: Collection[str]) -> list[Reserved]:
    """Transfers in which any of these persons stands and of which these teams are the receivers."""
    if not person_ids or not teams:
        return []
    found = direct.rows(session, _RESERVED, persons=sorted(person_ids), teams=teams)
    return [Reserved(notification_id=about_, team_id=team, since=since) for about_, team, since in found]


def _reserved() -> sa.Select[*tuple[Any, ...]]:
    gate = TASK.alias("gate")
    asked = sa.exists().where(
        gate.c.notification_id == TASK.c.notification_id,
        gate.c.code == TaskCode.RELEASE,
        gate.c.dedupe_key.like(f"{SIBLINGS}:%"),
    )
    columns = (TASK.c.notification_id, TASK.c.owner_team_id)
    return (
        sa.select(*columns, sa.func.min(TASK.c.authored_at, type_=UtcDateTime()))
        .where(among(TASK.c.person_id, "persons"), IS_OF_TRANSFER, among(TASK.c.owner_team_id, "teams"), asked)
        .group_by(*columns)
    )


_RESERVED = Query(_reserved())
