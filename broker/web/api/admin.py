"""Onboarding over HTTP, idempotent: agencies, teams, areas, channels, clients. Scope `baton/admin`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, model_validator
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.states import ChannelKind
from broker.domain.world import Team
from broker.errors import Invalid, NotFound
from broker.storage import audit, clients, deliveries, directory
from broker.web.deps import Running, require
from broker.web.tokens import SCOPES
from schemas.codes import Function
from schemas.problem import Problem

router = APIRouter(prefix="/admin", tags=["Administration"])
Admin = Annotated[Caller, Depends(require("baton/admin"))]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AgencyBody(_Body):
    """An organisation."""

    name: str = Field(min_length=1, max_length=200)
    ods_code: str | None = Field(default=None, pattern=r"^[A-Z0-9]{3,10}$")


class AreaBody(_Body):
    """A local authority area."""

    name: str = Field(min_length=1, max_length=200)
    postcodes: list[Annotated[str, Field(pattern=r"^[A-Z]{1,2}[0-9][A-Z0-9]?$")]] = []
    coverage: dict[Function, Name] = {}


class TeamBody(_Body):
    """A team of an agency."""

    agency: Name
    function: Function
    name: str = Field(min_length=1, max_length=200)
    ods_code: str | None = Field(default=None, pattern=r"^[A-Z0-9]{3,10}$")
    area: Name | None = None
    telephone: str | None = Field(default=None, max_length=40)
    honours_marks: bool = True
    closed: bool = False


class ChannelBody(_Body):
    """How the team is told; the mailbox stays open whatever is chosen."""

    kind: ChannelKind
    url: HttpUrl | None = None
    secret: str | None = Field(default=None, pattern=r"^whsec_[A-Za-z0-9+/=]{24,100}$")

    @model_validator(mode="after")
    def _webhook_has_an_address(self) -> "ChannelBody":
        if (self.kind is ChannelKind.WEBHOOK) != (self.url is not None):
            raise ValueError("a webhook needs an address, and only a webhook has one")
        return self


class ClientBody(_Body):
    """A system that calls: its team, its public keys, its scopes."""

    team: Name | None = None
    jwks: dict[str, Any]
    scopes: list[str]
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
    """Idempotent. Every team that covers must be in the directory."""

    def work(session: Session) -> None:
        for function, team_id in body.coverage.items():
            if not directory.has_team(session, team_id, function):
                raise Invalid(
                    problems=[Problem(f"coverage.{function.value}", "names no team of that function", "not-found")]
                )
        directory.put_area(session, area_id, body.name, body.postcodes, body.coverage)
        _note(session, running, caller, "area", area_id)

    running.store.write(work)
    return {"id": area_id}


@router.put("/teams/{team_id}", summary="Create or replace a team")
def put_team(team_id: Name, body: TeamBody, running: Running, caller: Admin) -> dict[str, str]:
    """Idempotent. A closed team is not routed to; its history stays."""

    def work(session: Session) -> None:
        if not directory.has_agency(session, body.agency):
            raise Invalid(problems=[Problem("agency", "is not in the directory", "not-found")])
        if body.area is not None and not directory.has_area(session, body.area):
            raise Invalid(problems=[Problem("area", "is not in the directory", "not-found")])
        directory.put_team(session, _team(team_id, body), running.now())
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
        url = str(body.url) if body.url else None
        codec, now = running.store.codec, running.now()
        directory.put_channel(session, codec, team_id, body.kind, url=url, secret=body.secret, now=now)
        deliveries.align(session, now=now, team_id=team_id)
        _note(session, running, caller, "channel", team_id)

    running.store.write(work)
    return {"id": team_id, "kind": body.kind.value}


@router.put("/clients/{name}", summary="Register a system's keys and scopes")
def put_client(name: Name, body: ClientBody, running: Running, caller: Admin) -> dict[str, str]:
    """Idempotent. Replacing a client ends the tokens it holds."""
    problems = client_faults(body.jwks, body.scopes, body.team)
    if problems:
        raise Invalid(problems=problems)

    def work(session: Session) -> None:
        if body.team is not None and not directory.has_team(session, body.team):
            raise Invalid(problems=[Problem("team", "is not in the directory", "not-found")])
        scopes = frozenset(body.scopes)
        registered = clients.Registered(name=name, team=body.team, jwks=body.jwks, scopes=scopes, revoked=body.revoked)
        clients.put(session, registered, running.now())
        _note(session, running, caller, "client", name)

    running.store.write(work)
    return {"name": name}


ADMINISTRATIVE = frozenset({"baton/admin", "baton/audit", "system/AuditEvent.rs"})


def client_faults(jwks: dict[str, Any], scopes: list[str], team: str | None) -> list[Problem]:
    """What keeps a client from being registered; empty when nothing does."""
    found = [] if set(scopes) <= SCOPES else [Problem("scopes", "has one that does not exist", "value")]
    if not scopes:
        found.append(Problem("scopes", "must name at least one", "required"))
    if team is None and not set(scopes) <= ADMINISTRATIVE:
        found.append(Problem("team", "is required for scopes other than administration and audit", "required"))
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not keys or not all(_public(key) for key in keys):
        found.append(Problem("jwks.keys", "must be public RSA keys of 2048 bits or more, or EC keys on P-384", "value"))
    return found


def _public(key: object) -> bool:
    """A public signing key strong enough: RSA from 2048 bits, or P-384; never one with its private part."""
    if not isinstance(key, dict) or "d" in key:
        return False
    if key.get("kty") == "RSA":
        return isinstance(key.get("n"), str) and len(key["n"]) >= 342  # 2048 bits in base64url
    return key.get("kty") == "EC" and key.get("crv") == "P-384"


def _note(session: Session, running: Running, caller: Caller, entity: str, entity_id: str) -> None:
    audit.record(session, action="administer", caller=caller, entity=entity, entity_id=entity_id, now=running.now())
