"""Onboarding over HTTP, idempotent: agencies, teams, areas, clients; channels are beside this file. Scope `baton/admin`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from broker.domain import hours
from broker.domain.caller import Caller
from broker.domain.terms import Nation
from broker.domain.world import Team
from broker.errors import Invalid, Unsupported
from broker.runtime import Runtime
from broker.storage import audit, clients, directory
from broker.storage.directory_file import Opening
from broker.web import keys, registering
from broker.web.covered import tell_providers
from broker.web.deps import Running, require
from broker.web.documented import refusals
from broker.web.guard import JSON, media_type
from broker.workflow import access, enlisting
from schemas.codes import Function
from schemas.problem import Problem


def is_json(request: Request) -> None:
    """Bodies are JSON; anything else would be told that it lacks every field."""
    if media_type(request.headers.get("content-type", "")) not in JSON:
        raise Unsupported("Send application/json.")


router = APIRouter(prefix="/admin", tags=["Administration"], dependencies=[Depends(is_json)], responses=refusals(422))
Admin = Annotated[Caller, Depends(require("baton/admin"))]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line of text: control characters have no place in a name, and PostgreSQL refuses one of them."""
OdsCode = Annotated[str, Field(pattern=r"^[A-Z0-9]{3,10}$")]


class Body(BaseModel):
    """A body without fields that nobody knows."""

    model_config = ConfigDict(extra="forbid")


class AgencyBody(Body):
    """An organisation."""

    name: Line
    ods_code: OdsCode | None = None


class AreaBody(Body):
    """A local authority area."""

    name: Line
    postcodes: list[Annotated[str, Field(pattern=r"^[A-Z]{1,2}[0-9][A-Z0-9]?$")]] = Field(default=[], max_length=500)
    coverage: dict[Function, Name] = {}
    nation: Nation = Nation.ENGLAND


class TeamBody(Body):
    """A team of an agency."""

    agency: Name
    function: Function
    name: Line
    ods_code: OdsCode | None = None
    area: Name | None = None
    telephone: Annotated[Line, Field(max_length=40)] | None = None
    hours: Annotated[Opening, Field(max_length=400)] | None = None
    executive: bool = False
    honours_marks: bool = True
    closed: bool = False


class ClientBody(Body):
    """A system that calls: its team, its public keys, its scopes."""

    team: Name | None = None
    jwks: dict[str, Any] | None = Field(default=None, description="Public keys it signs with (RFC 7517)")
    issuer: Annotated[Line, Field(description="Instead of keys: a trusted issuer of its agency")] | None = None
    subject: Annotated[Line, Field(description="What that issuer calls it (`sub`)")] | None = None
    certificate_bound: bool = Field(
        default=False, description="Its tokens are good by a connection with its certificate alone (RFC 8705)"
    )
    scopes: list[str] = Field(max_length=50)
    revoked: bool = False


@router.put("/agencies/{agency_id}", summary="Create or replace an agency")
def put_agency(agency_id: Name, body: AgencyBody, running: Running, caller: Admin) -> dict[str, str]:
    """Idempotent."""

    def work(session: Session) -> None:
        directory.put_agency(session, agency_id, body.name, body.ods_code)
        note(session, running, caller, "agency", agency_id)

    running.store.write(work)
    return {"id": agency_id}


@router.put("/areas/{area_id}", summary="Create or replace an area with its coverage")
def put_area(area_id: Name, body: AreaBody, running: Running, caller: Admin) -> dict[str, str]:
    """Idempotent. Every team that covers must be in the directory; a postcode district lies in one area.

    A team that is named for the first time is told of what still stands about families for whom its service was looked for in vain.
    """

    def work(session: Session) -> None:
        enlisting.area(session, area_id, body.name, body.postcodes, body.coverage, body.nation)
        note(session, running, caller, "area", area_id)

    running.store.write(work)
    tell_providers(running, area_id, body.coverage)
    return {"id": area_id}


@router.put("/teams/{team_id}", summary="Create or replace a team")
def put_team(team_id: Name, body: TeamBody, running: Running, caller: Admin) -> dict[str, str]:
    """Idempotent. A closed team is not routed to; its history stays, and its system may go on to read and to answer.

    Access is ended by revoking the team's clients: what a closing team holds must be finished by somebody.
    """

    def work(session: Session) -> None:
        enlisting.team(session, running.context(session), team_of(team_id, body), running.now())
        note(session, running, caller, "team", team_id)

    running.store.write(work)
    return {"id": team_id}


def team_of(team_id: str, body: TeamBody) -> Team:
    """The team that a body describes."""
    return Team(
        id=team_id,
        agency_id=body.agency,
        function=body.function,
        name=body.name,
        ods_code=body.ods_code,
        area_id=body.area,
        telephone=body.telephone,
        hours=hours.read(body.hours) if body.hours else None,
        executive=body.executive,
        honours_marks=body.honours_marks,
        closed=body.closed,
    )


@router.put("/clients/{name}", summary="Register a system's keys and scopes")
def put_client(name: Name, body: ClientBody, running: Running, caller: Admin) -> dict[str, str]:
    """Idempotent. Every change of a client ends the tokens it holds; putting what is there already changes nothing."""
    jwks = body.jwks or {"keys": []}
    problems = registering.client_faults(jwks, body.scopes, body.team, body.issuer)
    problems += _issuer_faults(body, running)
    if problems:
        raise Invalid(problems=problems)

    def work(session: Session) -> None:
        if body.team is not None and not directory.has_team(session, body.team):
            raise Invalid(problems=[Problem("team", "is not in the directory", "not-found")])
        registered = clients.Registered(
            name=name,
            team=body.team,
            jwks=keys.public_part(jwks),
            scopes=frozenset(body.scopes),
            revoked=body.revoked,
            issuer=body.issuer,
            subject=body.subject,
            certificate_bound=body.certificate_bound,
        )
        if body.issuer is not None and _agency(session, running, body.team) != _trusted(running, body.issuer):
            raise Invalid(problems=[Problem("issuer", "is not that of the team's agency", "conflict")])
        if clients.named_outside(session, registered):
            raise Invalid(problems=[Problem("subject", "is that of another client", "duplicate")])
        before = clients.get(session, name)
        if before != registered:
            access.to_system(session, running.context(session), caller, before, registered, running.now())
            clients.put(session, registered, running.now())
        note(session, running, caller, "client", name)

    running.store.write(work)
    return {"name": name}


def _issuer_faults(body: ClientBody, running: Runtime) -> list[Problem]:
    if body.issuer is None and body.jwks is None:
        return [Problem("jwks", "is required without an issuer that speaks for it", "required")]
    if body.certificate_bound and running.settings.client_certificate_header is None:
        return [Problem("certificate_bound", "needs BATON_CLIENT_CERTIFICATE_HEADER", "conflict")]
    if (body.issuer is None) != (body.subject is None):
        return [Problem("subject", "goes with issuer", "required")]
    if body.issuer is not None and _trusted(running, body.issuer) is None:
        return [Problem("issuer", "is not among BATON_TRUSTED_ISSUERS", "not-found")]
    return []


def _trusted(running: Runtime, issuer: str) -> str | None:
    """The agency that an issuer speaks for."""
    known = running.settings.trusted_issuers.get(issuer)
    return known.agency if known else None


def _agency(session: Session, running: Runtime, team_id: str | None) -> str | None:
    team = running.context(session).directory.teams.get(team_id or "")
    return team.agency_id if team else None


def note(session: Session, running: Running, caller: Caller, entity: str, entity_id: str) -> None:
    """Keep who changed what."""
    audit.record(session, action="administer", caller=caller, entity=entity, entity_id=entity_id, now=running.now())
