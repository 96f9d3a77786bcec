"""How many handovers there are, of those that a list with the same filters would show, by what tells them apart."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Label, SQLColumnExpression, case, func, select, text
from sqlmodel import Session, col

from broker.domain.handovers import BANDS, AgeBand
from broker.storage.handovers import HandoverQuery, filters, kind, team
from broker.storage.tables import Task
from schemas.codes import Event, TaskStatus


def by_receiver(session: Session, query: HandoverQuery, now: datetime) -> dict[str, int]:
    """By the team that must answer, or has answered."""
    return dict(_counted(session, query, now, team(col(Task.owner_team_id), query)))


def by_kind(session: Session, query: HandoverQuery, now: datetime) -> dict[Event | None, int]:
    """By the event that was notified; None for what no notification caused."""
    return {event and Event(event): count for event, count in _counted(session, query, now, kind())}


def by_reason(session: Session, query: HandoverQuery, now: datetime) -> dict[str | None, int]:
    """By the coded reason of the answer; None for what has none."""
    return dict(_counted(session, query, now, col(Task.reason_code)))


def by_business_status(session: Session, query: HandoverQuery, now: datetime) -> dict[str | None, int]:
    """By what stands beside the status, such as that a question was asked back."""
    return dict(_counted(session, query, now, col(Task.business_status)))


def by_age(session: Session, query: HandoverQuery, now: datetime) -> dict[AgeBand, int]:
    """By age band; bands with none are left out."""
    younger = [(col(Task.authored_at) > now - limit, band.value) for band, limit in BANDS.items()]
    key = case(*younger, else_=AgeBand.OVER_28_DAYS.value)
    return {AgeBand(band): count for band, count in _counted(session, query, now, key)}


def by_standing(session: Session, query: HandoverQuery, now: datetime) -> list[tuple[TaskStatus, bool, bool, int]]:
    """By (status, past due, escalated), from which the states follow."""
    late: ColumnElement[int] = case((col(Task.due_at) < now, 1), else_=0)
    escalated: ColumnElement[int] = case((col(Task.level) > 0, 1), else_=0)
    counted = _counted(session, query, now, col(Task.status), late, escalated)
    return [(TaskStatus(status), bool(is_late), bool(is_up), count) for status, is_late, is_up, count in counted]


def _counted(session: Session, query: HandoverQuery, now: datetime, *keys: SQLColumnExpression[Any]) -> list[Any]:
    """(key, …, count). Grouped by names: to PostgreSQL an expression with parameters is another one each time it stands there."""
    named: list[Label[Any]] = [key.label(f"key_{index}") for index, key in enumerate(keys)]
    statement = select(*named, func.count()).select_from(Task).where(*filters(query, now))
    return list(session.execute(statement.group_by(*(text(key.name) for key in named))))
