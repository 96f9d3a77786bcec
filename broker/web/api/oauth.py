"""`POST /oauth2/token` and `/oauth2/revoke`: client credentials with a signed JWT (RFC 7523, RFC 7009); what a token may do is in `broker.web.tokens`."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from math import ceil
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.errors import Unsupported
from broker.runtime import Runtime
from broker.storage import audit
from broker.storage.clients import Registered
from broker.web import peers, tokens
from broker.web.deps import Running
from broker.web.documented import FORM
from broker.web.guard import media_type
from broker.web.keys import ALGORITHMS
from broker.web.limits import Limiter, per_minute

router = APIRouter(tags=["Callers"])


class Granted(BaseModel):
    """A bearer token (RFC 6749, 5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the kind of token, not one
    expires_in: int
    scope: str


class Refusal(BaseModel):
    """Why no token was given (RFC 6749, 5.2)."""

    error: Literal[
        "invalid_client", "invalid_request", "invalid_scope", "unsupported_grant_type", "temporarily_unavailable"
    ]
    error_description: str


class _TooOften(Exception):
    """The client or its address asked too often."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__()
        self.wait = wait


_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": Refusal, "description": "The request is not right"},
    401: {"model": Refusal, "description": "The client or its assertion is not right"},
    429: {"model": Refusal, "description": "Too often: Retry-After says when"},
}


@router.post(
    "/oauth2/token",
    summary="A bearer token for a signed client assertion",
    response_model=Granted,
    responses=_REFUSALS,
)
def token(
    request: Request,
    running: Running,
    grant_type: Annotated[str, Form()] = "",
    client_assertion_type: Annotated[str, Form()] = "",
    client_assertion: Annotated[str, Form()] = "",
    scope: Annotated[str | None, Form()] = None,
) -> Response:
    """Exchange a client assertion (RS512, RS384 or ES384; audience this address; five minutes at most; used once)."""

    def work(session: Session) -> Response:
        client = _client(request, running, session, client_assertion)
        granted = tokens.grant(
            session,
            client,
            scope,
            seconds=running.settings.token_seconds,
            now=running.now(),
            certificate=peers.certificate_of(request, running.settings),
        )
        _note(session, request, running, client, "grant", {"scopes": granted.scopes})
        shown = Granted(access_token=granted.token, expires_in=granted.seconds, scope=granted.scopes)
        return JSONResponse(shown.model_dump())

    wrong = None if grant_type == "client_credentials" else _GRANTS
    return _answered(request, running, wrong or _type_fault(client_assertion_type), work)


@router.post(
    "/oauth2/revoke",
    summary="End one of the client's own tokens at once",
    response_model=None,
    responses=_REFUSALS | {200: {"description": "It is no token of this client, any more or ever"}},
)
def revoke(
    request: Request,
    running: Running,
    client_assertion_type: Annotated[str, Form()] = "",
    client_assertion: Annotated[str, Form()] = "",
    token: Annotated[str, Form()] = "",
) -> Response:
    """The assertion is as for a token, with the address of /oauth2/token as its audience. Another's token stays (RFC 7009, 2.1)."""

    def work(session: Session) -> Response:
        client = _client(request, running, session, client_assertion)
        if tokens.revoke(session, client, token):
            _note(session, request, running, client, "revoke", {})
        return Response()

    return _answered(request, running, _type_fault(client_assertion_type), work)


_GRANTS: Final = ("unsupported_grant_type", "grant_type must be client_credentials")


def _type_fault(assertion_type: str) -> tuple[str, str] | None:
    right = assertion_type == tokens.JWT_BEARER
    return None if right else ("invalid_request", f"client_assertion_type must be {tokens.JWT_BEARER}")


def _answered(
    request: Request, running: Runtime, wrong: tuple[str, str] | None, work: Callable[[Session], Response]
) -> Response:
    """What both calls share: how often, in which form, and what a refusal looks like."""
    if media_type(request.headers.get("content-type", "")) != FORM:
        raise Unsupported(f"Send {FORM}.")
    try:
        _often(request, running, f"address {_where(request, running)}", running.settings.token_address_limit)
        return _refused(request, running, tokens.Refused(*wrong)) if wrong else running.store.write(work)
    except tokens.Refused as refused:
        return _refused(request, running, refused)
    except _TooOften as often:
        return _wait(often.wait)


def _client(request: Request, running: Runtime, session: Session, assertion: str) -> Registered:
    """Who signed; counted once that is sure, so that nobody uses up another's share."""
    audience = f"{running.settings.public_url.rstrip('/')}/oauth2/token"
    client = tokens.client_of(session, assertion, audience=audience, now=running.now())
    _often(request, running, f"client {client.name}", running.settings.token_client_limit)
    return client


def _note(
    session: Session,
    request: Request,
    running: Runtime,
    client: Registered,
    action: audit.Action,
    detail: Mapping[str, str],
) -> None:
    """What was done with a token of a client; the token stands nowhere."""
    caller = Caller(client=client.name, team=client.team, address=peers.caller_at(request, running.settings))
    audit.record(
        session,
        action=action,
        entity="token",
        entity_id=client.name,
        caller=caller,
        now=running.now(),
        detail=detail,
    )


def _where(request: Request, running: Runtime) -> str:
    return peers.neighbourhood(peers.caller_at(request, running.settings) or "")


def _often(request: Request, running: Runtime, name: str, most: int) -> None:
    limiter: Limiter = request.app.state.token_limiter
    wait = limiter.take(name, per_minute(most), running.now())
    if wait is not None:
        raise _TooOften(wait)


def _wait(wait: timedelta) -> Response:
    refusal = Refusal(error="temporarily_unavailable", error_description="too often: wait as Retry-After says")
    return JSONResponse(refusal.model_dump(), status_code=429, headers={"Retry-After": str(ceil(wait.total_seconds()))})


def _refused(request: Request, running: Runtime, refused: tokens.Refused) -> JSONResponse:
    address = peers.caller_at(request, running.settings)
    detail = {"error": refused.error} | ({audit.ADDRESS: address} if address else {})
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
def smart_configuration(running: Running) -> dict[str, str | bool | list[str]]:
    """What SMART App Launch 2.2, "conformance", has clients look for beside the CapabilityStatement."""
    oauth = f"{running.settings.public_url.rstrip('/')}/oauth2"
    return {
        "token_endpoint": f"{oauth}/token",
        "revocation_endpoint": f"{oauth}/revoke",
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": ["client_credentials"],
        "tls_client_certificate_bound_access_tokens": running.settings.client_certificate_header is not None,
        "scopes_supported": sorted(tokens.SCOPES),
        "capabilities": ["client-confidential-asymmetric", "permission-v2"],
    }
