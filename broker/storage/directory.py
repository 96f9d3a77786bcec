"""The directory in the database: read as one snapshot, changed row by row; its file form lives in `broker.directory_file`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col, delete, select, update

from broker.domain import hours, world
from broker.domain.terms import Nation
from broker.storage import bank_holidays, direct
from broker.storage.person_tables import REVISION
from broker.storage.prepared import Asked, Query
from broker.storage.tables import Agency, Area, AreaPostcode, Coverage, Revision, Team, metadata
from schemas.codes import Function

DIRECTORY = "directory"
_TEAM: Final = metadata.tables["team"]


def revision(session: Session) -> int:
    """The directory's revision; it rises with every change."""
    found = direct.rows(session, _REVISION)
    return int(found[0][0]) if found else 0


def asks_revision() -> Asked:
    """What `revision` asks."""
    return _REVISION, {}


_REVISION = Query(sa.select(REVISION.c.number).where(REVISION.c.name == DIRECTORY))


def load(session: Session) -> world.Directory:
    """The whole directory as the domain sees it."""
    nations = {row.id: Nation(row.nation) for row in session.exec(select(Area)).all()}
    return world.Directory(
        teams={row.id: _team(row, nations) for row in session.exec(select(Team)).all()},
        coverage={(row.area_id, row.function): row.team_id for row in session.exec(select(Coverage)).all()},
        areas_by_outward={row.outward: row.area_id for row in session.exec(select(AreaPostcode)).all()},
        version=revision(session),
    )


def _team(row: Team, nations: Mapping[str, Nation]) -> world.Team:
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
        executive=row.executive,
        hours=hours.read(row.hours) if row.hours else None,
        calendar=bank_holidays.calendar(nations.get(row.area_id or "", Nation.ENGLAND)),
    )


def touch(session: Session) -> None:
    """Raise the revision, so that every process reads the directory again."""
    changed = session.execute(
        update(Revision).where(col(Revision.name) == DIRECTORY).values(number=col(Revision.number) + 1)
    )
    if not changed.rowcount:  # type: ignore[attr-defined]  # CursorResult, typed as Result
        session.add(Revision(name=DIRECTORY, number=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyListed:
    """An organisation as it is called."""

    id: str
    name: str
    ods_code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaListed:
    """A local authority area as it is called, and the postcode districts that lie in it."""

    id: str
    name: str
    nation: Nation
    districts: tuple[str, ...]


def agencies(session: Session) -> list[AgencyListed]:
    """Every agency, by name."""
    rows = session.exec(select(Agency).order_by(col(Agency.name), col(Agency.id)))
    return [AgencyListed(id=row.id, name=row.name, ods_code=row.ods_code) for row in rows]


def areas(session: Session) -> list[AreaListed]:
    """Every area, by name."""
    districts: dict[str, list[str]] = {}
    for lying in session.exec(select(AreaPostcode).order_by(col(AreaPostcode.outward))):
        districts.setdefault(lying.area_id, []).append(lying.outward)
    rows = session.exec(select(Area).order_by(col(Area.name), col(Area.id)))
    return [
        AreaListed(id=row.id, name=row.name, nation=Nation(row.nation), districts=tuple(districts.get(row.id, ())))
        for row in rows
    ]


def has_agency(session: Session, agency_id: str) -> bool:
    """Whether the directory has this agency."""
    return session.get(Agency, agency_id) is not None


def has_area(session: Session, area_id: str) -> bool:
    """Whether the directory has this area."""
    return session.get(Area, area_id) is not None


def has_team(session: Session, team_id: str, function: Function | None = None) -> bool:
    """Whether the directory has this team, with this function when one is given."""
    row = session.get(Team, team_id)
    return row is not None and (function is None or row.function == function)


def covers(session: Session, team_id: str) -> frozenset[Function]:
    """The functions by which a team covers areas."""
    rows = session.exec(select(Coverage).where(Coverage.team_id == team_id)).all()
    return frozenset(Function(row.function) for row in rows)


def districts_elsewhere(session: Session, area_id: str, postcodes: Collection[str]) -> frozenset[str]:
    """Those of these postcode districts that lie in another area."""
    if not postcodes:
        return frozenset()
    other = select(AreaPostcode.outward).where(
        col(AreaPostcode.outward).in_(postcodes), AreaPostcode.area_id != area_id
    )
    return frozenset(session.exec(other).all())


def put_agency(session: Session, agency_id: str, name: str, ods_code: str | None) -> None:
    """Create or replace an agency."""
    session.merge(Agency(id=agency_id, name=name, ods_code=ods_code))
    touch(session)


def closed_since(session: Session, team_id: str) -> datetime | None:
    """When the team closed; None while it is open, or not there."""
    stored = session.get(Team, team_id)
    return stored.closed_at if stored else None


def hold_open(session: Session, team_id: str) -> bool:
    """Whether the team is there, which it stays until the commit: whoever closes it waits, and finds what was handed to it."""
    return bool(direct.rows(session, _HELD_OPEN, team=team_id))


_HELD_OPEN = Query(
    sa.select(_TEAM.c.id)
    .where(_TEAM.c.id == sa.bindparam("team"), _TEAM.c.closed_at.is_(None))
    .with_for_update(read=True)
)


def put_team(session: Session, team: world.Team, now: datetime) -> None:
    """Create or replace a team. A closed one is not routed to any more; its history stays."""
    stored = session.get(Team, team.id)
    closed_at = (stored.closed_at if stored and stored.closed_at else now) if team.closed else None
    session.merge(
        Team(
            id=team.id,
            agency_id=team.agency_id,
            function=team.function,
            name=team.name,
            ods_code=team.ods_code,
            area_id=team.area_id,
            telephone=team.telephone,
            honours_marks=team.honours_marks,
            executive=team.executive,
            hours=str(team.hours) if team.hours else None,
            closed_at=closed_at,
        )
    )
    touch(session)


def put_area(
    session: Session,
    area_id: str,
    name: str,
    postcodes: Collection[str],
    coverage: Mapping[Function, str],
    nation: Nation = Nation.ENGLAND,
) -> None:
    """Create or replace an area with its postcode districts and coverage, and whose bank holidays it keeps."""
    session.merge(Area(id=area_id, name=name, nation=nation))
    session.flush()
    session.execute(delete(AreaPostcode).where(col(AreaPostcode.area_id) == area_id))
    session.execute(delete(Coverage).where(col(Coverage.area_id) == area_id))
    session.add_all(AreaPostcode(outward=outward, area_id=area_id) for outward in postcodes)
    session.add_all(Coverage(area_id=area_id, function=function, team_id=team) for function, team in coverage.items())
    touch(session)
