"""Received messages and who they are about; what is decided over them lives in `workflow.receive`."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select, update

from broker.domain.states import NotificationState
from broker.storage import direct, row_digests
from broker.storage.codec import Codec, Sealer, message_name
from broker.storage.deliveries import NOT_TOLD
from broker.storage.objects import Objects
from broker.storage.person_tables import NOTIFICATION, SUBJECT
from broker.storage.phrases import among
from broker.storage.prepared import Asked, Query
from broker.storage.tables import Delivery, Notification, Subject
from schemas import content, records
from schemas.codes import Event
from schemas.message import Message

_IDENTIFIED: Final = sa.text("notification.state <> 'refused'")
"""The index of identities has these rows alone. Written out, because a database that is given a value as a parameter does not know it fits."""


def earlier(session: Session, sender_team_id: str, message_id: str) -> Notification | None:
    """The notification that reserved this identity."""
    return session.exec(
        select(Notification).where(
            Notification.sender_team_id == sender_team_id,
            Notification.message_id == message_id,
            _IDENTIFIED,
        )
    ).first()


def of_record(session: Session, sender_team_id: str, record: str) -> list[Notification]:
    """What a team has told of one record of its system and not taken back, the newest first (`schemas.records`)."""
    return [
        row
        for row in _of_record(session, sender_team_id, record)
        if row.event is not Event.WITHDRAW and row.withdrawn_at is None
    ]


def withdrawals_of_record(session: Session, sender_team_id: str, record: str) -> list[Notification]:
    """By what a team took back what it had told of one record of its system (`schemas.records`)."""
    return [row for row in _of_record(session, sender_team_id, record) if row.event is Event.WITHDRAW]


def _of_record(session: Session, sender_team_id: str, record: str) -> Iterator[Notification]:
    """All that was accepted of a record, by the index of identities alone: it is little."""
    first, last = records.range_of(record)
    found = session.exec(
        select(Notification)
        .where(
            Notification.sender_team_id == sender_team_id,
            col(Notification.message_id).between(first, last),
            _IDENTIFIED,
        )
        .order_by(col(Notification.received_at).desc(), col(Notification.id))
    )
    return (row for row in found if row.state is NotificationState.ACCEPTED)


def get(session: Session, notification_id: str) -> Notification:
    """One that there is."""
    return session.get_one(Notification, notification_id)


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
    """As it was sealed; `answer_of` opens it."""
    data_key: bytes | None
    sender_team_id: str
    message_id: str | None


def answered(session: Session, sender_team_id: str, message_id: str) -> Answered | None:
    """The answer to the notification that reserved this identity."""
    query, given = asks_answered(sender_team_id, message_id)
    found = direct.rows(session, query, **given)
    return Answered(*found[0]) if found else None


def asks_answered(sender_team_id: str, message_id: str) -> Asked:
    """What `answered` asks."""
    return _RESERVED, {"team": sender_team_id, "message": message_id}


def refused_before(session: Session, sender_team_id: str, content_hash: str) -> Answered | None:
    """The answer to the same content from the same team, refused before."""
    found = direct.rows(session, _REFUSED, team=sender_team_id, hash=content_hash)
    return Answered(*found[0]) if found else None


_OF = NOTIFICATION.c
_ANSWERED = sa.select(
    _OF.id, _OF.content_hash, _OF.standing, _OF.answer, _OF.data_key, _OF.sender_team_id, _OF.message_id
).where(_OF.sender_team_id == bindparam("team"))
_RESERVED = Query(_ANSWERED.where(_OF.message_id == bindparam("message"), _OF.state != NotificationState.REFUSED))
_REFUSED = Query(_ANSWERED.where(_OF.content_hash == bindparam("hash"), _OF.state == NotificationState.REFUSED))


def add(session: Session, row: dict[str, object], subjects: Iterable[tuple[str, bool]]) -> None:
    """One notification with the persons it is about or names: (person id, named only)."""
    direct.insert(session, NOTIFICATION, [row])
    row_digests.note(session, "notification", [row])
    about = [{"notification_id": row["id"], "person_id": person, "named": named} for person, named in subjects]
    direct.insert(session, SUBJECT, about)


def count(session: Session) -> int:
    """How many there are."""
    found: int = session.execute(sa.select(sa.func.count()).select_from(NOTIFICATION)).scalar_one()
    return found


def happened(session: Session, notification_ids: Collection[str]) -> list[tuple[Event, datetime]]:
    """What these accepted notifications report, and when it happened; in the order of the times."""
    query = select(Notification.event, Notification.occurred_at).where(col(Notification.id).in_(notification_ids))
    found = session.execute(query.order_by(col(Notification.occurred_at), col(Notification.id)))
    return [(event, at) for event, at in found if event is not None and at is not None]


def message_of(codec: Codec, row: Notification) -> Message:
    """What an accepted notification says; persons are keyed by their ids."""
    if row.content is None:
        raise ValueError("only an accepted notification has content")
    return content.load(sealer(codec, row).open(row.content, f"notification:{row.id}"))


class Keyed(Protocol):
    """What of a notification's row its key is bound to."""

    @property
    def id(self) -> str:
        """Of the row."""

    @property
    def sender_team_id(self) -> str:
        """Who sent it."""

    @property
    def message_id(self) -> str | None:
        """What they call it."""

    @property
    def data_key(self) -> bytes | None:
        """Its key, wrapped."""


def sealer(codec: Codec, row: Keyed) -> Sealer:
    """What opens and seals the parts of this message, under its own key."""
    return codec.message(message_name(row.id, row.sender_team_id, row.message_id), row.data_key)


def raw_of(codec: Codec, row: Notification) -> bytes:
    """The bytes as they came. Shredded at the end of their retention."""
    return sealer(codec, row).open(row.raw, f"raw:{row.id}")


def answer_of(codec: Codec, row: Notification | Answered) -> bytes:
    """What was answered to it."""
    return sealer(codec, row).open(row.answer, f"answer:{row.id}")


def several(session: Session, notification_ids: Collection[str]) -> list[Notification]:
    """These notifications, in no order."""
    return NOTIFICATIONS.read(session, _SEVERAL, ids=notification_ids) if notification_ids else []


NOTIFICATIONS: Final = Objects(Notification)
_SEVERAL = Query(sa.select(NOTIFICATION).where(among(NOTIFICATION.c.id, "ids")))


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


def hold_standing(session: Session, notification_ids: Collection[str]) -> frozenset[str]:
    """Those of the notifications that nobody has taken back, which they stay until the commit: whoever withdraws one waits, and finds what was told of it."""
    held = direct.rows(session, _STANDING, ids=notification_ids) if notification_ids else []
    return frozenset(id_ for (id_,) in held)


_STANDING = Query(
    sa.select(_OF.id)
    .where(among(_OF.id, "ids"), _OF.state == NotificationState.ACCEPTED)
    .order_by(_OF.id)
    .with_for_update(read=True)
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
