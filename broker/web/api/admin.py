"""Onboarding over HTTP, idempotent: agencies, teams, areas, channels, clients. Scope `baton/admin`."""

from base64 import b64decode
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlmodel import Session

from adapters.channels import addresses
from broker.domain.caller import Caller
from broker.domain.states import ChannelKind
from broker.domain.world import Team
from broker.errors import Invalid, NotFound, Unsupported
from broker.storage import audit, clients, deliveries, directory
from broker.web import keys, registering
from broker.web.deps import Running, require
from broker.web.documented import refusals
from broker.web.guard import JSON, media_type
from broker.workflow import closing
from schemas.codes import Function
from schemas.problem import Problem


def _json(request: Request) -> None:
    """Bodies are JSON; anything else would be told that it lacks every field."""
    if media_type(request.headers.get("content-type", "")) not in JSON:
        raise Unsupported("Send application/json.")


router = APIRouter(prefix="/admin", tags=["Administration"], dependencies=[Depends(_json)], responses=refusals(422))
Admin = Annotated[Caller, Depends(require("baton/admin"))]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line of text: control characters have no place in a name, and PostgreSQL refuses one of them."""
OdsCode = Annotated[str, Field(pattern=r"^[A-Z0-9]{3,10}$")]
SECRET_BYTES = (24, 64)
"""Length of a webhook's secret (Standard Webhooks, "signature scheme")."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AgencyBody(_Body):
    """An organisation."""

    name: Line
    ods_code: OdsCode | None = None


class AreaBody(_Body):
    """A local authority area."""

    name: Line
    postcodes: list[Annotated[str, Field(pattern=r"^[A-Z]{1,2}[0-9][A-Z0-9]?$")]] = Field(default=[], max_length=500)
    coverage: dict[Function, Name] = {}


class TeamBody(_Body):
    """A team of an agency."""

    agency: Name
    function: Function
    name: Line
    ods_code: OdsCode | None = None
    area: Name | None = None
    telephone: Annotated[Line, Field(max_length=40)] | None = None
    honours_marks: bool = True
    closed: bool = False


class ChannelBody(_Body):
    """How the team is told; the mailbox stays open whatever is chosen."""

    kind: ChannelKind
    url: Annotated[str, Field(max_length=500, pattern=r"^https?://[!-~]+$")] | None = None
    secret: Annotated[str, Field(pattern=r"^whsec_[A-Za-z0-9+/=]{24,100}$")] | None = None

    @field_validator("secret")
    @classmethod
    def _is_base64(cls, secret: str | None) -> str | None:
        least, most = SECRET_BYTES
        if secret is not None and not least <= len(b64decode(secret.removeprefix("whsec_"), validate=True)) <= most:
            raise ValueError("has another length")
        return secret

    @field_validator("url")
    @classmethod
    def _can_be_called(cls, url: str | None) -> str | None:
        if url is not None and addresses.problem(url):
            raise ValueError("cannot be called")
        return url

    @model_validator(mode="after")
    def _webhook_has_an_address(self) -> "ChannelBody":
        if (self.kind is ChannelKind.WEBHOOK) != (self.url is not None):
            raise ValueError("a webhook needs an address, and only a webhook has one")
        return self


class ClientBody(_Body):
    """A system that calls: its team, its public keys, its scopes."""

    team: Name | None = None
    jwks: dict[str, Any]
    scopes: list[str] = Field(max_length=50)
    revoked: bool = False


@router.put("/agencies/{agency_id}", summary="Create or replace an agency")
def put_agency(agency_id: Name, body: AgencyBody, running: Running, caller: Admin) -> dict[str, str]:
    """Idempotent."""

    def work(session: Session) -> None:
        directory.put_agency(session, agency_id, body.name, body.ods_code)
        _note(session, running, caller, "agency", agency_id)

    running.store.write(work)
    return {"id": agency_id}


@router.put("/areas/{area_id}", summary="Create or replace an area with its coverage")
def put_area(area_id: Name, body: AreaBody, running: Running, caller: Admin) -> dict[str, str]:
    """Idempotent. Every team that covers must be in the directory; a postcode district lies in one area."""

    def work(session: Session) -> None:
        taken = directory.districts_elsewhere(session, area_id, body.postcodes)
        if taken or len(set(body.postcodes)) < len(body.postcodes):
            raise Invalid(problems=_districts(body.postcodes, taken))
        for function, team_id in body.coverage.items():
            if not directory.has_team(session, team_id, function):
                raise Invalid(
                    problems=[Problem(f"coverage.{function.value}", "names no team of that function", "not-found")]
                )
        directory.put_area(session, area_id, body.name, body.postcodes, body.coverage)
        _note(session, running, caller, "area", area_id)

    running.store.write(work)
    return {"id": area_id}


def _districts(postcodes: list[str], taken: frozenset[str]) -> list[Problem]:
    """What is wrong with the districts: some lie in another area, or one is named twice."""
    found = [
        Problem(f"postcodes[{index}]", "lies in another area of the directory", "conflict")
        for index, outward in enumerate(postcodes)
        if outward in taken
    ]
    return found or [Problem("postcodes", "names a district twice", "duplicate")]


@router.put("/teams/{team_id}", summary="Create or replace a team")
def put_team(team_id: Name, body: TeamBody, running: Running, caller: Admin) -> dict[str, str]:
    """Idempotent. A closed team is not routed to; its history stays, and its system may go on to read and to answer.

    Access is ended by revoking the team's clients: what a closing team holds must be finished by somebody.
    """

    def work(session: Session) -> None:
        if not directory.has_agency(session, body.agency):
            raise Invalid(problems=[Problem("agency", "is not in the directory", "not-found")])
        if body.area is not None and not directory.has_area(session, body.area):
            raise Invalid(problems=[Problem("area", "is not in the directory", "not-found")])
        if not directory.covers(session, team_id) <= {body.function}:
            raise Invalid(problems=[Problem("function", "is not the one by which the team covers an area", "conflict")])
        directory.put_team(session, _team(team_id, body), running.now())
        if body.closed:
            closing.closed(session, running.context(session), team_id, running.now())
        _note(session, running, caller, "team", team_id)

    running.store.write(work)
    return {"id": team_id}


def _team(team_id: str, body: TeamBody) -> Team:
    return Team(
        id=team_id,
        agency_id=body.agency,
        function=body.function,
        name=body.name,
        ods_code=body.ods_code,
        area_id=body.area,
        telephone=body.telephone,
        honours_marks=body.honours_marks,
        closed=body.closed,
    )


@router.put("/teams/{team_id}/channel", summary="Set how a team is told")
def put_channel(team_id: Name, body: ChannelBody, running: Running, caller: Admin) -> dict[str, str]:
    """Idempotent. A webhook's secret (Standard Webhooks, `whsec_…`) is kept and never shown again."""
    offered = {ChannelKind.MAILBOX, ChannelKind.WEBHOOK}

    def work(session: Session) -> None:
        if not directory.has_team(session, team_id):
            raise NotFound
        if body.kind not in offered:
            raise Invalid(problems=[Problem("kind", "is not offered by this version", "not-supported")])
        if body.kind is ChannelKind.WEBHOOK and body.secret is None and not directory.has_secret(session, team_id):
            raise Invalid(problems=[Problem("secret", "is required for a webhook", "required")])
        codec, now = running.store.codec, running.now()
        directory.put_channel(session, codec, team_id, body.kind, url=body.url, secret=body.secret, now=now)
        deliveries.align(session, now=now, team_id=team_id)
        _note(session, running, caller, "channel", team_id)

    running.store.write(work)
    return {"id": team_id, "kind": body.kind.value}


@router.put("/clients/{name}", summary="Register a system's keys and scopes")
def put_client(name: Name, body: ClientBody, running: Running, caller: Admin) -> dict[str, str]:
    """Idempotent. Every change of a client ends the tokens it holds; putting what is there already changes nothing."""
    problems = registering.client_faults(body.jwks, body.scopes, body.team)
    if problems:
        raise Invalid(problems=problems)

    def work(session: Session) -> None:
        if body.team is not None and not directory.has_team(session, body.team):
            raise Invalid(problems=[Problem("team", "is not in the directory", "not-found")])
        registered = clients.Registered(
            name=name,
            team=body.team,
            jwks=keys.public_part(body.jwks),
            scopes=frozenset(body.scopes),
            revoked=body.revoked,
        )
        if clients.get(session, name) != registered:
            clients.put(session, registered, running.now())
        _note(session, running, caller, "client", name)

    running.store.write(work)
    return {"name": name}


def _note(session: Session, running: Running, caller: Caller, entity: str, entity_id: str) -> None:
    audit.record(session, action="administer", caller=caller, entity=entity, entity_id=entity_id, now=running.now())
