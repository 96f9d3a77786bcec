"""Tasks and their events in the database: raised once, read by who may see them, moved on condition of their version.

Which move is possible is decided in `domain.tasks`; searching lives in `task_search`.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, and_, bindparam, false, or_
from sqlmodel import Session, col, select, update

from broker.domain import clocks
from broker.domain.states import DeliveryState, Purpose, View
from broker.domain.tasks import TERMINAL, BusinessStatus
from broker.domain.wanted import TaskWanted
from broker.storage import deliveries, direct, second_lock
from broker.storage.codec import Codec, open_json, seal_json
from broker.storage.person_tables import DELIVERY, IS_OF_TRANSFER, NOTIFICATION, TASK, TASK_EVENT
from broker.storage.phrases import among
from broker.storage.prepared import Asked, Query
from broker.storage.store import Raced
from broker.storage.tables import Delivery, Escalation, Task, TaskEvent
from broker.storage.task_values import Content, Happened, Scope, Stored
from broker.storage.types import UtcDateTime
from schemas.codes import Priority, ResponseReason, TaskCode, TaskStatus

# --- raising ------------------------------------------------------------------------------------------------------


def raise_tasks(
    session: Session,
    codec: Codec,
    wanted: Sequence[TaskWanted],
    *,
    policy_version: str,
    now: datetime,
    new: Collection[str] = (),
) -> list[str]:
    """Raise these tasks; ids in the order asked for. A `dedupe_key` that is known raises nothing and gives the known id.

    A task that no delivery carries, and that belongs to a notification, gets a message of its own (`task:{id}`).
    `new`: ids that this step has made, of which nothing can be known: keys that end in one are not looked for.
    """
    keys = [task.dedupe_key for task in wanted if task.dedupe_key]
    known = _known(session, [key for key in keys if key.rpartition(":")[2] not in new])
    ids: list[str] = []
    fresh: list[tuple[str, TaskWanted]] = []
    for task in wanted:
        task_id = known.get(task.dedupe_key or "") or str(uuid4())
        ids.append(task_id)
        if task.dedupe_key is None or task.dedupe_key not in known:
            fresh.append((task_id, task))
            known |= {task.dedupe_key: task_id} if task.dedupe_key else {}
    if fresh:
        direct.insert(session, TASK, [_row(codec, task_id, task, policy_version, now) for task_id, task in fresh])
        direct.insert(session, TASK_EVENT, [_raised(codec, task_id, now) for task_id, _ in fresh])
        _announce(session, fresh, policy_version, now)
    return ids


def _known(session: Session, keys: Sequence[str]) -> dict[str, str]:
    if not keys:
        return {}
    return dict(direct.rows(session, _KNOWN, keys=keys))


_KNOWN = Query(sa.select(TASK.c.dedupe_key, TASK.c.id).where(among(TASK.c.dedupe_key, "keys")))


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
        "climbs_at": _first(task.open_by, task.remind_at, task.due_at),
        "clocks": task.clocks,
        "rungs": len(clocks.read(task.clocks).rungs) if task.clocks else None,
        "open_by": task.open_by,
        "remind_at": task.remind_at,
        "covers_at": task.covers_at,
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
    return dict(direct.rows(session, _SENDERS, notifications=notification_ids))


_SENDERS = Query(
    sa.select(NOTIFICATION.c.id, NOTIFICATION.c.sender_team_id).where(among(NOTIFICATION.c.id, "notifications"))
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


def through(session: Session, scope: Scope) -> AbstractContextManager[None]:
    """What is read for a team is read by the second lock too; auditors and Baton itself see everything."""
    return nullcontext() if scope.everything else second_lock.viewing(session, scope.team)


def stored(codec: Codec, row: Task, known_to_sender: bool | None, view: str | None) -> Stored:  # noqa: FBT001 - a column
    """A task of `reading` with its content opened. Without a delivery there is nothing that its requester may not know."""
    content: Content = open_json(codec, row.content, _context(row.id))
    known = known_to_sender is not False
    return Stored(row=row, content=content, known_to_sender=known, view=View(view) if view else None)


def get(session: Session, codec: Codec, task_id: str, scope: Scope) -> Stored | None:
    """The task as it is now; None also when it is not for these eyes."""
    query = reading().where(col(Task.id) == task_id, visible(scope)).execution_options(populate_existing=True)
    with through(session, scope):
        found = session.execute(query).first()
    return None if found is None else stored(codec, *found)


_NO_ANSWER: Final = ("delivered", "open")
"""Moves that whoever looks at a task need not be told of."""


def moved_since(session: Session, task_id: str, version: int) -> list[str | None]:
    """Which team made each move after that version, oldest first; None for Baton. Deliveries and openings are left out."""
    query = select(TaskEvent.team_id).where(
        col(TaskEvent.task_id) == task_id, col(TaskEvent.version) > version, col(TaskEvent.move).not_in(_NO_ANSWER)
    )
    return list(session.exec(query.order_by(col(TaskEvent.version))))


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


def raised_at(session: Session, at: datetime) -> list[tuple[str, Priority, TaskCode]]:
    """Id, priority and kind of the tasks raised at that very time."""
    query = sa.select(TASK.c.id, TASK.c.priority, TASK.c.code).where(TASK.c.authored_at == at)
    return [(id_, priority, code) for id_, priority, code in session.execute(query)]


def asked_of_teams(session: Session) -> list[tuple[str, TaskCode, str | None, str]]:
    """Of every task there is whose it is, its kind, the reason of a decline, and what it rests on: for counting a whole story."""
    found = session.execute(select(Task.owner_team_id, Task.code, Task.reason_code, Task.cites))
    return [(owner, code, reason, cites) for owner, code, reason, cites in found]


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
    query, given = asks_open_transfers(person_ids)
    return sorted(whole for (whole,) in direct.rows(session, query, **given))


def asks_open_transfers(person_ids: Collection[str]) -> Asked:
    """What `open_transfers` asks."""
    return _OPEN_TRANSFERS, {"persons": sorted(person_ids)}


def _open_transfers() -> sa.CompoundSelect[str]:
    whole = TASK.alias("whole")
    theirs = among(TASK.c.person_id, "persons")
    by_line = (
        sa.select(whole.c.id)
        .join(TASK, TASK.c.part_of == whole.c.id)
        .where(theirs, IS_OF_TRANSFER, TASK.c.code == TaskCode.CONFIRM_CHILD, whole.c.status.not_in(TERMINAL))
    )
    is_one = TASK.c.code == TaskCode.TRANSFER
    itself = sa.select(TASK.c.id).where(theirs, IS_OF_TRANSFER, is_one, TASK.c.status.not_in(TERMINAL))
    return sa.union(by_line, itself)


_OPEN_TRANSFERS = Query(_open_transfers())


def parts_of(session: Session, codec: Codec, whole_id: str, code: TaskCode) -> list[Stored]:
    """A task's parts of this kind as they are now, oldest first."""
    query = reading().where(col(Task.part_of) == whole_id, col(Task.code) == code)
    query = query.order_by(col(Task.authored_at), col(Task.id)).execution_options(populate_existing=True)
    return [stored(codec, *found) for found in session.execute(query)]


def parts_of_any(session: Session, codec: Codec, whole_id: str, scope: Scope) -> list[Stored]:
    """A task's parts of every kind that are for these eyes, oldest first."""
    query = reading().where(col(Task.part_of) == whole_id, visible(scope))
    query = query.order_by(col(Task.authored_at), col(Task.id)).execution_options(populate_existing=True)
    return [stored(codec, *found) for found in session.execute(query)]


def about(session: Session, codec: Codec, notification_id: str, codes: Sequence[TaskCode]) -> list[Stored]:
    """A notification's tasks of these kinds, oldest first."""
    return about_any(session, codec, [notification_id], codes)


def about_any(
    session: Session, codec: Codec, notification_ids: Collection[str], codes: Sequence[TaskCode]
) -> list[Stored]:
    """The same of several notifications."""
    query = reading().where(col(Task.notification_id).in_(notification_ids), col(Task.code).in_(codes))
    rows = session.execute(query.order_by(col(Task.authored_at), col(Task.id)))
    return [stored(codec, *found) for found in rows]


def by_keys(session: Session, codec: Codec, keys: Collection[str]) -> list[Stored]:
    """The tasks of these situations (`dedupe_key`), those that there are."""
    rows = session.execute(reading().where(col(Task.dedupe_key).in_(keys)))
    return [stored(codec, *found) for found in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A delivery, as far as it says which tasks it brings."""

    id: str
    notification_id: str
    team_id: str
    cause: str


def carriers(session: Session, delivery_ids: Collection[str]) -> list[Carrier]:
    """These deliveries."""
    columns = (DELIVERY.c.id, DELIVERY.c.notification_id, DELIVERY.c.team_id, DELIVERY.c.cause)
    found = session.execute(select(*columns).where(DELIVERY.c.id.in_(delivery_ids)))
    return [Carrier(id=id_, notification_id=about_, team_id=team, cause=cause) for id_, about_, team, cause in found]


def carried_by(session: Session, codec: Codec, by: Collection[Carrier]) -> list[tuple[str, Stored]]:
    """Tasks that these deliveries bring to their teams, each with the delivery's id. What a team agreed to is no news to it."""
    if not by:
        return []
    alone = {one.cause.removeprefix("task:"): one for one in by if one.cause.startswith("task:")}
    beside = {one.id: one for one in by}
    rows = session.execute(
        reading()
        .where(
            or_(col(Task.delivery_id).in_(beside), col(Task.id).in_(alone)),
            col(Task.notification_id).in_({one.notification_id for one in by}),  # by which tasks are indexed
            col(Task.code) != TaskCode.AGREED_ACTION,
        )
        .order_by(col(Task.authored_at), col(Task.id))
    )
    found = [stored(codec, *row) for row in rows]
    carrying = [(beside.get(task.row.delivery_id or "") or alone.get(task.row.id), task) for task in found]
    return [(one.id, task) for one, task in carrying if one is not None and task.row.owner_team_id == one.team_id]


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
    session.execute(TASK_EVENT.insert(), _event(codec, task_id, _happened(version, what, now)))
    return version


def mark_delivered(session: Session, codec: Codec, arrived: Sequence[tuple[Stored, Change]], now: datetime) -> None:
    """The same move of many tasks, in two statements: of their columns the status and the time alone. Raced when one was moved."""
    if not arrived:
        return
    rows = [
        {
            "b_id": task.row.id,
            "b_version": task.row.version,
            "b_status": what.columns["status"],
            "b_at": now,
        }
        for task, what in arrived
    ]
    if session.connection().execute(_DELIVERED, rows).rowcount != len(rows):
        raise Raced
    events_ = [_event(codec, task.row.id, _happened(task.row.version + 1, what, now)) for task, what in arrived]
    session.execute(TASK_EVENT.insert(), events_)


_DELIVERED = (
    TASK.update()
    .where(TASK.c.id == bindparam("b_id"), TASK.c.version == bindparam("b_version"))
    .values(
        status=bindparam("b_status", type_=TASK.c.status.type),
        delivered_at=bindparam("b_at", type_=UtcDateTime()),
        changed_at=bindparam("b_at", type_=UtcDateTime()),
        version=TASK.c.version + 1,
    )
)


def _happened(version: int, what: Change, now: datetime) -> Happened:
    return Happened(
        version=version,
        move=what.move,
        at=now,
        team_id=what.team_id,
        client_name=what.client_name,
        detail=what.detail,
    )


def _clocks(row: Task, columns: Mapping[str, Value]) -> Mapping[str, Value]:
    """What is answered climbs no further, unless what was agreed does not get on; another due date begins the ladder anew."""
    status = columns.get("status")
    if status in TERMINAL:
        return {"climbs_at": None, "covers_at": None, "progress_by": None}
    if status is TaskStatus.ACCEPTED and row.code != TaskCode.AGREED_ACTION:
        anew = {"level": 0} if columns.get("progress_by") else {}
        return {
            "climbs_at": columns.get("progress_by", row.climbs_at if row.progress_by else None),
            "covers_at": None,
        } | anew
    if columns.get("due_at") not in (None, row.due_at):
        return {"climbs_at": _first(columns.get("remind_at"), columns["due_at"]), "level": 0}
    return {}


def _first(*times: Value) -> datetime | None:
    """The earliest of these; None when there is none."""
    return min((at for at in times if isinstance(at, datetime)), default=None)


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
