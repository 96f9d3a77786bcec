"""`POST /oauth2/token`: client credentials with a signed JWT (RFC 7523); what a token may do is in `broker.web.tokens`."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from broker.errors import Unsupported
from broker.runtime import Runtime
from broker.storage import audit
from broker.web import tokens
from broker.web.deps import Running
from broker.web.documented import FORM
from broker.web.guard import media_type
from broker.web.keys import ALGORITHMS

router = APIRouter(tags=["Callers"])


class Granted(BaseModel):
    """A bearer token (RFC 6749, 5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the kind of token, not one
    expires_in: int
    scope: str


class Refusal(BaseModel):
    """Why no token was given (RFC 6749, 5.2)."""

    error: Literal["invalid_client", "invalid_request", "invalid_scope", "unsupported_grant_type"]
    error_description: str


@router.post(
    "/oauth2/token",
    summary="A bearer token for a signed client assertion",
    response_model=Granted,
    responses={
        400: {"model": Refusal, "description": "The request is not right"},
        401: {"model": Refusal, "description": "The client or its assertion is not right"},
    },
)
def token(
    request: Request,
    running: Running,
    grant_type: Annotated[str, Form()] = "",
    client_assertion_type: Annotated[str, Form()] = "",
    client_assertion: Annotated[str, Form()] = "",
    scope: Annotated[str | None, Form()] = None,
) -> Granted | JSONResponse:
    """Exchange a client assertion (RS512, RS384 or ES384; audience this address; five minutes at most; used once)."""
    if media_type(request.headers.get("content-type", "")) != FORM:
        raise Unsupported(f"Send {FORM}.")
    try:
        _check(grant_type, client_assertion_type)
        granted = _exchanged(running, client_assertion, scope)
    except tokens.Refused as refused:
        return _refused(running, refused)
    return Granted(access_token=granted.token, expires_in=granted.seconds, scope=granted.scopes)


def _check(grant_type: str, client_assertion_type: str) -> None:
    if grant_type != "client_credentials":
        raise tokens.Refused("unsupported_grant_type", "grant_type must be client_credentials")
    if client_assertion_type != tokens.JWT_BEARER:
        raise tokens.Refused("invalid_request", f"client_assertion_type must be {tokens.JWT_BEARER}")


def _exchanged(running: Runtime, assertion: str, scope: str | None) -> tokens.Granted:
    settings, now = running.settings, running.now()
    audience = f"{settings.public_url.rstrip('/')}/oauth2/token"
    return running.store.write(
        lambda session: tokens.exchange(
            session, assertion, scope, audience=audience, seconds=settings.token_seconds, now=now
        )
    )


def _refused(running: Runtime, refused: tokens.Refused) -> JSONResponse:
    detail = {"error": refused.error}
    running.store.write(
        lambda session: audit.record(
            session,
            action="refuse",
            entity="token",
            entity_id=None,
            now=running.now(),
            outcome="failure",
            detail=detail,
        )
    )
    return JSONResponse(
        {"error": refused.error, "error_description": str(refused)},
        status_code=401 if refused.error == "invalid_client" else 400,  # RFC 6749, 5.2
    )


@router.get("/fhir/.well-known/smart-configuration", summary="How systems sign in (SMART Backend Services)")
def smart_configuration(running: Running) -> dict[str, str | list[str]]:
    """What SMART App Launch 2.2, "conformance", has clients look for beside the CapabilityStatement."""
    return {
        "token_endpoint": f"{running.settings.public_url.rstrip('/')}/oauth2/token",
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": sorted(tokens.SCOPES),
        "capabilities": ["client-confidential-asymmetric", "permission-v2"],
    }
