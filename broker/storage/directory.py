"""The directory in the database: read as one snapshot, changed row by row; its file form lives in `broker.directory_file`."""

from datetime import datetime

from sqlmodel import Session, col, delete, select, update

from broker.domain import world
from broker.storage.codec import Codec
from broker.storage.tables import Agency, Area, AreaPostcode, Channel, Coverage, Revision, Team
from schemas.codes import Function

DIRECTORY = "directory"


def revision(session: Session) -> int:
    """The directory's revision; it rises with every change."""
    number = session.exec(select(Revision.number).where(Revision.name == DIRECTORY)).first()
    return number or 0


def load(session: Session) -> world.Directory:
    """The whole directory as the domain sees it."""
    return world.Directory(
        teams={row.id: _team(row) for row in session.exec(select(Team)).all()},
        coverage={(row.area_id, row.function): row.team_id for row in session.exec(select(Coverage)).all()},
        areas_by_outward={row.outward: row.area_id for row in session.exec(select(AreaPostcode)).all()},
        version=revision(session),
    )


def _team(row: Team) -> world.Team:
    return world.Team(
        id=row.id,
        agency_id=row.agency_id,
        function=Function(row.function),
        name=row.name,
        ods_code=row.ods_code,
        area_id=row.area_id,
        telephone=row.telephone,
        closed=row.closed_at is not None,
        honours_marks=row.honours_marks,
    )


def touch(session: Session) -> None:
    """Raise the revision, so that every process reads the directory again."""
    changed = session.execute(
        update(Revision).where(col(Revision.name) == DIRECTORY).values(number=col(Revision.number) + 1)
    )
    if not changed.rowcount:  # type: ignore[attr-defined]  # CursorResult, typed as Result
        session.add(Revision(name=DIRECTORY, number=1))


def put_agency(session: Session, row: Agency) -> None:
    """Create or replace an agency."""
    session.merge(row)
    touch(session)


def put_team(session: Session, row: Team) -> None:
    """Create or replace a team."""
    session.merge(row)
    touch(session)


def put_area(session: Session, row: Area, postcodes: list[str], coverage: dict[Function, str]) -> None:
    """Create or replace an area with its postcode districts and coverage."""
    session.merge(row)
    session.flush()
    session.execute(delete(AreaPostcode).where(col(AreaPostcode.area_id) == row.id))
    session.execute(delete(Coverage).where(col(Coverage.area_id) == row.id))
    session.add_all(AreaPostcode(outward=outward, area_id=row.id) for outward in postcodes)
    session.add_all(Coverage(area_id=row.id, function=function, team_id=team) for function, team in coverage.items())
    touch(session)


def put_channel(session: Session, codec: Codec, row: Channel, secret: str | None) -> None:
    """Set a team's channel; an absent secret keeps the one that is stored."""
    stored = session.get(Channel, row.team_id)
    if secret is not None:
        row.secret = codec.seal(secret.encode(), f"channel:{row.team_id}")
    elif stored is not None:
        row.secret = stored.secret
    session.merge(row)
    touch(session)


def close_team(session: Session, team_id: str, now: datetime) -> None:
    """Mark a team as closed: it is not routed to any more, its history stays."""
    session.execute(update(Team).where(col(Team.id) == team_id).values(closed_at=now))
    touch(session)
