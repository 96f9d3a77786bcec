"""The directory in the database: read as one snapshot, changed row by row; its file form lives in `broker.directory_file`."""

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, delete, select, update

from broker.domain import world
from broker.domain.states import ChannelKind
from broker.storage.codec import Codec
from broker.storage.person_tables import REVISION
from broker.storage.tables import Agency, Area, AreaPostcode, Channel, Coverage, Revision, Team
from schemas.codes import Function

DIRECTORY = "directory"


def revision(session: Session) -> int:
    """The directory's revision; it rises with every change."""
    return session.execute(_REVISION).scalar() or 0


_REVISION = sa.select(REVISION.c.number).where(REVISION.c.name == DIRECTORY)


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
            closed_at=closed_at,
        )
    )
    touch(session)


def put_area(
    session: Session, area_id: str, name: str, postcodes: Collection[str], coverage: Mapping[Function, str]
) -> None:
    """Create or replace an area with its postcode districts and coverage."""
    session.merge(Area(id=area_id, name=name))
    session.flush()
    session.execute(delete(AreaPostcode).where(col(AreaPostcode.area_id) == area_id))
    session.execute(delete(Coverage).where(col(Coverage.area_id) == area_id))
    session.add_all(AreaPostcode(outward=outward, area_id=area_id) for outward in postcodes)
    session.add_all(Coverage(area_id=area_id, function=function, team_id=team) for function, team in coverage.items())
    touch(session)


def has_secret(session: Session, team_id: str) -> bool:
    """Whether the team's channel has a secret to sign with."""
    stored = session.get(Channel, team_id)
    return stored is not None and stored.secret is not None


def put_channel(
    session: Session,
    codec: Codec,
    team_id: str,
    kind: ChannelKind,
    *,
    url: str | None,
    secret: str | None,
    now: datetime,
) -> None:
    """Set a team's channel; an absent secret keeps the one that is stored."""
    stored = session.get(Channel, team_id)
    sealed = codec.seal(secret.encode(), f"channel:{team_id}") if secret else (stored.secret if stored else None)
    session.merge(Channel(team_id=team_id, kind=kind, url=url, secret=sealed, changed_at=now))
    touch(session)
