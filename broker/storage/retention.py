"""Messages whose time is over, found by index; legal holds; and the destruction of what a message said. How long is policy (`domain.retention`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

import orjson
import sqlalchemy as sa
from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select, update

from broker.domain.retention import Retention, skeleton
from broker.domain.states import DeliveryState, ExpectationState, NotificationState
from broker.domain.tasks import TERMINAL
from broker.storage import notifications
from broker.storage.codec import Codec, Tampered, message_name, open_json, seal_json
from broker.storage.tables import (
    Delivery,
    Expectation,
    LegalHold,
    Lookup,
    Notification,
    Pattern,
    PatternEvidence,
    Subject,
    Task,
    TaskEvent,
)
from broker.storage.task_values import Content
from schemas import content
from schemas.codes import Event

GONE: Final = "What was said here has gone at the end of its retention."
_OVER: Final = (DeliveryState.DELIVERED, DeliveryState.WITHHELD, DeliveryState.HELD, DeliveryState.CANCELLED)
_KEPT_OF_A_TASK: Final = ("opened", "answered", "actions", "lines", "last")
"""Who did what, when, and how many: metadata. Every text goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why something is kept beyond its time: all that is about or names a person, or one message."""

    id: str
    person_id: str | None
    notification_id: str | None
    reason: str
    placed_by: str
    placed_at: datetime
    lifted_by: str | None = None
    lifted_at: datetime | None = None
    lifted_because: str | None = None


# --- what is due -----------------------------------------------------------------------------------------------------


def due(session: Session, rules: Retention, now: datetime, limit: int) -> list[str]:
    """Messages that are to lose what they say, the oldest of each event first; at most so many."""
    found: list[str] = []
    for event in (None, *Event):
        if len(found) < limit:
            found += session.scalars(_due(event, now - rules.of(event)).limit(limit - len(found)))
    return found


def held_back(session: Session, rules: Retention, now: datetime) -> int:
    """How many would be due but for a legal hold."""
    queries = (_old(event, now - rules.of(event)).where(_is_held()) for event in (None, *Event))
    return sum(session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0 for query in queries)


def _due(event: Event | None, before: datetime) -> sa.Select[str]:
    return _old(event, before).where(sa.not_(_is_held()), sa.not_(_is_open())).order_by(col(Notification.received_at))


def _old(event: Event | None, before: datetime) -> sa.Select[str]:
    """By `ix_notification_kept`, in its own words."""
    of_event = col(Notification.event).is_(None) if event is None else col(Notification.event) == event
    return sa.select(col(Notification.id)).where(of_event, col(Notification.received_at) <= before, _KEPT)


_KEPT: Final = sa.text("notification.shredded_at IS NULL")


def _is_held() -> ColumnElement[bool]:
    about = sa.exists().where(
        col(Subject.notification_id) == col(Notification.id),
        col(Subject.person_id) == col(LegalHold.person_id),
        col(LegalHold.lifted_at).is_(None),
    )
    itself = sa.exists().where(
        col(LegalHold.notification_id) == col(Notification.id), col(LegalHold.lifted_at).is_(None)
    )
    return sa.or_(about, itself)


def _is_open() -> ColumnElement[bool]:
    """Somebody still has something to do about it."""
    id_ = col(Notification.id)
    return sa.or_(
        sa.exists().where(col(Task.notification_id) == id_, col(Task.status).not_in(TERMINAL)),
        sa.exists().where(col(Delivery.notification_id) == id_, col(Delivery.state).not_in(_OVER)),
        sa.exists().where(
            col(PatternEvidence.notification_id) == id_,
            col(Pattern.id) == col(PatternEvidence.pattern_id),
            col(Pattern.closed_at).is_(None),
        ),
        sa.exists().where(
            col(Expectation.notification_id) == id_,
            col(Expectation.state).in_((ExpectationState.WAITING, ExpectationState.MISSED)),
        ),
    )


# --- what goes -------------------------------------------------------------------------------------------------------


def shred(session: Session, codec: Codec, id_: str, now: datetime) -> None:
    """Destroy a message's key and all it opened, and every text of its tasks; what is left is sealed under a new key."""
    row = session.get_one(Notification, id_)
    name = message_name(row.id, row.sender_team_id, row.message_id)
    data_key, sealer = codec.new_message(name)
    left, answer = _left(codec, row), _answer_left(codec, row)
    session.execute(
        update(Notification)
        .where(col(Notification.id) == id_)
        .values(
            data_key=data_key,
            raw=sealer.seal(b"", f"raw:{id_}"),
            content=None if left is None else sealer.seal(left, f"notification:{id_}"),
            answer=sealer.seal(answer, f"answer:{id_}"),
            shredded_at=now,
        )
    )
    session.expire(row)
    for task in session.exec(select(Task).where(Task.notification_id == id_)).all():
        shred_task(session, codec, task)
    for lookup in session.exec(select(Lookup).where(Lookup.notification_id == id_)).all():
        lookup.asks = seal_json(codec, {}, f"lookup:{lookup.id}")
        session.add(lookup)
    session.flush()


def _left(codec: Codec, row: Notification) -> bytes | None:
    if row.content is None:
        return None
    try:
        return content.dump(skeleton(notifications.message_of(codec, row)))
    except Tampered:
        return None


def _answer_left(codec: Codec, row: Notification) -> bytes:
    """The first answer as it stands in form, without any of its sentences."""
    try:
        return orjson.dumps(_unsaid(orjson.loads(notifications.answer_of(codec, row))))
    except (Tampered, orjson.JSONDecodeError):
        return b"{}" if row.state is not NotificationState.REFUSED else b'{"issue": []}'


def _unsaid(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {name: GONE if name in ("diagnostics", "text", "div") else _unsaid(part) for name, part in value.items()}
    return [_unsaid(part) for part in value] if isinstance(value, list) else value


def shred_task(session: Session, codec: Codec, task: Task) -> None:
    """Destroy every text of a task and its history; who did what when stays."""
    context = f"task:{task.id}"
    try:
        before: Mapping[str, Any] = open_json(codec, task.content, context)
    except Tampered:
        before = {}
    kept = {name: before[name] for name in _KEPT_OF_A_TASK if name in before}
    left = cast("Content", {"description": GONE, **kept})
    session.execute(update(Task).where(col(Task.id) == task.id).values(content=seal_json(codec, left, context)))
    for event in session.exec(select(TaskEvent).where(TaskEvent.task_id == task.id)).all():
        event.detail = seal_json(codec, {}, f"task-event:{event.task_id}:{event.version}")
        session.add(event)


# --- legal holds -----------------------------------------------------------------------------------------------------


def place(session: Session, codec: Codec, hold: Hold) -> None:
    """Keep what it names until it is lifted."""
    session.add(
        LegalHold(
            id=hold.id,
            person_id=hold.person_id,
            notification_id=hold.notification_id,
            details=seal_json(codec, {"reason": hold.reason}, _context(hold.id)),
            placed_by=hold.placed_by,
            placed_at=hold.placed_at,
        )
    )
    session.flush()


def lift(session: Session, codec: Codec, id_: str, *, by: str, because: str, now: datetime) -> None:
    """Let time go on for what it kept."""
    row = session.get_one(LegalHold, id_)
    said = open_json(codec, row.details, _context(id_))
    row.details = seal_json(codec, {**said, "lifted_because": because}, _context(id_))
    row.lifted_by, row.lifted_at = by, now
    session.add(row)
    session.flush()


def hold(session: Session, codec: Codec, id_: str) -> Hold | None:
    """One, lifted or not."""
    row = session.get(LegalHold, id_)
    return None if row is None else _hold(codec, row)


def holds(session: Session, codec: Codec, *, lifted: bool = False) -> Sequence[Hold]:
    """Those in force, and with `lifted` all there were; the oldest first."""
    query = select(LegalHold).order_by(col(LegalHold.placed_at), col(LegalHold.id))
    if not lifted:
        query = query.where(col(LegalHold.lifted_at).is_(None))
    return [_hold(codec, row) for row in session.exec(query)]


def _hold(codec: Codec, row: LegalHold) -> Hold:
    said = open_json(codec, row.details, _context(row.id))
    return Hold(
        id=row.id,
        person_id=row.person_id,
        notification_id=row.notification_id,
        reason=said["reason"],
        placed_by=row.placed_by,
        placed_at=row.placed_at,
        lifted_by=row.lifted_by,
        lifted_at=row.lifted_at,
        lifted_because=said.get("lifted_because"),
    )


def _context(id_: str) -> str:
    return f"legal-hold:{id_}"
