"""`/healthz`, `/readyz`, `/metrics`: whether the process lives, can work, and what it has done. No caller, no personal data."""

import hmac
from contextlib import suppress
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from broker.errors import Away, Misconfigured
from broker.storage import pulses, steps
from broker.web import channel_metrics, gateway_metrics, watch_metrics
from broker.web.deps import Running
from broker.workflow import watchdog

router = APIRouter(tags=["Operations"])

STALE = timedelta(seconds=60)
"""A worker that has not looked for work for so long is stuck: it looks every second."""


@router.get("/healthz", summary="The process lives")
def healthz() -> dict[str, str]:
    """Always the same while the process answers."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    summary="The database answers, migrations match, the worker is alive, the watchdog has just found the clock going",
    responses={503: {"description": "Not ready; the answer says what is not"}},
)
def readyz(request: Request, running: Running, response: Response) -> dict[str, Any]:
    """503 with what is not ready. Of a worker that runs elsewhere the watchdog's last pass tells; a bus that is away is said, and costs moments only."""
    checks = {"database": False, "migrations": False, "watchdog": False}
    worker = getattr(request.app.state, "worker", None)
    if worker is not None:
        checks["worker"] = worker.looked_at is not None and running.now() - worker.looked_at < STALE
    every = timedelta(seconds=running.settings.watchdog_seconds)
    try:
        running.store.read(lambda session: session.execute(text("SELECT 1")).scalar())
        checks["database"] = True
        checks["migrations"] = steps.is_enough(running.store.schema())
        if checks["migrations"]:
            checks["watchdog"] = watchdog.well(running.store.read(pulses.watched), running.now(), every)
    except (SQLAlchemyError, Away, Misconfigured):
        pass  # what failed is said by the check that stays False
    ready = all(checks.values())
    response.status_code = 200 if ready else 503
    bus = "up" if running.bus.up else "away"
    return {"status": "ready" if ready else "not ready", "checks": checks, "bus": bus}


@router.get("/metrics", summary="Figures for Prometheus", response_class=PlainTextResponse)
def metrics(request: Request, running: Running) -> Response:
    """Counters and timings by route and kind; with `BATON_METRICS_TOKEN` as bearer token how teams' channels are doing too.

    Of all ids only the teams' and the gateways' names are labels. Who sends and sees whose figure rises learns who was told
    (sharing principle 9), so single teams' figures are for who runs Baton. Without the database what the process itself has counted is still shown.
    """
    counted = generate_latest()
    with suppress(SQLAlchemyError, Away, Misconfigured):  # `/readyz` says so
        if _is_ours(request, running.settings.metrics_token):
            counted += running.store.read(lambda session: channel_metrics.figures(session, running.now()))
        counted += running.store.read(lambda session: watch_metrics.figures(session, running.now()))
        counted += running.store.read(lambda session: gateway_metrics.figures(session, running.now()))
    return Response(counted, media_type=CONTENT_TYPE_LATEST)


def _is_ours(request: Request, token: SecretStr | None) -> bool:
    given = request.headers.get("authorization", "").encode()
    return token is not None and hmac.compare_digest(given, f"Bearer {token.get_secret_value()}".encode())
