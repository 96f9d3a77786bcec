"""Deliveries that no longer go by themselves, or hardly: parked after the ladder, or waiting for a channel that is switched off. Without content."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session, col, select

from broker.domain.due import Due
from broker.domain.states import AttemptOutcome, ChannelKind, DeliveryState
from broker.domain.tasks import TERMINAL
from broker.storage.deliveries import OPEN, QUIET
from broker.storage.keyset import Position, behind
from broker.storage.store import note
from broker.storage.tables import Attempt, Channel, Delivery, Notification, Task
from schemas.codes import Event, TaskCode

ANNOUNCED = 500
"""How many that are due again are announced; a worker finds the rest by itself within a second."""


class Why(StrEnum):
    """Why it is a dead letter."""

    PARKED = "parked"  # tried up the whole ladder; once a day from then on
    DISABLED = "channel-disabled"  # the team's channel is switched off


class SortBy(StrEnum):
    """The one order of the list."""

    SINCE = "since"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One try."""

    at: datetime
    outcome: AttemptOutcome
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One delivery, as far as somebody who runs the broker may see it."""

    id: str
    team_id: str
    kind: ChannelKind
    event: Event | None
    state: DeliveryState
    why: Why | None
    """None: it is no dead letter (any more)."""
    since: datetime
    """When it was decided that the team is told."""
    attempts: int
    next_attempt_at: datetime | None
    last: Tried | None
    task: str | None
    """The open task of the person who looks into it."""


def page(
    session: Session, *, team_id: str | None = None, after: Position | None = None, limit: int
) -> tuple[list[Letter], Position | None]:
    """Dead letters, oldest first, and where the next page begins; None when this is the last."""
    whose = () if team_id is None else (col(Delivery.team_id) == team_id,)
    where = () if after is None else (behind(col(Delivery.created_at), col(Delivery.id), after, descending=False),)
    query = _rows().where(_dead(), *whose, *where).order_by(col(Delivery.created_at), col(Delivery.id))
    rows = session.execute(query.limit(limit + 1)).all()
    found = _letters(session, rows[:limit])
    return found, Position(found[-1].since, found[-1].id) if len(rows) > limit else None


def find(session: Session, delivery_id: str) -> Letter | None:
    """One delivery to a team that was told, whether or not it is a dead letter; None when there is none."""
    shown = (*OPEN, DeliveryState.DELIVERED, DeliveryState.CANCELLED)
    rows = session.execute(_rows().where(col(Delivery.id) == delivery_id, col(Delivery.state).in_(shown))).all()
    return next(iter(_letters(session, rows)), None)


def tries(session: Session, delivery_id: str) -> list[Tried]:
    """Every try of one, oldest first."""
    return _tries(session, [delivery_id]).get(delivery_id, [])


def make_due(
    session: Session, *, now: datetime, ids: Collection[str] | None = None, team_id: str | None = None
) -> list[str]:
    """Have parked deliveries tried at once: these, or all of a team, or all; the ids of those that were not due already.

    What waits for a channel that is switched off goes on waiting: it goes out when the channel is switched on.
    """
    these: tuple[sa.ColumnElement[bool], ...] = () if ids is None else (col(Delivery.id).in_(ids),)
    whose: tuple[sa.ColumnElement[bool], ...] = () if team_id is None else (col(Delivery.team_id) == team_id,)
    open_channels = sa.select(col(Channel.team_id)).where(col(Channel.disabled_at).is_(None))
    due = session.execute(
        sa.update(Delivery)
        .where(
            _parked(),
            col(Delivery.next_attempt_at) > now,
            col(Delivery.team_id).in_(open_channels),
            *these,
            *whose,
        )
        .values(next_attempt_at=now)
        .returning(col(Delivery.id), col(Delivery.notification_id)),
        execution_options=QUIET,
    ).all()
    note(session, [Due(about or id_, id_) for id_, about in due[:ANNOUNCED]])
    return sorted(id_ for id_, _ in due)


def _parked() -> sa.ColumnElement[bool]:
    state = sa.bindparam("parked", DeliveryState.PARKED, literal_execute=True, unique=True, type_=_STATE)
    return col(Delivery.state) == state


def _dead() -> sa.ColumnElement[bool]:
    """In the words of `ix_delivery_waiting`: neither database uses a partial index for bound parameters."""
    still_open: sa.BindParameter[DeliveryState] = sa.bindparam(
        "still_open", list(OPEN), expanding=True, literal_execute=True, unique=True
    )
    off = sa.and_(col(Channel.disabled_at).is_not(None), col(Channel.kind) != ChannelKind.MAILBOX)
    return sa.and_(col(Delivery.state).in_(still_open), sa.or_(_parked(), off))


_STATE = Delivery.__table__.c.state.type  # type: ignore[attr-defined]  # SQLModel's table


def _joined() -> sa.FromClause:
    return sa.join(Delivery, Channel, col(Channel.team_id) == col(Delivery.team_id))


def _rows() -> sa.Select[Delivery, Channel, Event | None]:
    return (
        sa.select(Delivery, Channel, col(Notification.event))
        .select_from(_joined())
        .outerjoin(Notification, col(Notification.id) == col(Delivery.notification_id))
    )


def _letters(session: Session, rows: Sequence[sa.Row[Delivery, Channel, Event | None]]) -> list[Letter]:
    if not rows:
        return []
    tried = _tries(session, [row.id for row, _, _ in rows])
    tasks = _tasks(session, {row.notification_id for row, _, _ in rows if row.notification_id})
    return [
        Letter(
            id=row.id,
            team_id=row.team_id,
            kind=channel.kind,
            event=event,
            state=row.state,
            why=_why(row, channel),
            since=row.created_at,
            attempts=row.attempts,
            next_attempt_at=row.next_attempt_at,
            last=tried[row.id][-1] if row.id in tried else None,
            task=tasks.get((row.notification_id or "", row.team_id)),
        )
        for row, channel, event in rows
    ]


def _why(row: Delivery, channel: Channel) -> Why | None:
    if channel.disabled_at is not None and channel.kind is not ChannelKind.MAILBOX and row.state in OPEN:
        return Why.DISABLED
    return Why.PARKED if row.state is DeliveryState.PARKED else None


def _tries(session: Session, delivery_ids: Collection[str]) -> Mapping[str, list[Tried]]:
    query = select(Attempt).where(col(Attempt.delivery_id).in_(delivery_ids))
    found: dict[str, list[Tried]] = {}
    for row in session.exec(query.order_by(col(Attempt.at), col(Attempt.id))):
        found.setdefault(row.delivery_id, []).append(Tried(at=row.at, outcome=row.outcome, detail=row.detail))
    return found


def _tasks(session: Session, notification_ids: Collection[str]) -> dict[tuple[str, str], str]:
    """Open tasks about a team that is not reached, by notification and team: their `dedupe_key` names both."""
    query = select(Task.notification_id, Task.dedupe_key, Task.id).where(
        col(Task.notification_id).in_(notification_ids),
        col(Task.code) == TaskCode.UNDELIVERABLE,
        col(Task.status).not_in(TERMINAL),
    )
    found: dict[tuple[str, str], str] = {}
    for about, key, id_ in session.exec(query):
        _, _, rest = (key or "").partition(f"undeliverable:{about}:")
        if about is not None and rest:
            found[about, rest.partition(":")[0]] = id_
    return found
