"""The directory for administrators: agencies with their teams, areas with who covers what, and one team with its people and channel."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import Request, Response
from sqlmodel import Session

from broker.domain.rota import Practitioner
from broker.domain.world import Directory, Team
from broker.errors import NotFound
from broker.storage import channel_list, directory, practitioners
from broker.storage.channel_list import Listed
from broker.storage.directory import AgencyListed, AreaListed
from broker.web.api.parameters import RecordId
from broker.web.deps import Running
from broker.web.pages import words
from broker.web.pages.admin_channels import DONE as TESTED
from broker.web.pages.admin_channels import ChannelLine, line
from broker.web.pages.done import DONE
from broker.web.pages.offices import Administrator, looked
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages
from schemas.codes import Function

router = pages()

MOST_TEAMS: Final = 300
"""That one page lists; where there are more, those of one agency at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamLine:
    """A team in the list."""

    href: str
    name: str
    service: str
    area: str
    closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyView:
    """An agency with its teams; `teams` empty and `count` not where they are listed on a page of their own."""

    id: str
    href: str
    name: str
    ods: str
    count: int
    teams: tuple[TeamLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaView:
    """An area: who covers what, and which services that are covered elsewhere nobody covers here."""

    href: str
    """Of the form that changes it."""
    name: str
    nation: str
    districts: str
    coverage: tuple[tuple[str, str, str], ...]
    """Service, address of the team's page, its name."""
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLine:
    """Somebody of a team."""

    name: str
    role: str
    here: str
    cover: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamView:
    """The page of one team."""

    id: str
    name: str
    closed: bool
    facts: tuple[tuple[str, str], ...]
    covers: tuple[str, ...]
    channel: ChannelLine | None
    people: tuple[PersonLine, ...]


@router.get("/admin/teams")
def teams(request: Request, running: Running, person: Administrator) -> Response:
    """Agencies and their teams."""
    wanted, now = request.query_params.get("agency", ""), running.now()

    def work(session: Session) -> tuple[AgencyView, ...]:
        looked(session, person, "directory", None, now)
        known, ctx = directory.agencies(session), running.context(session)
        areas = {one.id: one.name for one in directory.areas(session)}
        chosen = [one for one in known if one.id == wanted] or known
        return agencies_view(chosen, ctx.directory, areas)

    return page(
        running.settings,
        "admin_teams.html",
        title="Agencies and teams",
        person=person,
        here="admin/teams",
        agencies=running.store.write(work),
        one=bool(wanted),
        done=DONE.get(request.query_params.get("done", ""), ""),
    )


@router.get("/admin/areas")
def areas(request: Request, running: Running, person: Administrator) -> Response:
    """Areas and who covers what in them."""
    now = running.now()

    def work(session: Session) -> tuple[AreaView, ...]:
        looked(session, person, "directory", None, now)
        return areas_view(directory.areas(session), running.context(session).directory)

    return page(
        running.settings,
        "admin_areas.html",
        title="Areas",
        person=person,
        here="admin/areas",
        areas=running.store.write(work),
        done=DONE.get(request.query_params.get("done", ""), ""),
    )


@router.get("/admin/teams/{team_id}")
def team(team_id: RecordId, request: Request, running: Running, person: Administrator) -> Response:
    """One team: what the directory says of it, how it is told, who is of it."""
    now = running.now()

    def work(session: Session) -> TeamView:
        ctx = running.context(session)
        found = ctx.directory.teams.get(team_id)
        if found is None:
            raise NotFound
        looked(session, person, "team", team_id, now)
        names = {one.id: one.name for one in directory.agencies(session)}
        called = {one.id: one.name for one in directory.areas(session)}
        told, _ = channel_list.page(session, limit=1, team_id=team_id)
        people = practitioners.of_team(session, ctx.codec, team_id)
        return team_view(found, ctx.directory, names[found.agency_id], called, told, people, now)

    return page(
        running.settings,
        "admin_team.html",
        title="Team",
        person=person,
        here="admin/teams",
        view=running.store.write(work),
        done={**DONE, **TESTED}.get(request.query_params.get("done", ""), ""),
    )


def agencies_view(known: Sequence[AgencyListed], names: Directory, areas: dict[str, str]) -> tuple[AgencyView, ...]:
    """Agencies by name; their teams too unless there are too many for one page."""
    of: dict[str, list[Team]] = {}
    for one in sorted(names.teams.values(), key=lambda team: team.name):
        of.setdefault(one.agency_id, []).append(one)
    whole = sum(len(of.get(one.id, ())) for one in known) <= MOST_TEAMS
    return tuple(
        AgencyView(
            id=one.id,
            href=f"/app/admin/teams?agency={one.id}",
            name=one.name,
            ods=one.ods_code or "",
            count=len(of.get(one.id, ())),
            teams=tuple(_team_line(team, areas) for team in of.get(one.id, ())) if whole else (),
        )
        for one in known
    )


def areas_view(known: Sequence[AreaListed], names: Directory) -> tuple[AreaView, ...]:
    """Areas by name."""
    services = sorted({function for _, function in names.coverage})
    return tuple(_area(one, services, names) for one in known)


def team_view(
    team: Team,
    names: Directory,
    agency: str,
    areas: dict[str, str],
    told: Sequence[Listed],
    people: Sequence[Practitioner],
    now: datetime,
) -> TeamView:
    """The page of one team."""
    called = {one.id: one.name for one in people}
    covers = sorted(
        f"{words.title(function)} in {areas.get(area, area)}"
        for (area, function), id_ in names.coverage.items()
        if id_ == team.id
    )
    return TeamView(
        id=team.id,
        name=team.name,
        closed=team.closed,
        facts=tuple(_facts(team, agency, areas)),
        covers=tuple(covers),
        channel=line(told[0], team.name, now) if told else None,
        people=tuple(
            PersonLine(
                name=one.name,
                role=words.title(one.role),
                here=_here(one, now),
                cover=called.get(one.cover_id or "", ""),
            )
            for one in people
        ),
    )


def _team_line(team: Team, areas: dict[str, str]) -> TeamLine:
    return TeamLine(
        href=f"/app/admin/teams/{team.id}",
        name=team.name,
        service=words.title(team.function),
        area=areas.get(team.area_id or "", ""),
        closed=team.closed,
    )


def _area(area: AreaListed, services: Sequence[Function], names: Directory) -> AreaView:
    held = [(service, names.provider(area.id, service)) for service in services]
    return AreaView(
        href=f"/app/admin/directory/area/{area.id}",
        name=area.name,
        nation=words.title(area.nation),
        districts=", ".join(area.districts),
        coverage=tuple(
            (words.title(service), f"/app/admin/teams/{team.id}", team.name) for service, team in held if team
        ),
        missing=tuple(words.plain(service) for service, team in held if team is None),
    )


def _facts(team: Team, agency: str, areas: dict[str, str]) -> list[tuple[str, str]]:
    return [
        ("RecordId", team.id),
        ("Agency", agency),
        ("Service", words.title(team.function)),
        ("ODS code", team.ods_code or "None"),
        ("Area", areas.get(team.area_id or "", "None")),
        ("Telephone", team.telephone or "None: nobody can be rung about anything urgent"),
        ("Opening hours", str(team.hours) if team.hours else "Never closed, as far as anybody has said"),
        (
            "Marks “not to be shown to patient or family”",
            "Kept" if team.honours_marks else "Cannot be kept: pointers only",
        ),
    ]


def _here(somebody: Practitioner, now: datetime) -> str:
    gone = somebody.gone(now)
    return "Here" if gone is None else words.title(gone.value)
