"""What every request passes: ids echoed, headers set, figures counted, one log line; no path parameters are logged."""

import re
from time import perf_counter
from uuid import uuid4

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker import log

REQUESTS = Counter("baton_http_requests", "Requests answered", ["route", "method", "status"])
SECONDS = Histogram("baton_http_request_seconds", "Time to answer", ["route"])

_ID = re.compile(rb"^[A-Za-z0-9._-]{1,64}$")
_TRACE = re.compile(rb"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")
_SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


class Edge:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self.app = app
        self._log = log.get(__name__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through; anything but HTTP goes on untouched."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        echoed = _echoed(dict(scope["headers"]))
        began = perf_counter()
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *echoed,
                    *((name, value) for name, value in _SECURITY if name not in present),
                ]
            await send(message)

        structlog.contextvars.bind_contextvars(**{n.decode().replace("-", "_"): v.decode() for n, v in echoed})
        try:
            await self.app(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            REQUESTS.labels(route, scope["method"], status).inc()
            SECONDS.labels(route).observe(perf_counter() - began)
            milliseconds = round(1000 * (perf_counter() - began), 1)
            self._log.info("request", route=route, method=scope["method"], status=status, milliseconds=milliseconds)
            structlog.contextvars.clear_contextvars()


def _echoed(headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """Ids of the caller when they have the form of ids, else of our own; a trace parent only when it is one."""
    request_id = headers.get(b"x-request-id", b"")
    request_id = request_id if _ID.match(request_id) else str(uuid4()).encode()
    correlation_id = headers.get(b"x-correlation-id", b"")
    correlation_id = correlation_id if _ID.match(correlation_id) else request_id
    ids = [(b"x-request-id", request_id), (b"x-correlation-id", correlation_id)]
    trace = headers.get(b"traceparent", b"")
    return [*ids, (b"traceparent", trace)] if _TRACE.match(trace) else ids
