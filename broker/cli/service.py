"""`baton serve`, `baton worker`, `baton migrate`."""

import asyncio
import signal
from typing import Annotated

import typer

from broker import demo as demonstration
from broker import log
from broker.cli import opening
from broker.errors import Misconfigured
from broker.runtime import Runtime, start
from broker.storage import migrate as migrations


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes; more than one needs PostgreSQL")] = 1,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Deliver elsewhere, with `baton worker`")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Demonstration directory, clients and household")] = False,
) -> None:
    """Serve the broker. Example: baton serve --demo --port 9000"""
    settings = opening.settings(demo=demo)
    if "public_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"public_url": f"http://{host}:{port}"})
    if demo and "allow_private_addresses" not in settings.model_fields_set:
        settings = settings.model_copy(update={"allow_private_addresses": True})
    if demo and "log_format" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_format": "text"})
    log.configure(settings.log_format)
    runtime = start(settings)
    if workers > 1 and runtime.store.embedded:
        raise Misconfigured(
            "SQLite serves one process: set BATON_DATABASE_URL to a postgresql:// address for more workers."
        )
    migrations.upgrade(runtime.store.engine)
    if demo:
        typer.echo(demonstration.prepare(runtime))
    _run(runtime, host, port, workers, worker=not no_worker)


def _run(runtime: Runtime, host: str, port: int, workers: int, *, worker: bool) -> None:
    import uvicorn

    from broker.main import create_app

    if workers > 1:
        raise Misconfigured("More than one process comes with `baton worker` beside `baton serve`: start one each.")
    config = uvicorn.Config(
        create_app(runtime, worker=worker),
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    uvicorn.Server(config).run()


def worker() -> None:
    """Deliver beside `baton serve --no-worker`, in any number, on PostgreSQL. Example: baton worker"""
    settings = opening.settings()
    log.configure(settings.log_format)
    runtime = start(settings)
    if runtime.store.embedded:
        raise Misconfigured(
            "SQLite serves one process, and `baton serve` delivers inside it: set BATON_DATABASE_URL to PostgreSQL."
        )
    asyncio.run(_work(runtime))


async def _work(runtime: Runtime) -> None:
    from broker.worker import Worker

    runtime.bus.attach()
    working = Worker(runtime)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, working.stop)
    await working.run()


def migrate() -> None:
    """Bring the database to the newest schema. Example: BATON_DATABASE_URL=postgresql://… baton migrate"""
    with opening.database(opening.settings(), keyless=True) as store:
        typer.echo(f"The database is at {migrations.current(store.engine)}.")
