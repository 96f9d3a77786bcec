"""The only file with status codes: what each outcome is answered with, as an OperationOutcome without values."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import ceil
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy import exc as database
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import Match

from broker import errors, log
from broker.storage.store import Busy
from broker.web.refusals import NOTED, Refusals
from schemas.problem import Problem, operation_outcome

FHIR_JSON = "application/fhir+json"

OK = 200
STATUS: dict[type[Exception], tuple[int, str]] = {
    # what each is answered with, and the FHIR issue type when the error brings no problems of its own
    errors.Unauthenticated: (401, "login"),
    errors.Forbidden: (403, "forbidden"),
    errors.NotFound: (404, "not-found"),
    errors.Unreadable: (400, "structure"),
    errors.Invalid: (422, "business-rule"),
    errors.Conflict: (409, "conflict"),
    errors.Stale: (412, "conflict"),
    errors.TooEarly: (425, "lock-error"),
    errors.TooMany: (429, "throttled"),
    errors.TooSlow: (408, "timeout"),
    errors.TooLarge: (413, "too-long"),
    errors.Unsupported: (415, "not-supported"),
    errors.NotAcceptable: (406, "not-supported"),
    Busy: (503, "transient"),
    errors.Away: (503, "transient"),
    errors.Misconfigured: (503, "transient"),  # while it runs, only a database that turned unsafe is
    # The database is away, or its connections are all in use: nothing was kept, so the same may be sent again.
    database.OperationalError: (503, "transient"),
    database.InterfaceError: (503, "transient"),
    database.TimeoutError: (503, "transient"),
}
STANDING_STATUS: dict[str, int] = {"usable": 200, "pointed": 200, "ignored": 200, "unreadable": 400, "unroutable": 422}
"""What a message is answered with, by what could be made of it (`workflow.intake`)."""
RETRY_AFTER_SECONDS = {425: "1", 503: "2", 429: "10"}


class FhirResponse(Response):
    """A FHIR resource, already plain JSON values or bytes."""

    media_type = FHIR_JSON

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - any JSON value
        """Bytes as they are; anything else as compact JSON."""
        return content if isinstance(content, bytes) else orjson.dumps(content)


def install(app: FastAPI) -> None:
    """Answer every error of this application from this file."""
    app.state.refusals = Refusals()
    for kind in STATUS:
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http)


def answer(error: Exception, headers: Mapping[str, str] | None = None) -> Response:
    """The response to a known error."""
    status, code = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    problems: Sequence[Problem] = getattr(error, "problems", ())
    if not problems:
        problems = [Problem(path="", reason=_sentence(error), code=code)]
    return _outcome(status, problems, {**waiting(error), **(headers or {})})


def waiting(error: Exception) -> Mapping[str, str]:
    """How long to wait, where the error itself knows: whole seconds, at least one."""
    return {"Retry-After": str(max(1, ceil(error.wait.total_seconds())))} if isinstance(error, errors.TooMany) else {}


def unexpected(error: Exception) -> Response:
    """The response to a fault of ours, which is logged by type and place only."""
    log.get(__name__).error("unexpected", error=error)
    return _outcome(500, [Problem(path="", reason="Something went wrong here; it has been logged.", code="exception")])


def _sentence(error: Exception) -> str:
    """What an error says. Only ours are made to be read: a database's quotes the statement and its values."""
    if isinstance(error, errors.Misconfigured) or not isinstance(error, errors.BatonError):
        return "This could not be done just now, and nothing was kept: send the same again shortly."
    allowed = getattr(error, "allowed", None)
    text = str(error)
    if allowed is not None:
        text += " Possible now: " + (", ".join(allowed) if allowed else "nothing") + "."
    return text


def _outcome(status: int, problems: Sequence[Problem], headers: Mapping[str, str] | None = None) -> Response:
    more = {"Retry-After": RETRY_AFTER_SECONDS[status]} if status in RETRY_AFTER_SECONDS else {}
    return FhirResponse(operation_outcome(problems), status_code=status, headers={**more, **(headers or {})})


async def _known(request: Request, error: Exception) -> Response:
    status, _ = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    await refused(request, status)
    if isinstance(error, errors.Unauthenticated):
        # RFC 6750, 3.1: somebody who sent no token is told nothing of what would be wrong with it.
        wrong = ', error="invalid_token"' if "authorization" in request.headers else ""
        return answer(error, {"WWW-Authenticate": f'Bearer realm="Baton"{wrong}'})
    return answer(error)


async def refused(request: Request, status: int) -> None:
    """Leave the audit entry of a refusal, if it is one."""
    if status in NOTED:
        await run_in_threadpool(request.app.state.refusals.note, request, status)


async def _invalid_request(request: Request, error: Exception) -> Response:
    """A parameter of the call is wrong (400), or what a readable body says (422): location and reason, never the value."""
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    names = _names(request.app)
    problems = [Problem(_path(fault["loc"], names), _reason(fault), "value") for fault in faults]
    said = all(fault["loc"][0] == "body" and fault["type"] != "json_invalid" for fault in faults)
    return _outcome(422 if said else 400, problems)


def _path(location: Sequence[str | int], names: Collection[str]) -> str:
    """Where it is, as far as the names are ours: names that a caller invented are input like any value."""
    path = ""
    for part in location[1:] if location[0] == "body" else location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part in names:
            path += f".{part}" if path else part
    return path


def _names(app: FastAPI) -> frozenset[str]:
    """Every name that the published description of the calls has."""
    known: frozenset[str] | None = getattr(app.state, "names", None)
    if known is None:
        known = app.state.names = frozenset(_named(app.openapi())) | {"query", "path", "header"}
    return known


def _named(document: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Names of properties and parameters, and codes that may be names, anywhere in an OpenAPI document."""
    if isinstance(document, dict):
        yield from document.get("properties", {})
        yield from (value for value in document.get("enum", ()) if isinstance(value, str))
        if isinstance(document.get("in"), str):
            yield document["name"]
    for inner in document.values() if isinstance(document, dict) else document:
        if isinstance(inner, dict | list):
            yield from _named(inner)


def _reason(fault: Mapping[str, Any]) -> str:
    """What is wrong in our words; of a code, which there are."""
    match fault["type"]:
        case "extra_forbidden":
            return "has an element that is not known here"
        case "missing":
            return "is required"
        case "enum" | "literal_error":
            return f"must be one of {fault['ctx']['expected'].replace(chr(39), '').replace(' or ', ', ')}"
    return "does not have the form that is expected here"


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    headers = {"Allow": ", ".join(_allowed(request))} if status == 405 else {}
    if status == 405 and request.method == "OPTIONS":
        return Response(status_code=204, headers=headers)
    words = {
        400: "The body could not be read.",
        404: "There is nothing at this address.",
        405: "This address does not take that method.",
    }
    codes = {400: "structure", 404: "not-found", 405: "not-supported"}
    reason = words.get(status, "The request could not be served.")
    return _outcome(status, [Problem(path="", reason=reason, code=codes.get(status, "processing"))], headers)


def _allowed(request: Request) -> list[str]:
    """The methods that an address takes, of all its routes."""
    taken = [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]
    return [*taken, *(["HEAD"] if "GET" in taken else []), "OPTIONS"]
