"""Handovers as an auditor asks for them: filtered, in order of age or due date, paged by key, counted; only the table of tasks is read for it.

What is open is found by its own small index, so that the first page costs the same however much has been answered. What
a page says beside its tasks is looked up for its rows alone, in `handover_facts`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Row, Select, SQLColumnExpression, TextClause, func, literal, select, text
from sqlmodel import Session, col

from broker.domain.handovers import ANSWERED, HandoverState
from broker.storage.keyset import NEVER, Position, behind
from broker.storage.tables import HANDOVER, HANDOVER_OPEN, Notification, Task, Team
from broker.storage.types import UtcDateTime
from schemas.codes import Event, Function, TaskCode, TaskStatus

Condition: TypeAlias = ColumnElement[bool] | TextClause

_HANDOVER = text(HANDOVER)
_OPEN = text(HANDOVER_OPEN)
"""As text, because the index is found by these very words: as an expression SQLite would be sent another."""


class SortBy(StrEnum):
    """Orders of a list: how long ago they were sent, the youngest first; and when they are due, the soonest first."""

    AGE = "age"
    DUE = "due"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverQuery:
    """What is asked for. Every filter narrows it; agency, team, area and function are those of the team that must answer."""

    state: HandoverState | None = None
    agency: str | None = None
    team: str | None = None
    area: str | None = None
    functions: frozenset[Function] = frozenset()
    from_agency: str | None = None
    from_team: str | None = None
    kinds: frozenset[Event] = frozenset()
    older_than: timedelta | None = None
    """At least that old."""
    since: datetime | None = None
    """Sent then or later."""
    until: datetime | None = None
    """Sent before then."""
    sort: SortBy = SortBy.AGE
    descending: bool = True
    limit: int = 50
    after: Position | None = None

    @property
    def open(self) -> bool:
        """Whether only what nobody has answered is asked for."""
        return self.state is not None and self.state not in ANSWERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """The task of a handover, without what it says."""

    id: str
    code: TaskCode
    notification_id: str | None
    delivery_id: str | None
    person_id: str | None
    sender: str
    receiver: str
    status: TaskStatus
    business_status: str | None
    level: int
    sent: datetime
    due: datetime | None
    delivered: datetime | None
    opened: datetime | None
    answered: datetime | None


def search(session: Session, query: HandoverQuery, now: datetime) -> tuple[list[Handover], Position | None]:
    """One page, and the position behind which the next begins; None on the last page."""
    value, down = _order(query)
    statement = _columns().where(*filters(query, now)).limit(query.limit + 1)
    statement = statement.order_by(value.desc(), col(Task.id).desc()) if down else statement.order_by(value, Task.id)
    if query.after is not None:
        statement = statement.where(behind(value, col(Task.id), query.after, descending=down))
    found = [_handover(row) for row in session.execute(statement)]
    page = found[: query.limit]
    return page, _position(page[-1], query.sort) if len(found) > query.limit else None


def get(session: Session, task_id: str) -> Handover | None:
    """One handover; None also for a task that is none."""
    row = session.execute(_columns().where(_HANDOVER, col(Task.id) == task_id)).first()
    return None if row is None else _handover(row)


# --- what is asked for ----------------------------------------------------------------------------------------------


def filters(query: HandoverQuery, now: datetime) -> list[Condition]:
    """What a task must fulfil to be among what is asked for."""
    return [*_in_state(query.state, now), *_between(query), *_sent(query, now)]


def _in_state(state: HandoverState | None, now: datetime) -> list[Condition]:
    if state is None:
        return [_HANDOVER]
    if state in ANSWERED:
        return [_HANDOVER, col(Task.status).in_(ANSWERED[state])]
    found: list[Condition] = [_OPEN]
    if state is HandoverState.OVERDUE:
        found.append(col(Task.due_at) < now)
    if state is HandoverState.ESCALATED:
        found.append(col(Task.level) > 0)
    return found


def _between(query: HandoverQuery) -> list[Condition]:
    """Who must answer whom, about what."""
    owner, requester = team(col(Task.owner_team_id), query), team(col(Task.requester_team_id), query)
    found: list[Condition] = []
    if query.team is not None:
        found.append(owner == query.team)
    receivers = _teams(query)
    if receivers is not None:
        found.append(owner.in_(receivers))
    if query.from_team is not None:
        found.append(requester == query.from_team)
    if query.from_agency is not None:
        found.append(requester.in_(select(col(Team.id)).where(col(Team.agency_id) == query.from_agency)))
    if query.kinds:
        found.append(kind().in_(query.kinds))
    return found


def team(column: SQLColumnExpression[Any], query: HandoverQuery) -> SQLColumnExpression[Any]:
    """A team's column. While little is open, looking through that is quicker than through all that a team ever had.

    SQLite would take the index of the column whatever else there is; it knows no index of this expression.
    """
    return func.coalesce(column, literal("")) if query.open else column


def _teams(query: HandoverQuery) -> Select[str] | None:
    """The teams of that agency, area and function; None when any will do."""
    limits: list[Condition] = []
    if query.agency is not None:
        limits.append(col(Team.agency_id) == query.agency)
    if query.area is not None:
        limits.append(col(Team.area_id) == query.area)
    if query.functions:
        limits.append(col(Team.function).in_(query.functions))
    return select(col(Team.id)).where(*limits) if limits else None


def kind() -> ColumnElement[Any]:
    """The event of a task's notification, looked up row by row: no plan begins with all notifications of a kind."""
    event = select(col(Notification.event)).where(col(Notification.id) == col(Task.notification_id))
    return event.correlate(Task).scalar_subquery()


def _sent(query: HandoverQuery, now: datetime) -> list[Condition]:
    sent = col(Task.authored_at)
    found: list[Condition] = []
    if query.older_than is not None:
        found.append(sent <= now - query.older_than)
    if query.since is not None:
        found.append(sent >= query.since)
    if query.until is not None:
        found.append(sent < query.until)
    return found


# --- rows -----------------------------------------------------------------------------------------------------------


def _columns() -> Select[*tuple[Any, ...]]:
    return select(
        col(Task.id),
        col(Task.code),
        col(Task.notification_id),
        col(Task.delivery_id),
        col(Task.person_id),
        col(Task.requester_team_id),
        col(Task.owner_team_id),
        col(Task.status),
        col(Task.business_status),
        col(Task.level),
        col(Task.authored_at),
        col(Task.due_at),
        col(Task.delivered_at),
        col(Task.opened_at),
        col(Task.answered_at),
    )


def _handover(row: Row[Any]) -> Handover:
    return Handover(
        id=row.id,
        code=TaskCode(row.code),
        notification_id=row.notification_id,
        delivery_id=row.delivery_id,
        person_id=row.person_id,
        sender=row.requester_team_id,
        receiver=row.owner_team_id,
        status=TaskStatus(row.status),
        business_status=row.business_status,
        level=row.level,
        sent=row.authored_at,
        due=row.due_at,
        delivered=row.delivered_at,
        opened=row.opened_at,
        answered=row.answered_at,
    )


def _order(query: HandoverQuery) -> tuple[SQLColumnExpression[datetime], bool]:
    """The column to sort by, and whether its highest value comes first: the oldest was sent at the lowest."""
    if query.sort is SortBy.AGE:
        return col(Task.authored_at), not query.descending
    never = literal(NEVER, UtcDateTime())
    return func.coalesce(col(Task.due_at), never, type_=UtcDateTime()), query.descending


def _position(last: Handover, sort: SortBy) -> Position:
    return Position(last.sent if sort is SortBy.AGE else last.due or NEVER, last.id)
