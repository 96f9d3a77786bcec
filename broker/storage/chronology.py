"""What was notified about some persons, in the order in which it happened: what patterns look over and a chronology shows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

import sqlalchemy as sa
from sqlmodel import Session, col, select

from broker.domain.chronology import Before
from broker.domain.states import MembershipState, NotificationState
from broker.storage import direct
from broker.storage.codec import Codec
from broker.storage.notifications import NOTIFICATIONS, message_of
from broker.storage.person_tables import DELIVERY, NOTIFICATION, SUBJECT
from broker.storage.phrases import among
from broker.storage.prepared import Query
from broker.storage.tables import Membership, Notification, Subject
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
    query = _about(named, bool(events), since is not None, window is not None)
    given = {} if window is None else {"most": window.most + 1, "skip": window.skip}
    rows = NOTIFICATIONS.read(session, query, persons=person_ids, events=events, since=since, **given)
    return [_entry(codec, row) for row in (rows if window is None else reversed(rows))]


def of(session: Session, codec: Codec, notification_ids: Collection[str]) -> list[Entry]:
    """These, as far as nobody took them back."""
    query = select(Notification).where(
        col(Notification.id).in_(notification_ids),
        Notification.state == NotificationState.ACCEPTED,
        col(Notification.event).is_not(None),
    )
    return [_entry(codec, row) for row in session.exec(query)] if notification_ids else []


@cache
def _about(named: bool, of_events: bool, since: bool, window: bool) -> Query:  # noqa: FBT001 - the forms of one query
    """What `about` asks, in the form that it needs."""
    of = sa.select(SUBJECT.c.notification_id).where(among(SUBJECT.c.person_id, "persons"))
    if not named:
        of = of.where(SUBJECT.c.named.is_(False))
    of_them, at = NOTIFICATION.c, NOTIFICATION.c.occurred_at
    query = sa.select(NOTIFICATION).where(
        of_them.id.in_(of), of_them.state == NotificationState.ACCEPTED, of_them.event.is_not(None)
    )
    if of_events:
        query = query.where(among(of_them.event, "events"))
    if since:
        query = query.where(at >= sa.bindparam("since", type_=at.type))
    if not window:
        return Query(query.order_by(at, of_them.id))
    latest = query.order_by(at.desc(), of_them.id.desc()).limit(sa.bindparam("most", type_=sa.Integer()))
    return Query(latest.offset(sa.bindparam("skip", type_=sa.Integer())))


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
    found = direct.rows(session, _DECIDED, team=team_id, notifications=notification_ids)
    return {
        about: Before(id=id_, state=state, view=view, reason_code=reason, at=at)
        for about, id_, state, view, reason, at in found
    }


_OF = DELIVERY.c
_DECIDED = Query(
    sa.select(_OF.notification_id, _OF.id, _OF.state, _OF.view, _OF.reason_code, _OF.created_at).where(
        _OF.team_id == sa.bindparam("team"), _OF.cause == "", among(_OF.notification_id, "notifications")
    )
)


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
