"""The mailbox of a team: its deliveries numbered from 1 without gaps after their commit, listed and found by the team alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from broker.domain.states import DeliveryState, Purpose
from broker.storage.deliveries import QUIET, UNDELIVERED
from broker.storage.tables import Delivery, MailboxNumber

NEVER_SHOWN = (DeliveryState.WITHHELD, DeliveryState.HELD)
"""Decisions not (or not yet) to tell the team: for it they do not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One message in a team's mailbox, without what it says: that is rendered when it is fetched."""

    id: str
    number: int | None
    """None for the moment between the commit and the sequencer."""
    purpose: Purpose
    state: DeliveryState
    created_at: datetime
    delivered_at: datetime | None


def page(session: Session, team_id: str, *, after: int, limit: int) -> list[Item]:
    """Messages with a number above `after`, acknowledged ones too, in the order of their numbers."""
    return _items(session, team_id, col(Delivery.number) > after, limit=limit)


def waiting(session: Session, team_id: str, *, limit: int) -> list[Item]:
    """Messages that the team has not acknowledged, lowest number first."""
    undelivered: sa.BindParameter[DeliveryState] = sa.bindparam(
        "undelivered", list(UNDELIVERED), expanding=True, literal_execute=True
    )
    numbered = col(Delivery.number).is_not(None)
    return _items(session, team_id, numbered, col(Delivery.state).in_(undelivered), limit=limit)


def find(session: Session, team_id: str, delivery_id: str) -> Item | None:
    """One message by its delivery id; None when it is not this team's to see."""
    found = _items(session, team_id, col(Delivery.id) == delivery_id, col(Delivery.state).not_in(NEVER_SHOWN), limit=1)
    return found[0] if found else None


def _items(session: Session, team_id: str, *which: sa.ColumnElement[bool], limit: int) -> list[Item]:
    found = session.execute(
        sa.select(
            col(Delivery.id),
            col(Delivery.number),
            col(Delivery.purpose),
            col(Delivery.state),
            col(Delivery.created_at),
            col(Delivery.delivered_at),
        )
        .where(col(Delivery.team_id) == team_id, *which)
        .order_by(col(Delivery.number))
        .limit(limit)
    )
    return [
        Item(id=id_, number=number, purpose=purpose, state=state, created_at=created_at, delivered_at=delivered_at)
        for id_, number, purpose, state, created_at, delivered_at in found
    ]


# --- numbers -----------------------------------------------------------------------------------------------------


def unnumbered_teams(session: Session, *, limit: int, team_id: str | None = None) -> list[str]:
    """Teams with committed messages that have no number yet, those that have waited longest first."""
    whose = () if team_id is None else (col(Delivery.team_id) == team_id,)
    found = sa.select(col(Delivery.team_id)).where(_unnumbered(), *whose).group_by(col(Delivery.team_id))
    return list(
        session.scalars(found.order_by(sa.func.min(col(Delivery.created_at)), col(Delivery.team_id)).limit(limit))
    )


def number(session: Session, team_id: str, *, limit: int) -> int:
    """Give the next numbers of a team to its oldest messages without one; how many got theirs.

    Only committed rows are seen, so a message committed later always gets a higher number than any already listed.
    The team's counter row is locked until the commit and moves with the numbers: whoever else does this at the same
    time waits, then sees what was given, and a crash in between takes both back. Hence no gap and no number twice.
    """
    last = _locked_counter(session, team_id)
    ids = _oldest_unnumbered(session, team_id, limit)
    if not ids:
        return 0
    given = [{"id": id_, "number": last + place} for place, id_ in enumerate(ids, start=1)]
    session.execute(sa.update(Delivery), given)
    session.execute(
        sa.update(MailboxNumber).where(col(MailboxNumber.team_id) == team_id).values(last=last + len(ids)),
        execution_options=QUIET,
    )
    return len(ids)


def _locked_counter(session: Session, team_id: str) -> int:
    """The last number given, its row locked; made at 0 for a team's first message."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    last: int | None = session.scalar(
        insert(MailboxNumber)
        .values(team_id=team_id, last=0)
        .on_conflict_do_update(index_elements=["team_id"], set_={"last": col(MailboxNumber.last)})
        .returning(col(MailboxNumber.last))
    )
    assert last is not None  # an upsert without condition returns its row
    return last


def _oldest_unnumbered(session: Session, team_id: str, limit: int) -> Sequence[str]:
    """Rows to number, locked: one that is withdrawn at this moment either waits for its number or gets none."""
    return session.scalars(
        sa.select(col(Delivery.id))
        .where(col(Delivery.team_id) == team_id, _unnumbered())
        .order_by(col(Delivery.created_at), col(Delivery.id))
        .limit(limit)
        .with_for_update()
    ).all()


def _unnumbered() -> sa.ColumnElement[bool]:
    """The partial index's own condition, as constants: neither database uses the index for bound parameters."""
    never: sa.BindParameter[DeliveryState] = sa.bindparam(
        "never", [*NEVER_SHOWN, DeliveryState.CANCELLED], expanding=True, literal_execute=True, unique=True
    )
    return sa.and_(col(Delivery.number).is_(None), col(Delivery.state).not_in(never))
