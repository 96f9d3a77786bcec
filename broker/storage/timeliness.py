"""When handovers were sent, due and answered; what is made of that is `domain.timeliness`'s."""

from collections.abc import Iterator, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from broker.domain.timeliness import Sent
from broker.storage.tables import HANDOVER, Notification, Task
from schemas.codes import Event

AT_ONCE = 10_000
"""Rows held at a time."""


def sent(
    session: Session, agencies: Mapping[str, str], *, since: datetime, until: datetime, kind: Event | None = None
) -> Iterator[Sent]:
    """Every handover that was sent then, as it stands. `agencies`: of each team."""
    query = (
        sa.select(
            col(Task.owner_team_id),
            col(Notification.event),
            col(Task.status),
            col(Task.authored_at),
            col(Task.due_at),
            col(Task.answered_at),
        )
        .outerjoin(Notification, col(Notification.id) == col(Task.notification_id))
        .where(sa.text(HANDOVER), col(Task.authored_at) >= since, col(Task.authored_at) < until)
    )
    if kind is not None:
        query = query.where(col(Notification.event) == kind)
    for team, event, status, at, due, answered in session.execute(query.execution_options(yield_per=AT_ONCE)):
        agency = agencies.get(team, "")
        yield Sent(agency=agency, kind=event, status=status, sent=at, due=due, answered=answered)
