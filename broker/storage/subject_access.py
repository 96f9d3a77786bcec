"""Requests of people for what is held about them, and everything that is: rows gathered by person; what of it may go out is `domain.subject_access`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from sqlmodel import Session, col, select, update

from broker.storage import notifications
from broker.storage.codec import Codec, open_json, seal_json
from broker.storage.deliveries import NOT_TOLD
from broker.storage.tables import (
    Address,
    Delivery,
    Identifier,
    Involvement,
    Membership,
    Notification,
    Responsibility,
    Subject,
    SubjectRequest,
    Task,
)
from schemas.message import Message

EXPORT_KEPT: Final = timedelta(days=90)
"""After the release its export is fetched again from nowhere: what it says has retention of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A person's request, and what became of it."""

    id: str
    person_id: str
    state: str
    requested_by: str
    reason: str
    made_by: str
    made_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision: Mapping[str, Any]


def add(session: Session, codec: Codec, request: Request) -> None:
    """Write down a request."""
    said = {"requested_by": request.requested_by, "reason": request.reason, "decision": {}}
    session.add(
        SubjectRequest(
            id=request.id,
            person_id=request.person_id,
            state=request.state,
            details=seal_json(codec, said, _context(request.id)),
            made_by=request.made_by,
            made_at=request.made_at,
        )
    )
    session.flush()


def decide(
    session: Session,
    codec: Codec,
    request: Request,
    *,
    state: str,
    by: str,
    decision: Mapping[str, Any],
    export: Mapping[str, Any] | None,
    now: datetime,
) -> None:
    """Write down the review, and what was released."""
    said = {"requested_by": request.requested_by, "reason": request.reason, "decision": dict(decision)}
    values = {
        "state": state,
        "decided_by": by,
        "decided_at": now,
        "details": seal_json(codec, said, _context(request.id)),
        "export": None if export is None else seal_json(codec, export, f"subject-export:{request.id}"),
    }
    session.execute(update(SubjectRequest).where(col(SubjectRequest.id) == request.id).values(**values))


def get(session: Session, codec: Codec, id_: str) -> Request | None:
    """One."""
    row = session.exec(select(SubjectRequest).where(SubjectRequest.id == id_).with_for_update()).first()
    return None if row is None else _request(codec, row)


def listed(session: Session, codec: Codec, limit: int) -> list[Request]:
    """The newest first."""
    query = select(SubjectRequest).order_by(col(SubjectRequest.made_at).desc(), col(SubjectRequest.id)).limit(limit)
    return [_request(codec, row) for row in session.exec(query)]


def export(session: Session, codec: Codec, id_: str) -> Any:  # noqa: ANN401 - a JSON value
    """What was released; None when nothing was, or it is over."""
    row = session.get_one(SubjectRequest, id_)
    return None if row.export is None else open_json(codec, row.export, f"subject-export:{id_}")


def expire(session: Session, now: datetime) -> None:
    """Forget exports that were there to be fetched for long enough."""
    over = (col(SubjectRequest.export).is_not(None), col(SubjectRequest.decided_at) <= now - EXPORT_KEPT)
    session.execute(update(SubjectRequest).where(*over).values(export=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Rows about one person."""

    identifiers: Sequence[Identifier]
    addresses: Sequence[tuple[Address, Mapping[str, Any]]]
    involvements: Sequence[Involvement]
    memberships: Sequence[Membership]
    responsibilities: Sequence[Responsibility]
    messages: Sequence[tuple[Notification, Message, tuple[str, ...]]]
    """With the teams that were told."""
    tasks: Sequence[tuple[Task, Mapping[str, Any]]]


def held(session: Session, codec: Codec, person_id: str) -> Held:
    """Everything about this person, the oldest first."""

    def of(table: Any, *order: Any) -> list[Any]:  # noqa: ANN401 - any of the tables
        return list(session.exec(select(table).where(table.person_id == person_id).order_by(*order)))

    return Held(
        identifiers=of(Identifier, Identifier.asserted_at, Identifier.id),
        addresses=[
            (row, orjson.loads(codec.open(row.value, f"address:{row.id}")))
            for row in of(Address, Address.asserted_at, Address.id)
        ],
        involvements=of(Involvement, Involvement.since, Involvement.id),
        memberships=of(Membership, Membership.asserted_at, Membership.id),
        responsibilities=of(Responsibility, Responsibility.since, Responsibility.id),
        messages=_messages(session, codec, person_id),
        tasks=[(row, open_json(codec, row.content, f"task:{row.id}")) for row in of(Task, Task.authored_at, Task.id)],
    )


def _messages(session: Session, codec: Codec, person_id: str) -> list[tuple[Notification, Message, tuple[str, ...]]]:
    query = (
        select(Notification)
        .join(Subject, col(Subject.notification_id) == col(Notification.id))
        .where(Subject.person_id == person_id, col(Notification.content).is_not(None))
        .order_by(col(Notification.received_at), col(Notification.id))
    )
    return [(row, notifications.message_of(codec, row), _told(session, row.id)) for row in session.exec(query).all()]


def _told(session: Session, notification_id: str) -> tuple[str, ...]:
    query = select(Delivery.team_id).where(
        Delivery.notification_id == notification_id, Delivery.cause == "", col(Delivery.state).not_in(NOT_TOLD)
    )
    return tuple(sorted(session.exec(query)))


def _request(codec: Codec, row: SubjectRequest) -> Request:
    said = open_json(codec, row.details, _context(row.id))
    return Request(
        id=row.id,
        person_id=row.person_id,
        state=row.state,
        requested_by=said["requested_by"],
        reason=said["reason"],
        made_by=row.made_by,
        made_at=row.made_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decision=said["decision"],
    )


def _context(id_: str) -> str:
    return f"subject-request:{id_}"
