"""The directory as a file: agencies, teams, areas with their coverage; read, checked, imported and exported."""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from sqlmodel import Session, select

from broker.domain import hours
from broker.domain.terms import Nation
from broker.errors import Misconfigured
from broker.storage import directory
from broker.storage.tables import Agency, Area, AreaPostcode, Coverage, Team
from schemas.codes import Function

_ID = r"^[a-z0-9][a-z0-9-]{0,63}$"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


def opening(text: str) -> str:
    """Opening hours as written; ValueError when they cannot be read."""
    hours.read(text)
    return text


Opening = Annotated[str, AfterValidator(opening)]
"""`Mo-Fr 09:00-17:00; Sa 09:00-12:00`, by the clocks of London, bank holidays excepted."""


class AgencyEntry(_Entry):
    """An agency."""

    id: str = Field(pattern=_ID)
    name: str
    ods_code: str | None = None


class TeamEntry(_Entry):
    """A team of an agency."""

    id: str = Field(pattern=_ID)
    agency: str
    function: Function
    name: str
    ods_code: str | None = None
    area: str | None = None
    telephone: str | None = None
    hours: Opening | None = None
    executive: bool = False
    honours_marks: bool = True


class AreaEntry(_Entry):
    """An area: its postcode districts and who provides which function there."""

    id: str = Field(pattern=_ID)
    name: str
    nation: Nation = Nation.ENGLAND
    postcodes: list[str] = []
    coverage: dict[Function, str] = {}


class DirectoryFile(_Entry):
    """The whole file."""

    agencies: list[AgencyEntry]
    areas: list[AreaEntry] = []
    teams: list[TeamEntry]

    def faults(self) -> list[str]:
        """What does not fit together, one sentence each, naming the place."""
        agencies, areas = {a.id for a in self.agencies}, {a.id for a in self.areas}
        teams = {team.id: team for team in self.teams}
        found = [f"teams.{t.id}.agency: no agency {t.agency!r}" for t in self.teams if t.agency not in agencies]
        found += [f"teams.{t.id}.area: no area {t.area!r}" for t in self.teams if t.area and t.area not in areas]
        for area in self.areas:
            for function, team in area.coverage.items():
                if team not in teams:
                    found.append(f"areas.{area.id}.coverage.{function.value}: no team {team!r}")
                elif teams[team].function is not function:
                    found.append(f"areas.{area.id}.coverage.{function.value}: {team!r} has another function")
        found += _twice("agencies", [a.id for a in self.agencies]) + _twice("teams", [t.id for t in self.teams])
        found += _twice("areas", [a.id for a in self.areas])
        return found + _twice("postcodes", [p for area in self.areas for p in area.postcodes])


def _twice(what: str, ids: list[str]) -> list[str]:
    return [f"{what}: {name!r} stands twice" for name in sorted({i for i in ids if ids.count(i) > 1})]


def read(path: Path) -> DirectoryFile:
    """The file, checked; Misconfigured with one sentence a fault."""
    try:
        parsed = DirectoryFile.model_validate(yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader))
    except OSError as error:
        raise Misconfigured(f"The directory file {path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise Misconfigured(f"The directory file {path} is not YAML.") from error
    except ValidationError as error:
        places = [".".join(str(part) for part in fault["loc"]) + ": " + fault["msg"] for fault in error.errors()]
        raise Misconfigured(f"The directory file {path} has faults: " + "; ".join(places)) from error
    faults = parsed.faults()
    if faults:
        raise Misconfigured(f"The directory file {path} has faults: " + "; ".join(faults))
    return parsed


def store(session: Session, file: DirectoryFile) -> None:
    """Create or replace everything the file names; what it does not name stays."""
    for agency in file.agencies:
        session.merge(Agency(id=agency.id, name=agency.name, ods_code=agency.ods_code))
    for area in file.areas:
        session.merge(Area(id=area.id, name=area.name, nation=area.nation))
    session.flush()
    for team in file.teams:
        stored = session.get(Team, team.id)
        session.merge(_row(team, closed_from=stored))
    session.flush()
    for area in file.areas:
        directory.put_area(session, area.id, area.name, area.postcodes, area.coverage, area.nation)
    directory.touch(session)


def _row(team: TeamEntry, *, closed_from: Team | None) -> Team:
    return Team(
        id=team.id,
        agency_id=team.agency,
        function=team.function,
        name=team.name,
        ods_code=team.ods_code,
        area_id=team.area,
        telephone=team.telephone,
        hours=team.hours,
        executive=team.executive,
        honours_marks=team.honours_marks,
        closed_at=closed_from.closed_at if closed_from else None,
    )


def export(session: Session) -> str:
    """The directory in the database as a file that `read` takes back."""
    agencies = session.exec(select(Agency).order_by(Agency.id)).all()
    teams = session.exec(select(Team).order_by(Team.id)).all()
    areas = session.exec(select(Area).order_by(Area.id)).all()
    postcodes = session.exec(select(AreaPostcode).order_by(AreaPostcode.outward)).all()
    coverage = session.exec(select(Coverage).order_by(Coverage.area_id)).all()
    file = DirectoryFile(
        agencies=[AgencyEntry(id=a.id, name=a.name, ods_code=a.ods_code) for a in agencies],
        areas=[
            AreaEntry(
                id=area.id,
                name=area.name,
                nation=Nation(area.nation),
                postcodes=[p.outward for p in postcodes if p.area_id == area.id],
                coverage={Function(c.function): c.team_id for c in coverage if c.area_id == area.id},
            )
            for area in areas
        ],
        teams=[
            TeamEntry(
                id=t.id,
                agency=t.agency_id,
                function=Function(t.function),
                name=t.name,
                ods_code=t.ods_code,
                area=t.area_id,
                telephone=t.telephone,
                hours=t.hours,
                executive=t.executive,
                honours_marks=t.honours_marks,
            )
            for t in teams
        ],
    )
    return yaml.safe_dump(file.model_dump(mode="json", exclude_none=True), sort_keys=False, allow_unicode=True)
