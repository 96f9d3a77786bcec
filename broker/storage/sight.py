"""What was addressed to a team, for deciding what it may look up; the decision is `domain.sight`'s."""

from collections.abc import Collection

from sqlmodel import Session, col, select

from broker.domain.states import DeliveryState, NotificationState, View
from broker.storage.tables import Delivery, Notification, Subject

_TOLD = (DeliveryState.READY, DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.PARKED)


def told_in_full(session: Session, team_id: str, person_ids: Collection[str]) -> frozenset[str]:
    """Those of the persons that a notification given to the team in full is about, withdrawn ones excepted."""
    if not person_ids:
        return frozenset()
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
