"""Who may sign in to the pages: `PUT /admin/accounts/{id}`. Scope `baton/admin`. What somebody does in a team stands with the team's people."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlmodel import Session

from broker.errors import Invalid
from broker.storage import accounts, practitioners
from broker.storage.accounts import Account
from broker.web.api.admin import Admin, Body, Line, Name, is_json, note
from broker.web.deps import Running
from broker.web.documented import refusals
from broker.web.pages.issuers import DEMONSTRATION
from schemas.problem import Problem

router = APIRouter(prefix="/admin/accounts", tags=["Administration"])


class SeatBody(Body):
    """One of a team's people, as `PUT /admin/teams/{id}/practitioners/{id}` has them."""

    team: Name
    practitioner: Name


class AccountBody(Body):
    """Somebody who signs in."""

    subject: Annotated[Line, Field(description="The issuer's own name for them (`sub`)")]
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
            issuer=running.settings.oidc_issuer or DEMONSTRATION,
            subject=body.subject,
            name=body.name,
            scopes=frozenset(body.scopes),
            seats=tuple({seat.team: seat.practitioner for seat in body.seats}.items()),
            revoked=body.revoked,
        )
        if accounts.taken(session, ctx.codec, account):
            raise Invalid(problems=[Problem("subject", "is that of another account", "duplicate")])
        accounts.put(session, ctx.codec, account, running.now())
        note(session, running, caller, "account", account_id)

    running.store.write(work)
    return {"id": account_id}
