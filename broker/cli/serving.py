"""Running processes: the web server with its worker inside, or a worker alone."""

import asyncio
import os
import signal

import typer

from broker import log
from broker.cli import progress, starting, worker_metrics
from broker.errors import Misconfigured
from broker.runtime import Runtime, start
from broker.settings import Settings
from broker.worker import Worker
from broker.worker.looking_up import services

GRACE_SECONDS = 10
"""How long requests under way may take once the server is told to stop."""


def serve(settings: Settings, host: str, port: int, processes: int, *, deliver: bool) -> None:
    """Serve until told to stop. Misconfigured when SQLite is to have several processes."""
    from broker.main import WITHOUT_WORKER, create_app  # half of what starting takes: a worker alone does without

    log.configure(settings.log_format)
    services(settings)  # said here in one sentence what the worker would fail by
    runtime = start(settings)
    if processes > 1 and runtime.store.embedded:
        raise Misconfigured(
            "SQLite serves one process: set BATON_DATABASE_URL to a postgresql:// address for more workers."
        )
    starting.ready(runtime)
    if settings.demo:
        from broker import demo

        typer.echo(demo.prepare(runtime, progress.watched()))
    options = {"host": host, "port": port, "timeout_graceful_shutdown": GRACE_SECONDS}
    if processes == 1:
        _run(create_app(runtime, worker=deliver), **options)
        return
    runtime.store.close()
    os.environ.update(_environment(settings) | ({} if deliver else {WITHOUT_WORKER: "1"}))
    _run("broker.main:application", factory=True, workers=processes, **options)


def _run(app: object, **options: object) -> None:
    import uvicorn

    from broker.web.http_head import BoundedHead

    options |= {
        "http": BoundedHead,
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "proxy_headers": False,
    }
    uvicorn.run(app, **options)  # type: ignore[arg-type]  # its options are typed one by one


def _environment(settings: Settings) -> dict[str, str]:
    """What was chosen on the command line, for the server's own processes."""
    chosen = {"BATON_PUBLIC_URL": settings.public_url, "BATON_LOG_FORMAT": settings.log_format}
    return chosen | {
        "BATON_DEMO": str(settings.demo),
        "BATON_ALLOW_PRIVATE_ADDRESSES": str(settings.allow_private_addresses),
    }


def work(settings: Settings) -> None:
    """Deliver until told to stop."""
    from uvicorn.loops.auto import auto_loop_factory  # of what serves, whose loop this one is to be

    log.configure(settings.log_format)
    services(settings)
    runtime = start(settings)
    if runtime.store.embedded:
        raise Misconfigured(
            "SQLite serves one process, and `baton serve` delivers inside it: set BATON_DATABASE_URL to PostgreSQL."
        )
    starting.ready(runtime)
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(_work(runtime))


async def _work(runtime: Runtime) -> None:
    await runtime.bus.start()
    working = Worker(runtime)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, working.stop)
    try:
        with worker_metrics.shown(runtime, runtime.settings.worker_metrics_port):
            await working.run()
    finally:
        await runtime.bus.stop()
