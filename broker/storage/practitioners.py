"""The people of teams in the database: their names are sealed; what their absence means is decided in `domain.rota`."""

from datetime import datetime

from sqlmodel import Session, col, select

from broker.domain.rota import Practitioner
from broker.storage import tables
from broker.storage.codec import Codec, open_json, seal_json


def put(session: Session, codec: Codec, somebody: Practitioner, hands_back_at: datetime | None) -> None:
    """Create or replace; whoever is just giving them something holds the row (`hold`) and is waited for."""
    session.get(tables.Practitioner, (somebody.team_id, somebody.id), with_for_update=True)
    details = {"name": somebody.name, "role": somebody.role}
    session.merge(
        tables.Practitioner(
            team_id=somebody.team_id,
            id=somebody.id,
            details=seal_json(codec, details, _context(somebody.team_id, somebody.id)),
            cover_id=somebody.cover_id,
            absent_from=somebody.absent_from,
            absent_until=somebody.absent_until,
            shift_ends=somebody.shift_ends,
            left_at=somebody.left_at,
            hands_back_at=hands_back_at,
        )
    )


def of_team(session: Session, codec: Codec, team_id: str) -> list[Practitioner]:
    """The people of a team, those who have left too, in the order of their ids."""
    query = select(tables.Practitioner).where(tables.Practitioner.team_id == team_id)
    query = query.order_by(col(tables.Practitioner.id)).execution_options(populate_existing=True)
    return [read(codec, row) for row in session.exec(query)]


def hold(session: Session, team_id: str) -> None:
    """None of a team's people goes until the commit."""
    mine = select(tables.Practitioner.id).where(tables.Practitioner.team_id == team_id)
    session.exec(mine.order_by(col(tables.Practitioner.id)).with_for_update(read=True)).all()


def handing_back(session: Session, codec: Codec, now: datetime, limit: int) -> list[Practitioner]:
    """Whose tasks go back by now, longest waiting first; nobody else changes them until the commit."""
    due = col(tables.Practitioner.hands_back_at)
    query = select(tables.Practitioner).where(due <= now).order_by(due, col(tables.Practitioner.id)).limit(limit)
    query = query.with_for_update().execution_options(populate_existing=True)
    return [read(codec, row) for row in session.exec(query)]


def read(codec: Codec, row: tables.Practitioner) -> Practitioner:
    """A row with its name and role opened."""
    details = open_json(codec, row.details, _context(row.team_id, row.id))
    return Practitioner(
        id=row.id,
        team_id=row.team_id,
        name=details["name"],
        role=details["role"],
        cover_id=row.cover_id,
        absent_from=row.absent_from,
        absent_until=row.absent_until,
        shift_ends=row.shift_ends,
        left_at=row.left_at,
    )


def _context(team_id: str, practitioner_id: str) -> str:
    return f"practitioner:{team_id}:{practitioner_id}"
