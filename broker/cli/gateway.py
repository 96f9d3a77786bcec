"""`baton gateway`: every way in that BATON_GATEWAYS names, until told to stop."""

import asyncio

import typer

from broker.cli import opening


def gateway() -> None:
    """Run every way in that BATON_GATEWAYS names, in any number of processes. Example: BATON_GATEWAYS=gateways.yaml baton gateway"""
    from broker import gateway_file, log
    from broker.cli import starting
    from broker.errors import Misconfigured
    from broker.gateway import running
    from broker.runtime import start

    settings = opening.settings()
    file = gateway_file.load(settings.gateways)
    log.configure(settings.log_format)
    runtime = start(settings)
    if runtime.store.embedded:
        raise Misconfigured(
            "SQLite serves one process, `baton serve`: set BATON_DATABASE_URL to PostgreSQL to run gateways beside it."
        )
    starting.ready(runtime)
    wanted = running.gateways(runtime, file)
    typer.echo(f"Gateways: {', '.join(sorted(wanted))}", err=True)
    asyncio.run(running.run(runtime, wanted))
