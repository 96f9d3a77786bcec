"""Families of a team's list that a meeting may have to speak of, found by what happened and what is open; what the team sees of them is decided elsewhere."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from broker.domain.states import InvolvementState, MembershipState, NotificationState
from broker.domain.tasks import TERMINAL
from broker.storage.codec import Codec
from broker.storage.tables import Involvement, Membership, Notification, Subject, Task
from broker.storage.task_values import Scope, Stored
from broker.storage.tasks import reading, stored, through, visible
from schemas.codes import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaQuery:
    """Which families come into question."""

    team: str
    events: Collection[Event]
    since: datetime
    """One of the events was received then or later."""
    after: str | None = None
    """Households behind this one, by id."""
    limit: int = 20


def households(session: Session, query: AgendaQuery) -> list[str]:
    """Households in which the team works with somebody, and of whom one of the events was told, or a task is open; by id."""
    of = aliased(Membership)
    here = (col(of.household_id) == col(Membership.household_id), col(of.state) == MembershipState.CURRENT)
    told = (
        sa.select(col(Subject.person_id))
        .join(of, col(of.person_id) == col(Subject.person_id))
        .join(Notification, col(Notification.id) == col(Subject.notification_id))
        .where(
            *here,
            col(Subject.named).is_(False),
            col(Notification.event).in_(query.events),
            col(Notification.state) == NotificationState.ACCEPTED,
            col(Notification.received_at) >= query.since,
        )
    )
    is_open = col(Task.status).not_in(TERMINAL)
    asked = sa.or_(col(Task.owner_team_id) == query.team, col(Task.requester_team_id) == query.team)
    about_them = sa.select(col(Task.id)).join(of, col(of.person_id) == col(Task.person_id)).where(*here, asked, is_open)
    found = (
        sa.select(col(Membership.household_id))
        .join(Involvement, col(Involvement.person_id) == col(Membership.person_id))
        .where(
            col(Membership.state) == MembershipState.CURRENT,
            col(Involvement.team_id) == query.team,
            col(Involvement.state) == InvolvementState.CONFIRMED,
            sa.or_(told.exists(), about_them.exists()),
        )
        .distinct()
        .order_by(col(Membership.household_id))
    )
    if query.after is not None:
        found = found.where(col(Membership.household_id) > query.after)
    return list(session.scalars(found.limit(query.limit)))


def open_tasks(
    session: Session, codec: Codec, persons: Collection[str], household_id: str, scope: Scope
) -> list[Stored]:
    """Open tasks about these persons, or their household, that these eyes may see; the soonest due first."""
    about = sa.or_(col(Task.person_id).in_(persons), col(Task.household_id) == household_id)
    query = reading().where(about, col(Task.status).not_in(TERMINAL), visible(scope))
    with through(session, scope):
        found = session.execute(query.order_by(col(Task.due_at), col(Task.id))).all()
    return [stored(codec, row) for row in found]
