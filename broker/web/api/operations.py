"""`/healthz`, `/readyz`, `/metrics`: whether the process lives, can work, and what it has done. No caller, no personal data."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from broker.storage import migrate
from broker.web.deps import Running

router = APIRouter(tags=["Operations"])

STALE = timedelta(seconds=60)
"""A worker that has not looked for work for so long is stuck: it looks every second."""


@router.get("/healthz", summary="The process lives")
def healthz() -> dict[str, str]:
    """Always the same while the process answers."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    summary="The database answers, migrations match, the worker is alive",
    responses={503: {"description": "Not ready; the answer says what is not"}},
)
def readyz(request: Request, running: Running, response: Response) -> dict[str, Any]:
    """503 with what is not ready. A worker that runs elsewhere is not looked at."""
    checks = {"database": False, "migrations": False}
    worker = getattr(request.app.state, "worker", None)
    if worker is not None:
        checks["worker"] = worker.looked_at is not None and running.now() - worker.looked_at < STALE
    try:
        running.store.read(lambda session: session.execute(text("SELECT 1")).scalar())
        checks["database"] = True
        checks["migrations"] = migrate.current(running.store.engine) == migrate.head()
    except SQLAlchemyError:
        pass  # what failed is said by the check that stays False
    ready = all(checks.values())
    response.status_code = 200 if ready else 503
    return {"status": "ready" if ready else "not ready", "checks": checks}


@router.get("/metrics", summary="Figures for Prometheus", response_class=PlainTextResponse)
def metrics() -> Response:
    """Counters and timings by route and kind; labels never hold ids."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
