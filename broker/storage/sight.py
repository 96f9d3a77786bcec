"""What was addressed to a team, for deciding what it may look up; the decision is `domain.sight`'s."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import Session

from broker.domain.states import DeliveryState, NotificationState, View
from broker.domain.tasks import TERMINAL
from broker.storage import direct
from broker.storage.person_tables import DELIVERY, IS_OF_TRANSFER, NOTIFICATION, PERSON, SUBJECT, TASK
from broker.storage.phrases import among
from broker.storage.prepared import Query
from schemas.codes import TaskCode

_TOLD = (DeliveryState.READY, DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.PARKED)


def told_in_full(session: Session, team_id: str, person_ids: Collection[str]) -> frozenset[str]:
    """Those of the persons that a notification given to the team in full is about, withdrawn ones excepted, or whom it is asked to take on."""
    if not person_ids:
        return frozenset()
    return _told(session, team_id, person_ids) | _asked_to_take_on(session, team_id, person_ids)


def _told(session: Session, team_id: str, person_ids: Collection[str]) -> frozenset[str]:
    return frozenset(person for (person,) in direct.rows(session, _TOLD_OF, team=team_id, persons=person_ids))


_TOLD_OF = Query(
    sa.select(PERSON.c.id).where(
        among(PERSON.c.id, "persons"),
        # The first that is found settles it for a person: of most there are many, and as a join all of them are read.
        sa.select(sa.literal_column("1"))
        .select_from(SUBJECT)
        .join(DELIVERY, DELIVERY.c.notification_id == SUBJECT.c.notification_id)
        .join(NOTIFICATION, NOTIFICATION.c.id == SUBJECT.c.notification_id)
        .where(
            SUBJECT.c.person_id == PERSON.c.id,
            DELIVERY.c.team_id == sa.bindparam("team"),
            DELIVERY.c.cause == "",
            DELIVERY.c.view == View.FULL,
            DELIVERY.c.state.in_(_TOLD),
            SUBJECT.c.named.is_(False),
            NOTIFICATION.c.state == NotificationState.ACCEPTED,
        )
        .limit(1)
        .offset(0)
        .scalar_subquery()
        .is_not(None),
    )
)


def _asked_to_take_on(session: Session, team_id: str, person_ids: Collection[str]) -> frozenset[str]:
    """Whoever has an open line of a transfer to the team: a child whom the transfer itself says nothing of, wherever they live by now."""
    return frozenset(person for (person,) in direct.rows(session, _LINES_OF, team=team_id, persons=person_ids))


_LINES_OF = Query(
    sa.select(TASK.c.person_id).where(
        IS_OF_TRANSFER,
        TASK.c.code == TaskCode.CONFIRM_CHILD,
        TASK.c.owner_team_id == sa.bindparam("team"),
        TASK.c.status.not_in(TERMINAL),
        among(TASK.c.person_id, "persons"),
    )
)
