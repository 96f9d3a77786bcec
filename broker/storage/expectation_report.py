"""What is expected and has not come, for reports; who sees which is decided elsewhere."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session, col, select

from broker.domain.states import ExpectationState
from broker.storage.caseload import persons_of
from broker.storage.expectations import OPEN
from broker.storage.keyset import Position, behind
from broker.storage.tables import Expectation


class ExpectationSort(StrEnum):
    """The one order: by when it is, or was, due."""

    DUE = "due"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationQuery:
    """What is asked for: only what is still looked for."""

    state: ExpectationState | None = None
    rule: str | None = None
    owed_by: Collection[str] | None = None
    """Only of these teams and functions."""
    team: str | None = None
    """Only about persons whom this team works with, and who lives with them."""
    due_before: datetime | None = None
    after: Position | None = None
    limit: int = 50


def expectations(session: Session, query: ExpectationQuery) -> tuple[list[Expectation], Position | None]:
    """One page, the longest due first, and where the next begins."""
    statement = select(Expectation).where(col(Expectation.looks_at).is_not(None), *_filters(query))
    if query.after is not None:
        statement = statement.where(behind(col(Expectation.due_at), col(Expectation.id), query.after, descending=False))
    statement = statement.order_by(col(Expectation.due_at), col(Expectation.id)).limit(query.limit + 1)
    rows = list(session.exec(statement))
    page = rows[: query.limit]
    return page, Position(page[-1].due_at, page[-1].id) if len(rows) > query.limit else None


def _filters(query: ExpectationQuery) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [col(Expectation.state).in_([query.state] if query.state else OPEN)]
    if query.rule is not None:
        found.append(col(Expectation.rule) == query.rule)
    if query.owed_by is not None:
        found.append(col(Expectation.owed_by).in_(query.owed_by))
    if query.team is not None:
        found.append(col(Expectation.person_id).in_(persons_of(query.team)))
    if query.due_before is not None:
        found.append(col(Expectation.due_at) < query.due_before)
    return found
