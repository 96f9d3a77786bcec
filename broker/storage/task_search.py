"""Searching tasks: filters, order and keyset pages, always within what the caller may see; parsing of queries lives in `web`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, SQLColumnExpression, func, literal, or_, true
from sqlmodel import Session, col, select

from broker.domain.states import View
from broker.domain.tasks import SHOWS_PATIENT, SHOWS_REQUESTER
from broker.storage.codec import Codec
from broker.storage.keyset import NEVER, Position, behind
from broker.storage.tables import Delivery, Escalation, Task
from broker.storage.task_values import Scope, Stored
from broker.storage.tasks import reading, stored, through, visible
from broker.storage.types import UtcDateTime
from schemas.codes import Priority, TaskCode, TaskStatus


class SortBy(StrEnum):
    """Orders of a search, by their FHIR names."""

    DUE = "due"
    AUTHORED = "authored-on"
    CHANGED = "_lastUpdated"


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to but not including `end`; None is open."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQuery:
    """One search. Every filter narrows it; the spans of one list must all hold."""

    owner: str | None = None
    requester: str | None = None
    raised_to: str | None = None
    """A team that was told of it because nobody answered, and whose own it is not."""
    statuses: frozenset[TaskStatus] = frozenset()
    codes: frozenset[TaskCode] = frozenset()
    priorities: frozenset[Priority] = frozenset()
    person_id: str | None = None
    part_of: str | None = None
    authored: Sequence[Span] = ()
    due: Sequence[Span] = ()
    changed: Sequence[Span] = ()
    sort: SortBy = SortBy.DUE
    descending: bool = False
    count: int = 50
    after: Position | None = None


def search(session: Session, codec: Codec, query: TaskQuery, scope: Scope) -> tuple[list[Stored], Position | None]:
    """One page, and the position after which the next begins; None on the last page."""
    value = _sorted_by(query.sort)
    order = (value.desc(), col(Task.id).desc()) if query.descending else (value, col(Task.id))
    statement = reading().where(*_filters(query, scope)).order_by(*order).limit(query.count + 1)
    if query.after is not None:
        statement = statement.where(behind(value, col(Task.id), query.after, descending=query.descending))
    with through(session, scope):
        rows = session.execute(statement).all()
    found = [stored(codec, row) for row in rows]
    page = found[: query.count]
    return page, _position_of(page[-1], query.sort) if len(found) > query.count and page else None


def count(session: Session, query: TaskQuery, scope: Scope) -> int:
    """How many there are for these eyes."""
    statement = select(func.count()).select_from(Task).outerjoin(Delivery, col(Task.delivery_id) == col(Delivery.id))
    with through(session, scope):
        return int(session.execute(statement.where(*_filters(query, scope))).scalar_one())


def _filters(query: TaskQuery, scope: Scope) -> list[ColumnElement[bool]]:
    found = [visible(scope)]
    if query.owner is not None:
        found.append(col(Task.owner_team_id) == query.owner)
    if query.requester is not None:
        found += [col(Task.requester_team_id) == query.requester, _shown(scope, SHOWS_REQUESTER)]
    if query.raised_to is not None:
        told = select(Escalation.task_id).where(col(Escalation.team_id) == query.raised_to)
        found += [col(Task.id).in_(told), col(Task.owner_team_id) != query.raised_to]
    if query.person_id is not None:
        found += [col(Task.person_id) == query.person_id, _shown(scope, SHOWS_PATIENT)]
    if query.part_of is not None:
        found.append(col(Task.part_of) == query.part_of)
    if query.statuses:
        found.append(col(Task.status).in_(query.statuses))
    if query.codes:
        found.append(col(Task.code).in_(query.codes))
    if query.priorities:
        found.append(col(Task.priority).in_(query.priorities))
    for column, spans in (
        (Task.authored_at, query.authored),
        (Task.due_at, query.due),
        (Task.changed_at, query.changed),
    ):
        found += [limit for span in spans for limit in _within(col(column), span)]
    return found


def _shown(scope: Scope, views: frozenset[View]) -> ColumnElement[bool]:
    """A filter must not tell what the task itself does not show: only where the view shows it, or the caller sent it."""
    if scope.everything:
        return true()
    return or_(col(Task.owner_team_id) != scope.team, col(Task.delivery_id).is_(None), col(Delivery.view).in_(views))


def _within(column: SQLColumnExpression[datetime | None], span: Span) -> list[ColumnElement[bool]]:
    limits = []
    if span.start is not None:
        limits.append(column >= span.start)
    if span.end is not None:
        limits.append(column < span.end)
    return limits


def _sorted_by(sort: SortBy) -> SQLColumnExpression[datetime]:
    match sort:
        case SortBy.AUTHORED:
            return col(Task.authored_at)
        case SortBy.CHANGED:
            return col(Task.changed_at)
        case SortBy.DUE:
            return func.coalesce(col(Task.due_at), literal(NEVER, UtcDateTime()), type_=UtcDateTime())


def _position_of(task: Stored, sort: SortBy) -> Position:
    values = {SortBy.AUTHORED: task.row.authored_at, SortBy.CHANGED: task.row.changed_at, SortBy.DUE: task.row.due_at}
    return Position(values[sort] or NEVER, task.row.id)
