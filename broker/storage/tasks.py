"""Tasks and their events in the database: raised once, read by who may see them, moved on condition of their version.

Which move is possible is decided in `domain.tasks`; searching lives in `task_search`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, and_, bindparam, false, or_
from sqlmodel import Session, col, select, update

from broker.domain.states import DeliveryState, Purpose, View
from broker.domain.tasks import TERMINAL, BusinessStatus
from broker.domain.wanted import TaskWanted
from broker.storage import deliveries
from broker.storage.codec import Codec, open_json, seal_json
from broker.storage.person_tables import IS_OF_TRANSFER, NOTIFICATION, TASK, TASK_EVENT
from broker.storage.store import Raced
from broker.storage.tables import Delivery, Escalation, Task, TaskEvent
from broker.storage.task_values import Content, Happened, Scope, Stored
from schemas.codes import ResponseReason, TaskCode, TaskStatus

# --- raising ------------------------------------------------------------------------------------------------------


def raise_tasks(
    session: Session, codec: Codec, wanted: Sequence[TaskWanted], *, policy_version: str, now: datetime
) -> list[str]:
    """Raise these tasks; ids in the order asked for. A `dedupe_key` that is known raises nothing and gives the known id.

    A task that no delivery carries, and that belongs to a notification, gets a message of its own (`task:{id}`).
    """
    known = _known(session, [task.dedupe_key for task in wanted if task.dedupe_key])
    ids: list[str] = []
    fresh: list[tuple[str, TaskWanted]] = []
    for task in wanted:
        task_id = known.get(task.dedupe_key or "") or str(uuid4())
        ids.append(task_id)
        if task.dedupe_key is None or task.dedupe_key not in known:
            fresh.append((task_id, task))
            known |= {task.dedupe_key: task_id} if task.dedupe_key else {}
    if fresh:
        session.execute(TASK.insert(), [_row(codec, task_id, task, policy_version, now) for task_id, task in fresh])
        session.execute(TASK_EVENT.insert(), [_raised(codec, task_id, now) for task_id, _ in fresh])
        _announce(session, fresh, policy_version, now)
    return ids


def _known(session: Session, keys: Sequence[str]) -> dict[str, str]:
    if not keys:
        return {}
    rows = session.execute(_KNOWN, {"keys": keys})
    return dict(rows.tuples().all())


_KNOWN = sa.select(TASK.c.dedupe_key, TASK.c.id).where(TASK.c.dedupe_key.in_(bindparam("keys", expanding=True)))


def _row(codec: Codec, task_id: str, task: TaskWanted, policy_version: str, now: datetime) -> dict[str, object]:
    content: Content = {"description": task.description}
    if task.options:
        content["options"] = dict(task.options)
    agreed = task.code is TaskCode.AGREED_ACTION
    status = task.status or (TaskStatus.ACCEPTED if agreed else TaskStatus.REQUESTED)
    return {
        "id": task_id,
        "code": task.code,
        "status": status,
        "business_status": task.business_status,
        "owner_team_id": task.owner,
        "requester_team_id": task.requester,
        "notification_id": task.notification_id,
        "delivery_id": task.delivery_id,
        "part_of": task.part_of,
        "person_id": task.person_id,
        "household_id": task.household_id,
        "priority": task.priority,
        "dedupe_key": task.dedupe_key,
        "content": seal_json(codec, content, _context(task_id)),
        "policy_version": policy_version,
        "cites": task.cites,
        "authored_at": now,
        "due_at": task.due_at,
        "level": 0,
        "climbs_at": task.due_at,
        "changed_at": now,
        "version": 1,
    }


def _raised(codec: Codec, task_id: str, now: datetime) -> dict[str, object]:
    return _event(codec, task_id, Happened(version=1, move="raised", at=now, team_id=None, client_name=None, detail={}))


def _announce(session: Session, fresh: Sequence[tuple[str, TaskWanted]], policy_version: str, now: datetime) -> None:
    """A message of its own for each task that no delivery carries."""
    own = [(task_id, task) for task_id, task in fresh if task.notification_id and task.delivery_id is None]
    if not own:
        return
    senders = _senders(session, [task.notification_id or "" for _, task in own])
    deliveries.insert(
        session,
        [
            message_row(
                notification_id=task.notification_id or "",
                team_id=task.owner,
                cause=f"task:{task_id}",
                purpose=Purpose.ACTION,
                # Whoever has a task about a notification need not have been told what that says: the task alone goes.
                view=View.FULL if senders.get(task.notification_id or "") == task.owner else View.EXISTENCE,
                reason_code=f"task-{task.code.value}",
                reason="Your team has a task.",
                policy_version=policy_version,
                now=now,
            )
            for task_id, task in own
        ],
    )


def _senders(session: Session, notification_ids: Sequence[str]) -> dict[str, str]:
    rows = session.execute(_SENDERS, {"notifications": notification_ids})
    return dict(rows.tuples().all())


_SENDERS = sa.select(NOTIFICATION.c.id, NOTIFICATION.c.sender_team_id).where(
    NOTIFICATION.c.id.in_(bindparam("notifications", expanding=True))
)


def message_row(
    *,
    notification_id: str,
    team_id: str,
    cause: str,
    purpose: Purpose,
    view: View,
    reason_code: str,
    reason: str,
    policy_version: str,
    now: datetime,
) -> dict[str, object]:
    """A row for `deliveries.insert`: a message about a task, ready to go."""
    return {
        "id": str(uuid4()),
        "notification_id": notification_id,
        "team_id": team_id,
        "cause": cause,
        "state": DeliveryState.READY,
        "purpose": purpose,
        "view": view,
        "reason_code": reason_code,
        "reason": reason,
        "policy_version": policy_version,
        "created_at": now,
    }


# --- reading ------------------------------------------------------------------------------------------------------


def reading() -> Select[Task, bool, str]:
    """Tasks with what their delivery says of who may know what."""
    query = select(Task, Delivery.known_to_sender, Delivery.view)
    return query.outerjoin(Delivery, col(Task.delivery_id) == col(Delivery.id))


def visible(scope: Scope) -> ColumnElement[bool]:
    """What these eyes may see: what the team owns, what it waits for from teams it may know of (sharing principle 9), what climbed to it."""
    if scope.everything:
        return col(Task.id).is_not(None)
    if scope.team is None:
        return false()  # a client of no team waits for nothing: what Baton asks for itself has no requester either
    waits = and_(
        col(Task.requester_team_id) == scope.team,
        or_(col(Task.delivery_id).is_(None), col(Delivery.known_to_sender).is_(True)),
    )
    escalated = col(Task.id).in_(select(Escalation.task_id).where(col(Escalation.team_id) == scope.team))
    return or_(col(Task.owner_team_id) == scope.team, waits, escalated)


def stored(codec: Codec, row: Task, known_to_sender: bool | None, view: str | None) -> Stored:  # noqa: FBT001 - a column
    """A task of `reading` with its content opened. Without a delivery there is nothing that its requester may not know."""
    content: Content = open_json(codec, row.content, _context(row.id))
    known = known_to_sender is not False
    return Stored(row=row, content=content, known_to_sender=known, view=View(view) if view else None)


def get(session: Session, codec: Codec, task_id: str, scope: Scope) -> Stored | None:
    """The task as it is now; None also when it is not for these eyes."""
    query = reading().where(col(Task.id) == task_id, visible(scope)).execution_options(populate_existing=True)
    found = session.execute(query).first()
    return None if found is None else stored(codec, *found)


def lock(session: Session, task_id: str) -> None:
    """Hold a task with its parts until the commit, so that the last of several actions is seen to be the last."""
    session.execute(select(Task.id).where(col(Task.id) == task_id).with_for_update())


def parts(session: Session, task_id: str, code: TaskCode) -> dict[str, TaskStatus]:
    """The statuses of a task's parts of this kind, by id."""
    query = select(Task.id, Task.status).where(col(Task.part_of) == task_id, col(Task.code) == code)
    return {part: TaskStatus(status) for part, status in session.execute(query)}


def open_lines(session: Session, person_ids: Collection[str]) -> list[Task]:
    """The lines of transfers in which these persons stand and which have not ended."""
    if not person_ids:
        return []
    query = select(Task).where(
        col(Task.code) == TaskCode.CONFIRM_CHILD,
        col(Task.person_id).in_(person_ids),
        col(Task.status).not_in(TERMINAL),
    )
    return list(session.exec(query.order_by(col(Task.part_of), col(Task.id)).execution_options(populate_existing=True)))


def open_of(session: Session, owner: str, code: TaskCode) -> list[Task]:
    """A team's tasks of a kind that have not ended, oldest first."""
    query = select(Task).where(
        col(Task.owner_team_id) == owner, col(Task.code) == code, col(Task.status).not_in(TERMINAL)
    )
    return list(session.exec(query.order_by(col(Task.authored_at), col(Task.id))))


def open_transfers(session: Session, person_ids: Collection[str]) -> list[str]:
    """Ids of the transfers that are open and in which any of these persons stands, in one order for everybody.

    Whoever a transfer is about stands in it without a line too, a mother of whose children nobody knows yet.
    """
    if not person_ids:
        return []
    return sorted(session.scalars(_OPEN_TRANSFERS, {"persons": list(person_ids)}))


def _open_transfers() -> sa.CompoundSelect[str]:
    whole = TASK.alias("whole")
    theirs = TASK.c.person_id.in_(bindparam("persons", expanding=True))
    by_line = (
        sa.select(whole.c.id)
        .join(TASK, TASK.c.part_of == whole.c.id)
        .where(theirs, IS_OF_TRANSFER, TASK.c.code == TaskCode.CONFIRM_CHILD, whole.c.status.not_in(TERMINAL))
    )
    is_one = TASK.c.code == TaskCode.TRANSFER
    itself = sa.select(TASK.c.id).where(theirs, IS_OF_TRANSFER, is_one, TASK.c.status.not_in(TERMINAL))
    return sa.union(by_line, itself)


_OPEN_TRANSFERS = _open_transfers()


def parts_of(session: Session, codec: Codec, whole_id: str, code: TaskCode) -> list[Stored]:
    """A task's parts of this kind as they are now, oldest first."""
    query = reading().where(col(Task.part_of) == whole_id, col(Task.code) == code)
    query = query.order_by(col(Task.authored_at), col(Task.id)).execution_options(populate_existing=True)
    return [stored(codec, *found) for found in session.execute(query)]


def about(session: Session, codec: Codec, notification_id: str, codes: Sequence[TaskCode]) -> list[Stored]:
    """A notification's tasks of these kinds, oldest first."""
    query = reading().where(col(Task.notification_id) == notification_id, col(Task.code).in_(codes))
    rows = session.execute(query.order_by(col(Task.authored_at), col(Task.id)))
    return [stored(codec, *found) for found in rows]


def carried_by(session: Session, codec: Codec, delivery_id: str) -> list[Stored]:
    """Tasks that a delivery brings to its team and that were not marked as delivered yet. What the team agreed to is no news to it."""
    query = select(Delivery.notification_id, Delivery.cause, Delivery.team_id).where(col(Delivery.id) == delivery_id)
    found = session.execute(query).first()
    if found is None:
        return []
    notification_id, cause, team_id = found
    brought = col(Task.delivery_id) == delivery_id
    if cause.startswith("task:"):
        brought = or_(brought, col(Task.id) == cause.removeprefix("task:"))
    rows = session.execute(
        reading().where(
            brought,
            col(Task.notification_id) == notification_id,  # by which tasks are indexed
            col(Task.owner_team_id) == team_id,
            col(Task.code) != TaskCode.AGREED_ACTION,
            col(Task.delivered_at).is_(None),
        )
    )
    return [stored(codec, *row) for row in rows]


def events(session: Session, codec: Codec, task_id: str) -> list[Happened]:
    """Everything that happened to a task, oldest first."""
    rows = session.execute(select(TaskEvent).where(col(TaskEvent.task_id) == task_id).order_by(col(TaskEvent.version)))
    return [
        Happened(
            version=row.version,
            move=row.move,
            at=row.at,
            team_id=row.team_id,
            client_name=row.client_name,
            detail=open_json(codec, row.detail, _event_context(task_id, row.version)),
        )
        for row in rows.scalars()
    ]


# --- moving -------------------------------------------------------------------------------------------------------


Value: TypeAlias = TaskStatus | BusinessStatus | ResponseReason | datetime | str | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a move makes of a task. `columns` are those of the row that change besides version, time and content."""

    move: str
    content: Content
    columns: Mapping[str, Value]
    detail: Mapping[str, Any]
    team_id: str | None = None
    client_name: str | None = None


def change(session: Session, codec: Codec, before: Stored, what: Change, now: datetime) -> int:
    """Write a move and its event; the new version. Raced when somebody else moved the task since it was read."""
    task_id, version = before.row.id, before.row.version + 1
    moved = session.execute(
        update(Task)
        .where(col(Task.id) == task_id, col(Task.version) == before.row.version)
        .values(
            **_clocks(before.row, what.columns),
            **what.columns,
            content=seal_json(codec, what.content, _context(task_id)),
            changed_at=now,
            version=version,
        )
    )
    if not moved.rowcount:  # type: ignore[attr-defined]  # CursorResult, typed as Result
        raise Raced
    happened = Happened(
        version=version,
        move=what.move,
        at=now,
        team_id=what.team_id,
        client_name=what.client_name,
        detail=what.detail,
    )
    session.execute(TASK_EVENT.insert(), _event(codec, task_id, happened))
    return version


def _clocks(row: Task, columns: Mapping[str, Value]) -> Mapping[str, Value]:
    """What is answered climbs no further; another due date begins the ladder anew."""
    status = columns.get("status")
    if status in TERMINAL or (status is TaskStatus.ACCEPTED and row.code != TaskCode.AGREED_ACTION):
        return {"climbs_at": None}
    if columns.get("due_at") not in (None, row.due_at):
        return {"climbs_at": columns["due_at"], "level": 0}
    return {}


def _event(codec: Codec, task_id: str, happened: Happened) -> dict[str, object]:
    return {
        "id": str(uuid4()),
        "task_id": task_id,
        "version": happened.version,
        "move": happened.move,
        "at": happened.at,
        "team_id": happened.team_id,
        "client_name": happened.client_name,
        "detail": seal_json(codec, dict(happened.detail), _event_context(task_id, happened.version)),
    }


def _context(task_id: str) -> str:
    return f"task:{task_id}"


def _event_context(task_id: str, version: int) -> str:
    return f"task-event:{task_id}:{version}"
