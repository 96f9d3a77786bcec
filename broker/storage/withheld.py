"""Decisions not to tell a team, as an auditor asks for them: filtered, by the time they were taken, paged by key; found by an index of their own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Row, Select, TextClause, select, text
from sqlmodel import Session, col

from broker.domain.reasons import NotTold
from broker.storage.deliveries import UNNAMED
from broker.storage.keyset import Position, behind
from broker.storage.tables import Delivery, Notification, Team
from schemas.codes import Event

Condition: TypeAlias = ColumnElement[bool] | TextClause

_WITHHELD: Final = text("delivery.state = 'withheld'")
"""As text, because `ix_delivery_withheld` is found by these very words, and by no bound parameter."""


class SortBy(StrEnum):
    """The one order: when it was decided that the message is not for that team."""

    AT = "at"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldQuery:
    """What is asked for. Every filter narrows it; agency and team are those that were not told."""

    agency: str | None = None
    team: str | None = None
    from_agency: str | None = None
    from_team: str | None = None
    kind: Event | None = None
    reason: NotTold | None = None
    since: datetime | None = None
    """Decided then or later."""
    until: datetime | None = None
    """Decided before then."""
    descending: bool = True
    limit: int = 50
    after: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """That one team is not told of one message."""

    id: str
    """Of the delivery that never was one."""
    notification_id: str
    gate_id: str | None
    """The task of the lead who may still agree to it or has refused to; None where no child is kept unnamed."""
    event: Event | None
    sender: str | None
    team: str
    reason_code: str
    reason: str
    policy_version: str
    at: datetime
    """When the rules were asked. A safeguarding lead decides later what the rules hold back."""


def search(session: Session, query: WithheldQuery) -> tuple[list[Decision], Position | None]:
    """One page, and the position behind which the next begins; None on the last page."""
    at, id_ = col(Delivery.created_at), col(Delivery.id)
    order = (at.desc(), id_.desc()) if query.descending else (at, id_)
    statement = _columns().where(*_filters(query)).order_by(*order).limit(query.limit + 1)
    if query.after is not None:
        statement = statement.where(behind(at, id_, query.after, descending=query.descending))
    found = [_decision(row) for row in session.execute(statement)]
    page = found[: query.limit]
    return page, Position(page[-1].at, page[-1].id) if len(found) > query.limit else None


def _filters(query: WithheldQuery) -> list[Condition]:
    return [_WITHHELD, *(_NARROW[name](asked) for name in _NARROW if (asked := getattr(query, name)) is not None)]


_NARROW: Final[Mapping[str, Callable[[Any], ColumnElement[bool]]]] = {
    "agency": lambda asked: col(Delivery.team_id).in_(_teams_of(asked)),
    "team": lambda asked: col(Delivery.team_id) == asked,
    "from_agency": lambda asked: col(Notification.sender_team_id).in_(_teams_of(asked)),
    "from_team": lambda asked: col(Notification.sender_team_id) == asked,
    "kind": lambda asked: col(Notification.event) == asked,
    "reason": lambda asked: col(Delivery.reason_code) == asked,
    "since": lambda asked: col(Delivery.created_at) >= asked,
    "until": lambda asked: col(Delivery.created_at) < asked,
}
"""By the fields of a query."""


def _teams_of(agency: str) -> Select[str]:
    return select(col(Team.id)).where(col(Team.agency_id) == agency)


def _columns() -> Select[*tuple[Any, ...]]:
    return select(
        col(Delivery.id),
        col(Delivery.notification_id),
        col(Delivery.cause),
        col(Notification.event),
        col(Notification.sender_team_id),
        col(Delivery.team_id),
        col(Delivery.reason_code),
        col(Delivery.reason),
        col(Delivery.policy_version),
        col(Delivery.created_at),
    ).join(Notification, col(Notification.id) == col(Delivery.notification_id))


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        id=row.id,
        notification_id=row.notification_id,
        gate_id=row.cause.removeprefix(f"{UNNAMED}:") if row.cause.startswith(f"{UNNAMED}:") else None,
        event=None if row.event is None else Event(row.event),
        sender=row.sender_team_id,
        team=row.team_id,
        reason_code=row.reason_code,
        reason=row.reason,
        policy_version=row.policy_version,
        at=row.created_at,
    )
