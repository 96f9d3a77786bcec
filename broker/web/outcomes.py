"""The only file with status codes: what each outcome is answered with, as an OperationOutcome without values."""

from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from broker import errors, log
from broker.storage.store import Busy
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
    errors.TooLarge: (413, "too-long"),
    errors.Unsupported: (415, "not-supported"),
    errors.NotOffered: (501, "not-supported"),
    errors.NotAcceptable: (406, "not-supported"),
    Busy: (503, "transient"),
}
STANDING_STATUS: dict[str, int] = {"usable": 200, "ignored": 200, "unreadable": 400, "unroutable": 422}
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
    for kind in STATUS:
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def answer(error: Exception) -> Response:
    """The response to a known error."""
    status, code = STATUS[type(error)]
    problems: Sequence[Problem] = getattr(error, "problems", ())
    if not problems:
        problems = [Problem(path="", reason=_sentence(error), code=code)]
    return _outcome(status, problems)


def _sentence(error: Exception) -> str:
    allowed = getattr(error, "allowed", None)
    text = str(error)
    if allowed is not None:
        text += " Possible now: " + (", ".join(allowed) if allowed else "nothing") + "."
    return text


def _outcome(status: int, problems: Sequence[Problem]) -> Response:
    headers = {"Retry-After": RETRY_AFTER_SECONDS[status]} if status in RETRY_AFTER_SECONDS else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return FhirResponse(operation_outcome(problems), status_code=status, headers=headers)


async def _known(_: Request, error: Exception) -> Response:
    return answer(error)


async def _invalid_request(_: Request, error: Exception) -> Response:
    """A parameter of the call is wrong: location and reason, never the value (FastAPI's own answer quotes it)."""
    assert isinstance(error, RequestValidationError)
    problems = [
        Problem(path=".".join(str(part) for part in fault["loc"]), reason=_reason(str(fault["type"])), code="value")
        for fault in error.errors()
    ]
    return _outcome(400, problems)


def _reason(kind: str) -> str:
    return "is required" if kind == "missing" else "does not have the form that is expected here"


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {404: "There is nothing at this address.", 405: "This address does not take that method."}
    codes = {404: "not-found", 405: "not-supported"}
    problem = Problem(
        path="",
        reason=words.get(error.status_code, "The request could not be served."),
        code=codes.get(error.status_code, "processing"),
    )
    response = _outcome(error.status_code, [problem])
    response.headers.update(error.headers or {})
    return response


async def _unexpected(_: Request, error: Exception) -> Response:
    """A fault of ours: logged by type and place only, answered without detail."""
    log.get(__name__).error("unexpected", error=error)
    return _outcome(500, [Problem(path="", reason="Something went wrong here; it has been logged.", code="exception")])
