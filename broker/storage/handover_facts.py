"""What a page of handovers says beside its tasks: what was notified, why it was addressed, who is named, line by line; for those rows alone."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import Session, col

from broker.domain.handovers import LineNow, Named, children
from broker.domain.states import PersonState
from broker.storage.handovers import Handover
from broker.storage.tables import Delivery, Notification, Person, Subject, Task
from schemas.codes import Event, TaskCode, TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Why a team was told, as it was decided."""

    reason_code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Of the handovers of one page. Keys are notification ids, and task ids for `told` and `lines`."""

    events: Mapping[str, Event | None] = field(default_factory=dict)
    children: Mapping[str, frozenset[str]] = field(default_factory=dict)
    told: Mapping[str, Told] = field(default_factory=dict)
    lines: Mapping[str, Sequence[LineNow]] = field(default_factory=dict)


def facts(session: Session, page: Sequence[Handover]) -> Facts:
    """All that is said of these; four queries at most, whatever the page's length."""
    about = {handover.notification_id for handover in page if handover.notification_id}
    received = _received(session, about)
    return Facts(
        events={id_: event for id_, (event, _) in received.items()},
        children=_children(session, {id_: day for id_, (_, day) in received.items()}),
        told=_told(session, page),
        lines=_lines(session, [handover.id for handover in page if handover.code is TaskCode.TRANSFER]),
    )


def _received(session: Session, notification_ids: Collection[str]) -> dict[str, tuple[Event | None, date]]:
    found = select(col(Notification.id), col(Notification.event), col(Notification.received_at))
    rows = session.execute(found.where(col(Notification.id).in_(notification_ids))) if notification_ids else ()
    return {id_: (event, received_at.date()) for id_, event, received_at in rows}


def _children(session: Session, received: Mapping[str, date]) -> dict[str, frozenset[str]]:
    """The children that each notification is about or names, by who they turned out to be."""
    if not received:
        return {}
    columns = (col(Person.id), col(Person.merged_into), col(Person.state), col(Person.born))
    rows = session.execute(
        select(col(Subject.notification_id), *columns)
        .join(Person, col(Person.id) == col(Subject.person_id))
        .where(col(Subject.notification_id).in_(received))
    )
    named: dict[str, list[Named]] = defaultdict(list)
    for notification_id, person_id, merged_into, state, born in rows:
        named[notification_id].append(Named(id=merged_into or person_id, state=PersonState(state), born=born))
    return {id_: children(people, received[id_]) for id_, people in named.items()}


def _told(session: Session, page: Sequence[Handover]) -> dict[str, Told]:
    """By the delivery that carries the task, or by the message that was made for it and its team."""
    carried = {handover.delivery_id: handover.id for handover in page if handover.delivery_id}
    alone = [handover for handover in page if not handover.delivery_id]
    own = {(f"task:{handover.id}", handover.receiver): handover.id for handover in alone}
    found: dict[str, Told] = {}
    if carried:
        rows = session.execute(_reasons().where(col(Delivery.id).in_(carried)))
        found |= {carried[row.id]: Told(reason_code=row.reason_code, reason=row.reason) for row in rows}
    if own:
        about = col(Delivery.notification_id).in_({handover.notification_id for handover in alone})
        rows = session.execute(_reasons().where(about, col(Delivery.cause).in_({cause for cause, _ in own})))
        keyed = ((own.get((row.cause, row.team_id)), row) for row in rows)
        found |= {id_: Told(reason_code=row.reason_code, reason=row.reason) for id_, row in keyed if id_}
    return found


def _reasons() -> Select[*tuple[Any, ...]]:
    columns = (col(Delivery.cause), col(Delivery.team_id), col(Delivery.reason_code), col(Delivery.reason))
    return select(col(Delivery.id), *columns)


def _lines(session: Session, transfer_ids: Sequence[str]) -> dict[str, Sequence[LineNow]]:
    if not transfer_ids:
        return {}
    columns = (col(Task.part_of), col(Task.person_id), col(Task.status))
    mine = (col(Task.part_of).in_(transfer_ids), col(Task.code) == TaskCode.CONFIRM_CHILD)
    rows = session.execute(select(*columns).where(*mine).order_by(col(Task.authored_at), col(Task.id)))
    found: dict[str, list[LineNow]] = defaultdict(list)
    for transfer_id, person_id, status in rows:
        found[transfer_id or ""].append(LineNow(person_id=person_id, status=TaskStatus(status)))
    return dict(found)
