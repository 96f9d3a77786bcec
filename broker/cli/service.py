"""`baton serve`, `baton worker`, `baton migrate`: what they take; what runs then is `serving`, imported only when it does."""

from typing import Annotated

import typer

from broker.cli import opening


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes; more than one needs PostgreSQL")] = 1,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Deliver elsewhere, with `baton worker`")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Demonstration directory, clients and household")] = False,
) -> None:
    """Serve the broker. Example: baton serve --demo --port 9000"""
    from broker.cli import serving

    settings = opening.settings(demo=demo)
    defaults: dict[str, object] = {"public_url": f"http://{host}:{port}"}
    if demo:
        defaults |= {"allow_private_addresses": True, "log_format": "text"}
    chosen = {name: value for name, value in defaults.items() if name not in settings.model_fields_set}
    serving.serve(settings.model_copy(update=chosen), host, port, workers, deliver=not no_worker)


def worker() -> None:
    """Deliver beside `baton serve --no-worker`, in any number, on PostgreSQL. Example: baton worker"""
    from broker.cli import serving

    serving.work(opening.settings())


def migrate() -> None:
    """Bring the database to the newest schema. Example: BATON_DATABASE_URL=postgresql://… baton migrate"""
    with opening.database(opening.settings(), keyless=True) as store:
        typer.echo(f"The database is at {store.schema()}.")
