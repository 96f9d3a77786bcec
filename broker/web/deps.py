"""What handlers ask for: the runtime, the caller with a scope, the body."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import OAuth2
from starlette.datastructures import State

from broker.domain.caller import Caller
from broker.errors import Forbidden, Unauthenticated
from broker.runtime import Runtime
from broker.web import peers, tokens
from broker.web.shares import Shares


async def runtime(request: Request) -> Runtime:
    """The runtime of this application; asynchronous because it waits for nothing, and a thread costs more than it does."""
    running: Runtime = request.app.state.runtime
    return running


Running = Annotated[Runtime, Depends(runtime)]


_SCHEME = OAuth2(
    flows={"clientCredentials": {"tokenUrl": "/oauth2/token", "scopes": tokens.SCOPES}},
    description="Client credentials with a signed JWT (private_key_jwt); the answer's token as a bearer token",
    auto_error=False,
)
"""For the description of the calls; who calls is found out below."""


def bearer(request: Request) -> str:
    """The token a request brings, whatever it is worth."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise Unauthenticated("Send a bearer token from /oauth2/token.")
    return token.strip()


def require(*scopes: str) -> Callable[[Request, Runtime, str | None], Caller]:
    """A dependency: the caller, who must hold one of these scopes; the first is the usual one."""

    def check(
        request: Request,
        running: Running,
        _described: Annotated[str | None, Security(_SCHEME, scopes=[scopes[0]])],
    ) -> Caller:
        return caller_of(request, running, bearer(request), *scopes)

    return check


def caller_of(request: Request, running: Runtime, token: str, *scopes: str) -> Caller:
    """Whose token this is; they must hold one of these scopes. It asks the database. TooMany beyond their agency's share."""
    certificate = peers.certificate_of(request, running.settings)
    if "." in token:  # none of ours: those are of letters, digits, - and _
        caller = tokens.outsider(running.store, request.app.state.outside, token, running.now(), certificate)
    else:
        caller = tokens.caller(running.store, token, running.now(), certificate)
    if caller is None:
        raise Unauthenticated("This token is not valid (any more): get a new one from /oauth2/token.")
    caller = replace(caller, address=peers.caller_at(request, running.settings))
    called_by(request, caller)
    if not any(caller.may(scope) for scope in scopes):
        raise Forbidden(f"This needs the scope {' or '.join(scopes)}.")
    return caller


def called_by(request: Request, caller: Caller, way: str = "") -> None:
    """Keep who calls for what is written of a refusal, and count the call once. TooMany beyond their agency's share by this way."""
    if getattr(request.state, "caller", None) is None:
        request.state.caller = caller
        _shares(request.app.state).take(caller, way)


def _shares(state: State) -> Shares:
    """The counts of this application, made by its first call."""
    made: Shares | None = getattr(state, "shares", None)
    if made is None:
        made = state.shares = Shares(state.runtime.settings.calls_per_second)
    return made


async def body(request: Request) -> bytes:
    """The request's body; how large it may be is kept by `guard`."""
    return await request.body()


Body = Annotated[bytes, Depends(body)]
