"""The `baton` command: one module a group of commands; each wires, none decides."""

import sys

import typer

from broker.cli import (
    audit,
    bench,
    client,
    dead_letters,
    directory,
    doctor,
    gateway,
    keys,
    policy,
    replay,
    retention,
    service,
)
from broker.errors import BatonError

EXIT_CODES = "Exit codes: 0 done, 1 what was asked for is not so (named), 2 the call itself was wrong."

app = typer.Typer(
    name="baton",
    help=f"The inter-agency transfer and notification broker. {EXIT_CODES}",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(service.serve)
app.command()(service.worker)
app.command()(gateway.gateway)
app.command()(service.migrate)
app.command()(replay.replay)
app.command()(doctor.doctor)
app.add_typer(audit.app, name="audit")
app.add_typer(bench.app, name="bench")
app.add_typer(client.app, name="client")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(directory.app, name="directory")
app.add_typer(keys.app, name="keys")
app.add_typer(policy.app, name="policy")
app.add_typer(retention.app, name="retention")
app.add_typer(replay.app, name="scenario")


def main() -> None:
    """Run the command; an error of ours is one sentence that says what to do, and exit code 1."""
    try:
        app()
    except BatonError as error:
        for problem in error.problems:
            typer.echo(f"{problem.path}: {problem.reason}", err=True)
        typer.echo(f"baton: {error}", err=True)
        sys.exit(1)
