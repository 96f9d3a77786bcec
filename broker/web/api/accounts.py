"""Who may sign in to the pages: `PUT /admin/accounts/{id}`. Scope `baton/admin`. What somebody does in a team stands with the team's people."""

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlmodel import Session

from broker.domain.world import Team
from broker.errors import Invalid
from broker.settings import Settings
from broker.storage import accounts, practitioners
from broker.storage.accounts import Account
from broker.storage.codec import Codec
from broker.web.api.admin import Admin, Body, Line, Name, is_json, note
from broker.web.deps import Running
from broker.web.documented import refusals
from broker.web.pages import pinning
from broker.workflow import access
from schemas.problem import Problem

router = APIRouter(prefix="/admin/accounts", tags=["Administration"])


class SeatBody(Body):
    """One of a team's people, as `PUT /admin/teams/{id}/practitioners/{id}` has them."""

    team: Name
    practitioner: Name


class AccountBody(Body):
    """Somebody who signs in."""

    subject: Annotated[Line, Field(description="The issuer's own name for them (`sub`)")]
    issuer: Annotated[Line, Field(description="Who says that it is them; without it BATON_OIDC_ISSUER")] | None = None
    name: Line
    seats: list[SeatBody] = Field(default=[], max_length=20)
    scopes: list[Literal["baton/audit", "baton/admin"]] = Field(
        default=[], max_length=2, description="Of auditors and administrators"
    )
    revoked: bool = False


@router.put(
    "/{account_id}",
    summary="Say who may sign in to the pages, and as whom",
    dependencies=[Depends(is_json)],
    responses=refusals(422),
)
def put_account(account_id: Name, body: AccountBody, running: Running, caller: Admin) -> dict[str, str]:
    """Idempotent. Whoever is signed in by it must sign in again; `revoked` ends it at once."""

    def work(session: Session) -> None:
        ctx = running.context(session)
        for index, seat in enumerate(body.seats):
            if seat.practitioner not in {one.id for one in practitioners.of_team(session, ctx.codec, seat.team)}:
                raise Invalid(problems=[Problem(f"seats[{index}]", "is nobody of that team", "not-found")])
        account = Account(
            id=account_id,
            issuer=body.issuer or pinning.main_issuer(running.settings),
            subject=body.subject,
            name=body.name,
            scopes=frozenset(body.scopes),
            seats=tuple({seat.team: seat.practitioner for seat in body.seats}.items()),
            revoked=body.revoked,
        )
        problems = _pinned(account, running.settings, ctx.directory.teams)
        if problems:
            raise Invalid(problems=problems)
        if accounts.taken(session, ctx.codec, account):
            raise Invalid(problems=[Problem("subject", "is that of another account", "duplicate")])
        for team in _gained(session, ctx.codec, account):
            access.to_person(session, ctx, caller, account.id, team, running.now())
        accounts.put(session, ctx.codec, account, running.now())
        note(session, running, caller, "account", account_id)

    running.store.write(work)
    return {"id": account_id}


def _gained(session: Session, codec: Codec, account: Account) -> list[str]:
    """Teams for which somebody may sign in by it who could not before: all of its teams when it is somebody else's from now on."""
    before = accounts.known(session, codec, account.id)
    same = accounts.find(session, codec, account.issuer, account.subject) == account.id
    held = {seat.team_id for seat in before.seats} if before is not None and not before.revoked and same else set()
    return [] if account.revoked else [team for team, _ in account.seats if team not in held]


def _pinned(account: Account, settings: Settings, teams: Mapping[str, Team]) -> list[Problem]:
    """What the issuer may not say of them."""
    if pinning.is_main(account.issuer, settings):
        return []
    agencies = pinning.agencies_of(account.issuer, settings)
    if not agencies:
        return [Problem("issuer", "is neither BATON_OIDC_ISSUER nor among BATON_OIDC_ISSUERS", "not-found")]
    found = [
        Problem(f"seats[{index}]", "is of an agency that this issuer does not speak for", "conflict")
        for index, (team, _) in enumerate(account.seats)
        if teams[team].agency_id not in agencies
    ]
    return found + ([Problem("scopes", "need the main issuer", "conflict")] if account.scopes else [])
