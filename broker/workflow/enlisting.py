"""An agency, a team or an area is written in the directory: what keeps it from being written, and what follows."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from broker.domain.terms import Nation
from broker.domain.world import Team
from broker.errors import Invalid
from broker.storage import directory
from broker.workflow import closing
from broker.workflow.context import Context
from schemas.codes import Function
from schemas.problem import Problem


def team(session: Session, ctx: Context, wanted: Team, now: datetime) -> None:
    """Create or replace a team; of one that has closed whoever waits for it is told."""
    problems = list(_team_problems(session, wanted))
    if problems:
        raise Invalid(problems=problems)
    closing.put(session, ctx, wanted, now)


def _team_problems(session: Session, wanted: Team) -> Sequence[Problem]:
    if not directory.has_agency(session, wanted.agency_id):
        return [Problem("agency", "is not in the directory", "not-found")]
    if wanted.area_id is not None and not directory.has_area(session, wanted.area_id):
        return [Problem("area", "is not in the directory", "not-found")]
    if not directory.covers(session, wanted.id) <= {wanted.function}:
        return [Problem("function", "is not the one by which the team covers an area", "conflict")]
    return []


def area(
    session: Session,
    area_id: str,
    name: str,
    postcodes: Sequence[str],
    coverage: Mapping[Function, str],
    nation: Nation,
) -> None:
    """Create or replace an area. Every team that covers must be in the directory; a postcode district lies in one area."""
    taken = directory.districts_elsewhere(session, area_id, postcodes)
    if taken or len(set(postcodes)) < len(postcodes):
        raise Invalid(problems=_districts(postcodes, taken))
    for function, team_id in coverage.items():
        if not directory.has_team(session, team_id, function):
            raise Invalid(
                problems=[Problem(f"coverage.{function.value}", "names no team of that function", "not-found")]
            )
    directory.put_area(session, area_id, name, postcodes, coverage, nation)


def _districts(postcodes: Sequence[str], taken: frozenset[str]) -> list[Problem]:
    """What is wrong with the districts: some lie in another area, or one is named twice."""
    found = [
        Problem(f"postcodes[{index}]", "lies in another area of the directory", "conflict")
        for index, outward in enumerate(postcodes)
        if outward in taken
    ]
    return found or [Problem("postcodes", "names a district twice", "duplicate")]
