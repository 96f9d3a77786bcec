"""Much to do for one team, and much that happened to one household: what `baton bench pages` looks at, made of one message that was accepted."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import insert
from sqlmodel import Session, SQLModel, col, select

from broker.domain.states import MembershipState
from broker.domain.wanted import TaskWanted
from broker.storage import notifications, tasks
from broker.storage.codec import Codec
from broker.storage.store import Store
from broker.storage.tables import Delivery, Membership, Notification, Subject
from schemas import content
from schemas.codes import Priority, TaskCode

AT_ONCE: Final = 500
"""Rows in one transaction."""
_BETWEEN: Final = timedelta(hours=6)
"""From one event to the one before it: two thousand are a year and a half."""


def home_of(session: Session, notification_id: str) -> str:
    """Id of the household that a notification is about."""
    return session.exec(
        select(Membership.household_id)
        .join(Subject, col(Subject.person_id) == col(Membership.person_id))
        .where(
            Subject.notification_id == notification_id,
            col(Subject.named).is_(False),
            Membership.state == MembershipState.CURRENT,
        )
        .limit(1)
    ).one()


def tell_again(store: Store, notification_id: str, count: int, now: datetime) -> Iterator[int]:
    """The same so many times more, each earlier than the one before, to the same teams; how many are in after each transaction."""
    for first in range(0, count, AT_ONCE):
        last = min(first + AT_ONCE, count)
        store.write(lambda session, span=range(first, last): _again(session, store.codec, notification_id, span, now))  # type: ignore[misc]
        yield last


def _again(session: Session, codec: Codec, notification_id: str, span: range, now: datetime) -> None:
    row = session.get_one(Notification, notification_id)
    said = notifications.message_of(codec, row)
    subjects = session.exec(select(Subject).where(Subject.notification_id == notification_id)).all()
    told = session.exec(select(Delivery).where(Delivery.notification_id == notification_id, Delivery.cause == "")).all()
    made: dict[type[SQLModel], list[dict[str, Any]]] = {Notification: [], Subject: [], Delivery: []}
    for number in span:
        id_, at = str(uuid4()), now - (number + 1) * _BETWEEN
        message = replace(said, id=id_, occurred=at)
        sealed = codec.seal(content.dump(message), f"notification:{id_}")
        made[Notification].append(
            _copy(
                row,
                id=id_,
                message_id=id_,
                occurred_at=at,
                received_at=at,
                content=sealed,
                content_hash=id_,
                data_key=None,
            )
        )
        made[Subject] += [_copy(one, notification_id=id_) for one in subjects]
        made[Delivery] += [
            _copy(one, id=str(uuid4()), notification_id=id_, number=None, created_at=at, delivered_at=at)
            for one in told
        ]
    for table, rows in made.items():
        session.execute(insert(table), rows)


def _copy(row: SQLModel, **changed: Any) -> dict[str, Any]:  # noqa: ANN401 - values of columns
    return row.model_dump() | changed


def ask(store: Store, owner: str, notification_id: str, count: int, now: datetime) -> Iterator[int]:
    """So many open tasks of a team about what was told; each due a minute after the one before, every tenth urgent."""
    person = store.read(
        lambda session: session.exec(
            select(Subject.person_id).where(Subject.notification_id == notification_id, col(Subject.named).is_(False))
        ).first()
    )
    for first in range(0, count, AT_ONCE):
        last = min(first + AT_ONCE, count)
        wanted = [
            TaskWanted(
                code=TaskCode.EXPECTED_EVENT if number % 2 else TaskCode.ACKNOWLEDGE,
                owner=owner,
                description="Say what this means for your work with the household and what you will do.",
                dedupe_key=f"bench:{number}",
                person_id=person,
                notification_id=notification_id,
                priority=Priority.ROUTINE if number % 10 else Priority.URGENT,
                due_at=now + timedelta(minutes=number - count // 2),
                cites="bench",
            )
            for number in range(first, last)
        ]
        store.write(
            lambda session, some=tuple(wanted): tasks.raise_tasks(  # type: ignore[misc]
                session, store.codec, some, policy_version="bench", now=now
            )
        )
        yield last
