"""What was addressed to a team, for deciding what it may look up; the decision is `domain.sight`'s."""

from collections.abc import Collection

from sqlmodel import Session, col, select

from broker.domain.states import DeliveryState, NotificationState, View
from broker.domain.tasks import TERMINAL
from broker.storage.person_tables import IS_OF_TRANSFER
from broker.storage.tables import Delivery, Notification, Subject, Task
from schemas.codes import TaskCode

_TOLD = (DeliveryState.READY, DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.PARKED)


def told_in_full(session: Session, team_id: str, person_ids: Collection[str]) -> frozenset[str]:
    """Those of the persons that a notification given to the team in full is about, withdrawn ones excepted, or whom it is asked to take on."""
    if not person_ids:
        return frozenset()
    return _told(session, team_id, person_ids) | _asked_to_take_on(session, team_id, person_ids)


def _told(session: Session, team_id: str, person_ids: Collection[str]) -> frozenset[str]:
    found = select(Subject.person_id).join(Delivery, col(Delivery.notification_id) == col(Subject.notification_id))
    found = found.join(Notification, col(Notification.id) == col(Subject.notification_id)).where(
        Delivery.team_id == team_id,
        Delivery.cause == "",
        Delivery.view == View.FULL,
        col(Delivery.state).in_(_TOLD),
        col(Subject.person_id).in_(person_ids),
        col(Subject.named).is_(False),
        Notification.state == NotificationState.ACCEPTED,
    )
    return frozenset(session.exec(found).all())


def _asked_to_take_on(session: Session, team_id: str, person_ids: Collection[str]) -> frozenset[str]:
    """Whoever has an open line of a transfer to the team: a child whom the transfer itself says nothing of, wherever they live by now."""
    found = select(Task.person_id).where(
        IS_OF_TRANSFER,
        Task.code == TaskCode.CONFIRM_CHILD,
        Task.owner_team_id == team_id,
        col(Task.status).not_in(TERMINAL),
        col(Task.person_id).in_(person_ids),
    )
    return frozenset(person for person in session.exec(found) if person is not None)
