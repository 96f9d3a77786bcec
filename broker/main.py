"""The web application: routes, errors and the worker beside them, wired to one runtime."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from broker import log
from broker.runtime import Runtime, start
from broker.settings import Settings
from broker.web import documented, outcomes
from broker.web.api import (
    accounts,
    admin,
    audit_event,
    channel_health,
    channels,
    chronology,
    dead_letters,
    flags,
    handovers,
    mailbox,
    messages,
    metadata,
    oauth,
    operations,
    people,
    policies,
    practitioners,
    quarantine,
    reports,
    responsibility,
    retention,
    subject_access,
    tasks,
    transfers,
    withheld,
)
from broker.web.edge import Edge
from broker.web.limits import Limiter
from broker.web.outside import outside
from broker.web.pages import families
from broker.web.pages.listening import Listening
from broker.web.pages.signing_in import issuers_for
from broker.worker import Worker

ABOUT = """Baton routes notifications about children, parents and those who live with them to every team of the household
that should know, and tracks each answer. It is not a referral: telephone urgent concerns about a child."""


WITHOUT_WORKER = "BATON_WITHOUT_WORKER"
"""Set by `baton serve` for its own several processes only, when none of them is to deliver."""


def _routes() -> list[BaseRoute]:
    every = APIRouter()
    for module in (
        oauth,
        messages,
        tasks,
        flags,
        transfers,
        audit_event,
        mailbox,
        people,
        chronology,
        responsibility,
        handovers,
        withheld,
        reports,
        admin,
        channels,
        practitioners,
        retention,
        subject_access,
        accounts,
        policies,
        channel_health,
        quarantine,
        dead_letters,
        operations,
        metadata,
    ):
        every.include_router(module.router)
    for pages in families.ROUTERS:
        every.include_router(pages)
    return every.routes


ROUTES: Final = _routes()
"""What is answered, in the order in which addresses are tried. The framework works each out at its first call, once for all applications of a process."""


def application() -> FastAPI:
    """The application of one of several processes, from the environment."""
    settings = Settings()
    log.configure(settings.log_format)
    return create_app(start(settings), worker=WITHOUT_WORKER not in os.environ)


def create_app(runtime: Runtime, *, worker: bool = True) -> FastAPI:
    """The application for a runtime; with `worker`, deliveries run inside it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.runtime = runtime
        app.state.issuers = issuers_for(runtime.settings)
        app.state.outside = outside(runtime.settings)
        await runtime.bus.start()
        working = Worker(runtime) if worker else None
        app.state.worker = working
        task = asyncio.create_task(working.run()) if working else None
        try:
            yield
        finally:
            if working is not None and task is not None:
                working.stop()
                await task
            await runtime.bus.stop()
            runtime.store.close()

    app = FastAPI(
        title="Baton",
        version="0.1.0",
        description=ABOUT,
        routes=ROUTES,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,  # a redirect would carry the query into an address made of the caller's Host header
    )
    app.state.runtime = runtime
    app.state.listening = Listening()
    app.state.token_limiter = Limiter()
    outcomes.install(app)
    documented.describe(app)
    app.add_middleware(Edge)
    return app
