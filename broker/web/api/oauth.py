"""`POST /oauth2/token`: client credentials with a signed JWT (RFC 7523); what a token may do is in `broker.web.tokens`."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import JSONResponse

from broker.storage import audit
from broker.web import tokens
from broker.web.deps import Running

router = APIRouter(tags=["Callers"])


@router.post("/oauth2/token", summary="A bearer token for a signed client assertion")
def token(
    running: Running,
    grant_type: Annotated[str, Form()] = "",
    client_assertion_type: Annotated[str, Form()] = "",
    client_assertion: Annotated[str, Form()] = "",
    scope: Annotated[str | None, Form()] = None,
) -> JSONResponse:
    """Exchange a client assertion (RS512, RS384 or ES384; audience this address; five minutes at most; used once)."""
    now = running.now()
    try:
        if grant_type != "client_credentials":
            raise tokens.Refused("unsupported_grant_type", "grant_type must be client_credentials")  # noqa: TRY301 - one answer below
        if client_assertion_type != tokens.JWT_BEARER:
            raise tokens.Refused("invalid_request", f"client_assertion_type must be {tokens.JWT_BEARER}")  # noqa: TRY301 - as above
        granted = running.store.write(
            lambda session: tokens.exchange(
                session,
                client_assertion,
                scope,
                audience=f"{running.settings.public_url.rstrip('/')}/oauth2/token",
                seconds=running.settings.token_seconds,
                now=now,
            )
        )
    except tokens.Refused as refused:
        kind = refused.error
        running.store.write(
            lambda session: audit.record(
                session,
                action="refuse",
                entity="token",
                entity_id=None,
                now=now,
                outcome="failure",
                detail={"error": kind},
            )
        )
        return JSONResponse(
            {"error": refused.error, "error_description": str(refused)},
            status_code=401 if refused.error == "invalid_client" else 400,  # RFC 6749, 5.2
            headers={"Cache-Control": "no-store"},
        )
    return JSONResponse(
        {"access_token": granted.token, "token_type": "Bearer", "expires_in": granted.seconds, "scope": granted.scopes},
        headers={"Cache-Control": "no-store"},
    )
