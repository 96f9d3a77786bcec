"""What was notified about some persons, in the order in which it happened: what patterns look over and a chronology shows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from broker.domain.chronology import Before
from broker.domain.states import MembershipState, NotificationState
from broker.storage.codec import Codec
from broker.storage.notifications import message_of
from broker.storage.tables import Delivery, Membership, Notification, Subject
from schemas.codes import Event
from schemas.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One accepted notification that nobody took back."""

    id: str
    sender: str
    """Team id."""
    occurred_at: datetime
    received_at: datetime
    message: Message
    """Persons are keyed by their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The part of a long chronology that one page shows: so many of the latest, after leaving out so many."""

    most: int
    skip: int = 0


def about(
    session: Session,
    codec: Codec,
    person_ids: Collection[str],
    *,
    since: datetime | None = None,
    events: Collection[Event] = (),
    named: bool = False,
    window: Window | None = None,
) -> list[Entry]:
    """Everything about these persons, the earliest first by when it happened.

    Args:
        session: a reading one will do.
        codec: opens what they say.
        person_ids: whom it is about.
        since: only what happened then or later.
        events: only these; empty for all.
        named: also what only names them.
        window: only so many of the latest, one more than it shows where there are earlier ones.
    """
    of = select(Subject.notification_id).where(col(Subject.person_id).in_(person_ids))
    if not named:
        of = of.where(col(Subject.named).is_(False))
    query = select(Notification).where(
        col(Notification.id).in_(of),
        Notification.state == NotificationState.ACCEPTED,
        col(Notification.event).is_not(None),
    )
    if events:
        query = query.where(col(Notification.event).in_(events))
    if since is not None:
        query = query.where(col(Notification.occurred_at) >= since)
    if window is not None:
        latest = query.order_by(col(Notification.occurred_at).desc(), col(Notification.id).desc())
        rows = session.exec(latest.offset(window.skip).limit(window.most + 1)).all()
        return [_entry(codec, row) for row in reversed(rows)]
    ordered = session.exec(query.order_by(col(Notification.occurred_at), col(Notification.id)))
    return [_entry(codec, row) for row in ordered]


def of(session: Session, codec: Codec, notification_ids: Collection[str]) -> list[Entry]:
    """These, as far as nobody took them back."""
    query = select(Notification).where(
        col(Notification.id).in_(notification_ids),
        Notification.state == NotificationState.ACCEPTED,
        col(Notification.event).is_not(None),
    )
    return [_entry(codec, row) for row in session.exec(query)] if notification_ids else []


def _entry(codec: Codec, row: Notification) -> Entry:
    message = message_of(codec, row)
    return Entry(
        id=row.id,
        sender=row.sender_team_id,
        occurred_at=row.occurred_at or row.received_at,
        received_at=row.received_at,
        message=message,
    )


def decided_for(session: Session, team_id: str, notification_ids: Collection[str]) -> dict[str, Before]:
    """What was decided for a team of each of these notifications when it came, by their ids."""
    query = select(Delivery).where(
        Delivery.team_id == team_id,
        Delivery.cause == "",
        col(Delivery.notification_id).in_(notification_ids),
    )
    return {
        row.notification_id: Before(
            id=row.id, state=row.state, view=row.view, reason_code=row.reason_code, at=row.created_at
        )
        for row in session.exec(query)
    }


def left(session: Session, household_id: str) -> dict[str, date]:
    """Who lived in a household and does not any more: until which day, the last where somebody came and went."""
    query = select(Membership).where(
        Membership.household_id == household_id,
        Membership.state == MembershipState.ENDED,
        col(Membership.until).is_not(None),
    )
    found: dict[str, date] = {}
    for row in session.exec(query):
        if row.until is not None:
            found[row.person_id] = max(row.until, found.get(row.person_id, row.until))
    return found


def seen(session: Session, codec: Codec, person_ids: Collection[str]) -> frozenset[str]:
    """Those of the persons whom a message that nobody took back says were seen, whomever it is about."""
    naming = select(Subject.notification_id).where(col(Subject.person_id).in_(person_ids))
    query = select(Notification).where(
        col(Notification.id).in_(naming),
        Notification.state == NotificationState.ACCEPTED,
        col(Notification.content).is_not(None),
    )
    messages = (message_of(codec, row) for row in session.exec(query))
    facts = (fact for message in messages for fact in message.facts if fact.code == "seen" and fact.value is True)
    return frozenset(fact.about for fact in facts if fact.about is not None and fact.about in person_ids)
