"""Tasks and their events in the database: raised once, read by who may see them, moved on condition of their version.

Which move is possible is decided in `domain.tasks`; searching lives in `task_search`.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeAlias
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, and_, bindparam, false, or_
from sqlmodel import Session, col, select

from broker.domain import clocks
from broker.domain.states import DeliveryState, Purpose, View
from broker.domain.tasks import TERMINAL, BusinessStatus
from broker.domain.wanted import TaskWanted
from broker.storage import deliveries, direct, row_digests, second_lock
from broker.storage.codec import Codec, open_json, seal_json
from broker.storage.objects import Objects
from broker.storage.person_tables import DELIVERY, ESCALATION, IS_OF_TRANSFER, NOTIFICATION, TASK, TASK_EVENT
from broker.storage.phrases import among
from broker.storage.prepared import Asked, Query
from broker.storage.store import Raced
from broker.storage.tables import Task, TaskEvent
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

    A task that no delivery carries gets a message of its own (`task:{id}`).
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
        rows = [_row(codec, task_id, task, policy_version, now) for task_id, task in fresh]
        direct.insert(session, TASK, rows)
        row_digests.note(session, "task", rows)
        _add_events(session, [_raised(codec, task_id, now) for task_id, _ in fresh])
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
        "climbs_at": _first(task.deliver_by, task.open_by, task.remind_at, task.due_at),
        "clocks": task.clocks,
        "rungs": len(clocks.read(task.clocks).rungs) if task.clocks else None,
        "deliver_within": task.deliver_within,
        "deliver_by": task.deliver_by,
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
    own = [(task_id, task) for task_id, task in fresh if task.delivery_id is None]
    if not own:
        return
    by = senders(session, [task.notification_id for _, task in own if task.notification_id])
    deliveries.insert(
        session,
        [
            message_row(
                notification_id=task.notification_id,
                team_id=task.owner,
                cause=f"task:{task_id}",
                purpose=Purpose.ACTION,
                # Whoever has a task about a notification need not have been told what that says: the task alone goes.
                view=View.FULL if by.get(task.notification_id or "") == task.owner else View.EXISTENCE,
                reason_code=f"task-{task.code.value}",
                reason="Your team has a task.",
                policy_version=policy_version,
                now=now,
            )
            for task_id, task in own
        ],
    )


def senders(session: Session, notification_ids: Sequence[str]) -> dict[str, str]:
    """Who sent each of these notifications."""
    return dict(direct.rows(session, _SENDERS, notifications=notification_ids)) if notification_ids else {}


_SENDERS = Query(
    sa.select(NOTIFICATION.c.id, NOTIFICATION.c.sender_team_id).where(among(NOTIFICATION.c.id, "notifications"))
)


def message_row(
    *,
    notification_id: str | None,
    team_id: str,
    cause: str,
    purpose: Purpose,
    view: View,
    reason_code: str,
    reason: str,
    policy_version: str,
    now: datetime,
) -> dict[str, object]:
    """A row for `deliveries.insert`: a message about a task, ready to go. `notification_id`: None for a task that is about no message."""
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


def reading() -> Select[*tuple[Any, ...]]:
    """Tasks, by column, with what their delivery says of who may know what; `stored` makes a task of a row."""
    query = sa.select(*TASK.c, DELIVERY.c.known_to_sender, DELIVERY.c.view)
    return query.outerjoin_from(TASK, DELIVERY, TASK.c.delivery_id == DELIVERY.c.id)


def visible(scope: Scope) -> ColumnElement[bool]:
    """What these eyes may see: what the team owns, what it waits for from teams it may know of (sharing principle 9), what climbed to it."""
    if scope.everything:
        return TASK.c.id.is_not(None)
    if scope.team is None:
        return false()  # a client of no team waits for nothing: what Baton asks for itself has no requester either
    return _visible_to(sa.literal(scope.team))


def _visible_to(team: ColumnElement[str]) -> ColumnElement[bool]:
    waits = and_(
        TASK.c.requester_team_id == team, or_(TASK.c.delivery_id.is_(None), DELIVERY.c.known_to_sender.is_(True))
    )
    escalated = TASK.c.id.in_(sa.select(ESCALATION.c.task_id).where(ESCALATION.c.team_id == team))
    return or_(TASK.c.owner_team_id == team, waits, escalated)


def through(session: Session, scope: Scope) -> AbstractContextManager[None]:
    """What is read for a team is read by the second lock too; auditors and Baton itself see everything."""
    return nullcontext() if scope.everything else second_lock.viewing(session, scope.team)


def stored(codec: Codec, found: Sequence[Any]) -> Stored:
    """The task that a row of `reading` is, with its content opened. Without a delivery there is nothing that its requester may not know."""
    *columns, known_to_sender, view = found
    row = _TASKS.made(columns)
    content: Content = open_json(codec, row.content, _context(row.id))
    known = known_to_sender is not False
    return Stored(row=row, content=content, known_to_sender=known, view=View(view) if view else None)


_TASKS: Final = Objects(Task)


def read(session: Session, codec: Codec, query: Query, **given: object) -> list[Stored]:
    """The tasks that a query made of `reading` finds."""
    return [stored(codec, row) for row in direct.rows(session, query, **given)]


def get(session: Session, codec: Codec, task_id: str, scope: Scope) -> Stored | None:
    """The task as it is now; None also when it is not for these eyes."""
    with through(session, scope):
        if scope.everything:
            found = read(session, codec, _ANY, task=task_id)
        else:
            found = read(session, codec, _OF_TEAM, task=task_id, team=scope.team) if scope.team is not None else []
    return found[0] if found else None


_ANY = Query(reading().where(TASK.c.id == bindparam("task")))
_OF_TEAM = Query(reading().where(TASK.c.id == bindparam("task"), _visible_to(bindparam("team", type_=sa.Text()))))


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
    direct.rows(session, _HELD, task=task_id)


_HELD = Query(sa.select(TASK.c.id).where(TASK.c.id == bindparam("task")).with_for_update())


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
    return read(session, codec, _PARTS, whole=whole_id, code=code)


_IN_ORDER = (TASK.c.authored_at, TASK.c.id)
_PARTS = Query(
    reading()
    .where(TASK.c.part_of == bindparam("whole"), TASK.c.code == bindparam("code", type_=TASK.c.code.type))
    .order_by(*_IN_ORDER)
)


def parts_of_any(session: Session, codec: Codec, whole_id: str, scope: Scope) -> list[Stored]:
    """A task's parts of every kind that are for these eyes, oldest first."""
    query = reading().where(TASK.c.part_of == whole_id, visible(scope)).order_by(*_IN_ORDER)
    with through(session, scope):
        found = session.execute(query).all()
    return [stored(codec, row) for row in found]


def about(session: Session, codec: Codec, notification_id: str, codes: Sequence[TaskCode]) -> list[Stored]:
    """A notification's tasks of these kinds, oldest first."""
    return about_any(session, codec, [notification_id], codes)


def about_any(
    session: Session, codec: Codec, notification_ids: Collection[str], codes: Sequence[TaskCode]
) -> list[Stored]:
    """The same of several notifications."""
    return read(session, codec, _ABOUT, notifications=notification_ids, codes=codes) if notification_ids else []


_ABOUT = Query(
    reading().where(among(TASK.c.notification_id, "notifications"), among(TASK.c.code, "codes")).order_by(*_IN_ORDER)
)


def by_keys(session: Session, codec: Codec, keys: Collection[str]) -> list[Stored]:
    """The tasks of these situations (`dedupe_key`), those that there are."""
    return read(session, codec, _BY_KEYS, keys=keys) if keys else []


_BY_KEYS = Query(reading().where(among(TASK.c.dedupe_key, "keys")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A delivery, as far as it says which tasks it brings."""

    id: str
    notification_id: str | None
    team_id: str
    cause: str


def carriers(session: Session, delivery_ids: Collection[str]) -> list[Carrier]:
    """These deliveries."""
    found = direct.rows(session, _CARRIERS, deliveries=delivery_ids) if delivery_ids else []
    return [Carrier(id=id_, notification_id=about_, team_id=team, cause=cause) for id_, about_, team, cause in found]


_CARRIERS = Query(
    sa.select(DELIVERY.c.id, DELIVERY.c.notification_id, DELIVERY.c.team_id, DELIVERY.c.cause).where(
        among(DELIVERY.c.id, "deliveries")
    )
)


def carried_by(session: Session, codec: Codec, by: Collection[Carrier]) -> list[tuple[str, Stored]]:
    """Tasks that these deliveries bring to their teams, each with the delivery's id. What a team agreed to is no news to it."""
    if not by:
        return []
    alone = {one.cause.removeprefix("task:"): one for one in by if one.cause.startswith("task:")}
    beside = {one.id: one for one in by}
    about_ = {one.notification_id for one in by if one.notification_id}
    found = read(session, codec, _CARRIED, beside=beside, alone=alone, notifications=about_) if about_ else []
    if unbound := [task_id for task_id, one in alone.items() if one.notification_id is None]:
        found += read(session, codec, _UNBOUND, tasks=unbound)
    carrying = [(beside.get(task.row.delivery_id or "") or alone.get(task.row.id), task) for task in found]
    return [(one.id, task) for one, task in carrying if one is not None and task.row.owner_team_id == one.team_id]


_CARRIED = Query(
    reading()
    .where(
        or_(among(TASK.c.delivery_id, "beside"), among(TASK.c.id, "alone")),
        among(TASK.c.notification_id, "notifications"),  # by which tasks are indexed
        TASK.c.code != TaskCode.AGREED_ACTION,
    )
    .order_by(*_IN_ORDER)
)


_UNBOUND = Query(reading().where(among(TASK.c.id, "tasks")).order_by(*_IN_ORDER))
"""Tasks that are about no message."""


def events(session: Session, codec: Codec, task_id: str) -> list[Happened]:
    """Everything that happened to a task, oldest first."""
    return [
        Happened(
            version=version,
            move=move,
            at=at,
            team_id=team,
            client_name=client,
            detail=open_json(codec, detail, _event_context(task_id, version)),
        )
        for version, move, at, team, client, detail in direct.rows(session, _EVENTS, task=task_id)
    ]


_EVENTS = Query(
    sa.select(*(TASK_EVENT.c[name] for name in ("version", "move", "at", "team_id", "client_name", "detail")))
    .where(TASK_EVENT.c.task_id == bindparam("task"))
    .order_by(TASK_EVENT.c.version)
)


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
    content = seal_json(codec, what.content, _context(task_id))
    columns = {**_clocks(before.row, what.columns, now), **what.columns, "content": content, "changed_at": now}
    if not keep(session, before, {**columns, "version": version}):
        raise Raced
    row_digests.note(session, "task", [_after(before.row, {**columns, "version": version})])
    _add_events(session, [_event(codec, task_id, _happened(version, what, now))])
    return version


def _after(row: Task, columns: Mapping[str, object]) -> Mapping[str, object]:
    """The task as a change leaves it."""
    return {name: columns[name] if name in columns else getattr(row, name) for name in TASK.c.keys()}  # noqa: SIM118 - the names of the columns


def _add_events(session: Session, rows: Sequence[Mapping[str, object]]) -> None:
    direct.insert(session, TASK_EVENT, rows)
    row_digests.note(session, "task-event", rows)


def keep(session: Session, before: Stored, columns: Mapping[str, object]) -> bool:
    """Write these columns of a task as it was read; False when somebody else moved it since. Without `version` it is no move."""
    given = {f"new_{name}": value for name, value in columns.items()}
    row = before.row
    return direct.change(session, _keeping(tuple(columns)), unmoved_id=row.id, unmoved_version=row.version, **given) > 0


@cache
def _keeping(names: tuple[str, ...]) -> Query:
    unmoved = (TASK.c.id == bindparam("unmoved_id"), TASK.c.version == bindparam("unmoved_version"))
    values = {name: bindparam(f"new_{name}", type_=TASK.c[name].type) for name in names}
    return Query(TASK.update().where(*unmoved).values(values))


def mark_delivered(session: Session, codec: Codec, arrived: Sequence[tuple[Stored, Change]], now: datetime) -> None:
    """The same move of many tasks, in a statement for those alike and one for their events. Raced when one was moved, or told of as not delivered."""
    if not arrived:
        return
    alike: dict[tuple[Value, int, datetime | None], list[str]] = {}
    for task, what in arrived:
        as_read = what.columns["status"], task.row.version, task.row.undelivered_at
        alike.setdefault(as_read, []).append(task.row.id)
    for (status, version, told), ids in alike.items():
        given = {"ids": sorted(ids), "version": version, "told": told, "status": status, "at": now}
        if direct.change(session, _DELIVERED, **given) != len(ids):
            raise Raced
    after = [
        _after(task.row, {"status": what.columns["status"], "changed_at": now, "version": task.row.version + 1})
        for task, what in arrived
    ]
    row_digests.note(session, "task", after)
    _add_events(
        session,
        [_event(codec, task.row.id, _happened(task.row.version + 1, what, now)) for task, what in arrived],
    )


def _after_delivery() -> sa.ColumnElement[datetime | None]:
    """When the clock looks next at what has been delivered: not for that any more."""
    opening, reminder = TASK.c.open_by, TASK.c.remind_at
    sooner = opening.is_not(None) & (reminder.is_(None) | (opening <= reminder))
    following = sa.case((sooner, opening), (reminder.is_not(None), reminder), else_=TASK.c.due_at)
    return sa.case((TASK.c.climbs_at == TASK.c.deliver_by, following), else_=TASK.c.climbs_at)


_DELIVERED = Query(
    TASK.update()
    .where(
        among(TASK.c.id, "ids"),
        TASK.c.version == bindparam("version"),
        TASK.c.undelivered_at.is_not_distinct_from(bindparam("told", type_=UtcDateTime())),
    )
    .values(
        status=bindparam("status", type_=TASK.c.status.type),
        delivered_at=bindparam("at", type_=UtcDateTime()),
        changed_at=bindparam("at", type_=UtcDateTime()),
        climbs_at=_after_delivery(),
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


def awaits_delivery(row: Task) -> bool:
    """Whether nothing says that it has reached its team: neither its system nor one of its people."""
    return row.status == TaskStatus.REQUESTED and row.delivered_at is None and row.opened_at is None


def undelivered(session: Session, notification_id: str, team_id: str) -> bool:
    """Whether a task of this team about it was told of as not delivered in time, and still has not reached it."""
    return bool(direct.rows(session, _UNDELIVERED, notification=notification_id, team=team_id))


_UNDELIVERED = Query(
    sa.select(TASK.c.id)
    .where(
        TASK.c.notification_id == bindparam("notification"),
        TASK.c.owner_team_id == bindparam("team"),
        TASK.c.undelivered_at.is_not(None),
        TASK.c.delivered_at.is_(None),
        TASK.c.opened_at.is_(None),
        TASK.c.status == TaskStatus.REQUESTED,
    )
    .limit(1)
    .offset(0)
)


def _clocks(row: Task, columns: Mapping[str, Value], now: datetime) -> Mapping[str, Value]:
    """What is answered climbs no further, unless what was agreed does not get on; another due date begins the ladder anew, another team counts it anew."""
    status = columns.get("status")
    if status in TERMINAL:
        return {"climbs_at": None, "covers_at": None, "progress_by": None}
    if columns.get("owner_team_id") not in (None, row.owner_team_id):
        return {"climbs_at": _elsewhere(row, columns, now)}
    if status is TaskStatus.ACCEPTED and row.code != TaskCode.AGREED_ACTION:
        anew = {"level": 0} if columns.get("progress_by") else {}
        return {
            "climbs_at": columns.get("progress_by", row.climbs_at if row.progress_by else None),
            "covers_at": None,
        } | anew
    if columns.get("due_at") not in (None, row.due_at):
        first = _first(*_still_to_come(row, status), columns.get("remind_at"), columns["due_at"])
        return {"climbs_at": _no_sooner(first, now), "level": 0}
    return {}


def next_look(row: Task, now: datetime) -> datetime | None:
    """When the clock is to look at a task at which it had not to look for a while: at the first of its times that is left."""
    return _no_sooner(_first(*_still_to_come(row, row.status), row.remind_at, row.due_at), now)


def _elsewhere(row: Task, columns: Mapping[str, Value], now: datetime) -> datetime | None:
    """When it is to look at a task that another team gets: at once where it climbs, for its rungs are counted by that team's days.

    What the clock does not look at, such as a transfer in hand, goes on waiting for its parts.
    """
    if row.climbs_at is None:
        return None
    climbs = row.due_at is not None and row.climbs_at > row.due_at
    return _first(columns.get("deliver_by"), columns.get("open_by"), now if climbs else row.climbs_at)


def _still_to_come(row: Task, status: Value) -> tuple[Value, ...]:
    """When it is to be delivered and opened, where it waits for that."""
    waits = status in (None, TaskStatus.REQUESTED, TaskStatus.RECEIVED) and row.opened_at is None
    delivery = row.deliver_by if row.delivered_at is None and row.undelivered_at is None else None
    return (delivery, row.open_by) if waits else ()


def _no_sooner(at: datetime | None, now: datetime) -> datetime | None:
    """What has passed is looked at now: a step of last week would be one that is a week late."""
    return None if at is None else max(at, now)


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
