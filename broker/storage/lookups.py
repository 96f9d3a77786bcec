"""Questions to records elsewhere in the database; who is asked what, and what an answer makes of it, lives in `workflow.lookups`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from broker.domain.states import LookupState
from broker.storage.codec import Codec, open_json, seal_json
from broker.storage.tables import Lookup
from schemas.message import Identifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One question that a worker has taken."""

    id: str
    client: str
    subject: Identifier | None
    reference: str | None
    alone: bool
    """What comes is for its message only: the event points to it."""
    attempts: int
    """This try counted."""


def add(
    session: Session,
    codec: Codec,
    *,
    notification_id: str,
    team_id: str,
    client: str,
    subject: Identifier | None,
    reference: str | None,
    alone: bool,
    now: datetime,
) -> None:
    """Ask, unless the same is being asked on behalf of the same team. `alone`: what comes is for this message only."""
    blind = codec.blind("lookup", *(("message", notification_id) if alone else _thing(subject, reference)))
    same = (Lookup.team_id == team_id, Lookup.client == client, Lookup.blind == blind)
    if session.exec(select(Lookup.id).where(*same, Lookup.state == LookupState.WAITING)).first() is not None:
        return
    id_ = str(uuid4())
    asks = {
        "system": subject.system if subject else None,
        "value": subject.value if subject else None,
        "reference": reference,
        "alone": alone,
    }
    session.add(
        Lookup(
            id=id_,
            notification_id=notification_id,
            team_id=team_id,
            client=client,
            blind=blind,
            asks=seal_json(codec, asks, _context(id_)),
            state=LookupState.WAITING,
            asked_at=now,
            next_at=now,
        )
    )


def _thing(subject: Identifier | None, reference: str | None) -> tuple[str, ...]:
    return ("reference", reference or "") if subject is None else ("identifier", subject.system, subject.value)


def any_due(session: Session, now: datetime) -> bool:
    """Whether one is to be asked by now."""
    return session.exec(select(Lookup.id).where(col(Lookup.next_at) <= now).limit(1)).first() is not None


def take(session: Session, codec: Codec, *, now: datetime, lease: timedelta, limit: int) -> list[Asking]:
    """Those that are due, the longest waiting first; until the lease ends no other worker asks them."""
    due = col(Lookup.next_at) <= now
    picked = select(Lookup.id).where(due).order_by(col(Lookup.next_at), col(Lookup.id)).limit(limit)
    # Left out on SQLite, where writers take turns.
    mine = select(Lookup.id).where(col(Lookup.id).in_(picked), due).with_for_update(skip_locked=True).cte("mine")
    taken = session.execute(
        sa.update(Lookup)
        .where(col(Lookup.id).in_(sa.select(mine.c.id)))
        .values(next_at=now + lease, attempts=Lookup.attempts + 1)
        .returning(col(Lookup.id), col(Lookup.client), col(Lookup.asks), col(Lookup.attempts)),
        execution_options={"synchronize_session": False},
    )
    return sorted((_asking(codec, *row) for row in taken), key=lambda asking: asking.id)


def _asking(codec: Codec, id_: str, client: str, asks: bytes, attempts: int) -> Asking:
    said = open_json(codec, asks, _context(id_))
    subject = Identifier(system=said["system"], value=said["value"]) if said["value"] is not None else None
    return Asking(
        id=id_,
        client=client,
        subject=subject,
        reference=said["reference"],
        alone=said["alone"],
        attempts=attempts,
    )


def asking_of(codec: Codec, row: Lookup) -> Asking:
    """What a row asks."""
    return _asking(codec, row.id, row.client, row.asks, row.attempts)


def kept(session: Session, id_: str, notification_id: str) -> None:
    """The record that it brought could not be read, and is kept as this notification."""
    _change(session, id_, kept_id=notification_id)


def waiting(session: Session, id_: str) -> Lookup | None:
    """The row, locked, while it waits for an answer; None when it has ended."""
    row = session.exec(select(Lookup).where(Lookup.id == id_).with_for_update()).first()
    return row if row is not None and row.state is LookupState.WAITING else None


def ask_again(session: Session, id_: str, *, at: datetime, last: str, told_at: datetime | None) -> None:
    """It was not answered."""
    _change(session, id_, next_at=at, last=last, told_at=told_at)


def end(session: Session, id_: str, state: LookupState, *, last: str, now: datetime) -> None:
    """It will not be asked again."""
    _change(session, id_, state=state, next_at=None, last=last, ended_at=now)


def _change(session: Session, id_: str, **values: object) -> None:
    session.execute(
        sa.update(Lookup).where(col(Lookup.id) == id_).values(**values),
        execution_options={"synchronize_session": False},
    )


def overdue(session: Session, asked_before: datetime) -> Sequence[tuple[str, int, datetime]]:
    """Open questions asked before then: client, how many, and since when the oldest."""
    query = (
        select(Lookup.client, func.count(), func.min(Lookup.asked_at))
        .where(Lookup.state == LookupState.WAITING, col(Lookup.asked_at) <= asked_before)
        .group_by(Lookup.client)
        .order_by(Lookup.client)
    )
    return [(client, number, since) for client, number, since in session.execute(query)]


def _context(lookup_id: str) -> str:
    return f"lookup:{lookup_id}"
