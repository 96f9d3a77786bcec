"""What every request passes: ids echoed, headers set, figures counted, one log line; no path, no parameter and no fault's text is logged."""

import re
from collections.abc import Mapping
from time import perf_counter
from uuid import uuid4

import structlog
from prometheus_client import Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker import log
from broker.web import outcomes
from broker.web.guard import Guard

REQUESTS = Counter("baton_http_requests", "Requests answered", ["route", "method", "status"])
SECONDS = Histogram("baton_http_request_seconds", "Time to answer", ["route"])

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
"""Others count as one: a method is whatever a caller writes."""
GONE = 499
"""How a request is counted whose caller went away before it was answered."""

_ID = re.compile(rb"(?!\d{10}$)[A-Za-z0-9._-]{1,64}")
"""Form of an id; ten digits are refused because they could be an NHS number."""
_TRACE = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""`traceparent` as W3C Trace Context, 3.2 has it."""
_SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
_TRANSPORT = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class Edge:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self.app = Guard(app)
        self._log = log.get(__name__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through; anything but HTTP goes on untouched."""
        if scope["type"] != "http":
            await self.app.app(scope, receive, send)
            return
        echoed = _echoed(dict(scope["headers"]))
        # HEAD is GET without a body (RFC 9110, 9.3.2), for every address that has a GET.
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        began, status = perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _headers(message["headers"], echoed, scope)
            elif scope["method"] == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        structlog.contextvars.bind_contextvars(**{n.decode().replace("-", "_"): v.decode() for n, v in echoed})
        try:
            await self.app(inner, receive, sending)
        except ClientDisconnect:
            pass  # nobody is left to be answered
        except Exception as error:  # noqa: BLE001 - a server would print its text, which may quote what was sent (T7)
            if not status:
                await outcomes.unexpected(error)(inner, receive, sending)
            else:
                self._log.error("failed while answering", error=error)
        finally:
            self._count(inner, scope["method"], status or GONE, perf_counter() - began)
            structlog.contextvars.clear_contextvars()

    def _count(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = method if method in METHODS else "other"
        REQUESTS.labels(route, method, status).inc()
        SECONDS.labels(route).observe(seconds)
        self._log.info("request", route=route, method=method, status=status, milliseconds=round(1000 * seconds, 1))


_Headers = list[tuple[bytes, bytes]]


def _headers(answered: _Headers, echoed: _Headers, scope: Scope) -> _Headers:
    """The answer's own headers, the ids, and what keeps browsers from making anything else of it."""
    present = {name.lower() for name, _ in answered}
    secure = [_TRANSPORT] if scope["app"].state.runtime.settings.public_url.startswith("https://") else []
    return [*answered, *echoed, *((name, value) for name, value in _SECURITY + secure if name not in present)]


def _echoed(headers: Mapping[bytes, bytes]) -> _Headers:
    """Ids of the caller when they have the form of ids, else of our own; a trace parent only when it is one."""
    request_id = headers.get(b"x-request-id", b"")
    request_id = request_id if _ID.fullmatch(request_id) else str(uuid4()).encode()
    correlation_id = headers.get(b"x-correlation-id", b"")
    correlation_id = correlation_id if _ID.fullmatch(correlation_id) else request_id
    ids = [(b"x-request-id", request_id), (b"x-correlation-id", correlation_id)]
    trace = headers.get(b"traceparent", b"")
    return [*ids, (b"traceparent", trace)] if _TRACE.fullmatch(trace) else ids
