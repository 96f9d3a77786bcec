"""Received messages and who they are about; what is decided over them lives in `workflow.receive`."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select, update

from broker.domain.states import NotificationState
from broker.storage.codec import Codec
from broker.storage.deliveries import NOT_TOLD
from broker.storage.person_tables import NOTIFICATION, SUBJECT
from broker.storage.tables import Delivery, Notification, Subject
from schemas import content
from schemas.codes import Event
from schemas.message import Message


def earlier(session: Session, sender_team_id: str, message_id: str) -> Notification | None:
    """The notification that reserved this identity."""
    return session.exec(
        select(Notification).where(
            Notification.sender_team_id == sender_team_id,
            Notification.message_id == message_id,
            Notification.state != NotificationState.REFUSED,
        )
    ).first()


def known_as(session: Session, team_id: str, reference: str) -> Notification | None:
    """What a team means by an id: its own message; one it was told of, by the id of its copy; or by its sender's own id."""
    own = earlier(session, team_id, reference)
    if own is not None:
        return own
    told = (col(Delivery.team_id) == team_id, col(Delivery.cause) == "", col(Delivery.state).not_in(NOT_TOLD))
    return session.exec(
        select(Notification)
        .join(Delivery, col(Delivery.notification_id) == col(Notification.id))
        .where(*told, or_(col(Delivery.id) == reference, col(Notification.message_id) == reference))
        .order_by(col(Delivery.id) != reference, col(Notification.received_at).desc())
    ).first()


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered to a message, for when it comes again."""

    id: str
    content_hash: str
    standing: str
    answer: bytes
    """As the codec sealed it."""


def answered(session: Session, sender_team_id: str, message_id: str) -> Answered | None:
    """The answer to the notification that reserved this identity."""
    found = session.execute(_RESERVED, {"team": sender_team_id, "message": message_id}).first()
    return None if found is None else Answered(*found)


def refused_before(session: Session, sender_team_id: str, content_hash: str) -> Answered | None:
    """The answer to the same content from the same team, refused before."""
    found = session.execute(_REFUSED, {"team": sender_team_id, "hash": content_hash}).first()
    return None if found is None else Answered(*found)


# Statements are built once: building one costs more than running it.
_OF = NOTIFICATION.c
_ANSWERED = sa.select(_OF.id, _OF.content_hash, _OF.standing, _OF.answer).where(_OF.sender_team_id == bindparam("team"))
_RESERVED = _ANSWERED.where(_OF.message_id == bindparam("message"), _OF.state != NotificationState.REFUSED)
_REFUSED = _ANSWERED.where(_OF.content_hash == bindparam("hash"), _OF.state == NotificationState.REFUSED)


def add(session: Session, row: dict[str, object], subjects: Iterable[tuple[str, bool]]) -> None:
    """One notification with the persons it is about or names: (person id, named only)."""
    session.execute(_INSERT, row)
    about = [{"notification_id": row["id"], "person_id": person, "named": named} for person, named in subjects]
    if about:
        session.execute(_INSERT_SUBJECTS, about)


_INSERT = NOTIFICATION.insert()
_INSERT_SUBJECTS = SUBJECT.insert()


def count(session: Session) -> int:
    """How many there are."""
    found: int = session.execute(sa.select(sa.func.count()).select_from(NOTIFICATION)).scalar_one()
    return found


def message_of(codec: Codec, row: Notification) -> Message:
    """What an accepted notification says; persons are keyed by their ids."""
    if row.content is None:
        raise ValueError("only an accepted notification has content")
    return content.load(codec.open(row.content, f"notification:{row.id}"))


def standing_about(
    session: Session, person_ids: Collection[str], events: Collection[Event], *, since: datetime
) -> list[Notification]:
    """Accepted notifications of these events about these persons that still describe how things are, oldest first."""
    if not person_ids or not events:
        return []
    return list(
        session.exec(
            select(Notification)
            .join(Subject, col(Subject.notification_id) == col(Notification.id))
            .where(
                col(Subject.person_id).in_(person_ids),
                col(Subject.named).is_(False),
                col(Notification.event).in_(events),
                Notification.state == NotificationState.ACCEPTED,
                col(Notification.received_at) >= since,
            )
            .order_by(col(Notification.received_at), col(Notification.id))
            .distinct()
        ).all()
    )


def withdraw(session: Session, notification_id: str, now: datetime) -> None:
    """Mark a notification as taken back by its sender."""
    session.execute(
        update(Notification)
        .where(col(Notification.id) == notification_id)
        .values(state=NotificationState.WITHDRAWN, withdrawn_at=now)
    )


def alike(session: Session, notification_id: str) -> list[Notification]:
    """Those by which the sender of this one said the same of one of the same persons: same event, same kind, oldest first."""
    this, other = aliased(Notification), aliased(Notification)
    mine, theirs = aliased(Subject), aliased(Subject)
    return list(
        session.exec(
            select(other)
            .join(theirs, col(theirs.notification_id) == col(other.id))
            .join(mine, col(mine.person_id) == col(theirs.person_id))
            .join(this, col(this.id) == col(mine.notification_id))
            .where(
                col(this.id) == notification_id,
                col(mine.named).is_(False),
                col(theirs.named).is_(False),
                col(other.id) != col(this.id),
                col(other.sender_team_id) == col(this.sender_team_id),
                col(other.event) == col(this.event),
                col(other.kind).is_not_distinct_from(col(this.kind)),
            )
            .order_by(col(other.received_at), col(other.id))
            .distinct()
        )
    )


def taken_back_among(session: Session, notification_ids: Collection[str]) -> list[Notification]:
    """Those of the notifications that their sender took back."""
    if not notification_ids:
        return []
    withdrawn = col(Notification.state) == NotificationState.WITHDRAWN
    return list(session.exec(select(Notification).where(col(Notification.id).in_(notification_ids), withdrawn)))
