"""The `baton` command: one module a group of commands; each wires, none decides."""

import sys
from collections.abc import Mapping
from typing import ClassVar

import typer

from broker import collector
from broker.cli.groups import Imported, Place
from broker.errors import BatonError

EXIT_CODES = "Exit codes: 0 done, 1 what was asked for is not so (named), 2 the call itself was wrong."


class Commands(Imported):
    """Every command and group of commands."""

    places: ClassVar[Mapping[str, Place]] = {
        "serve": "broker.cli.service:serve",
        "worker": "broker.cli.service:worker",
        "gateway": "broker.cli.gateway:gateway",
        "migrate": "broker.cli.service:migrate",
        "replay": "broker.cli.replay:replay",
        "doctor": "broker.cli.doctor:doctor",
        "audit": "broker.cli.audit:app",
        "bench": "broker.cli.bench:app",
        "client": "broker.cli.client:app",
        "dead-letters": "broker.cli.dead_letters:app",
        "directory": "broker.cli.directory:app",
        "keys": "broker.cli.keys:app",
        "policy": "broker.cli.policy:app",
        "retention": "broker.cli.retention:app",
        "scenario": "broker.cli.replay:app",
    }


app = typer.Typer(
    name="baton",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(help=f"The inter-agency transfer and notification broker. {EXIT_CODES}")
def _baton() -> None:
    """There is no option for all commands."""


def main() -> None:
    """Run the command; an error of ours is one sentence that says what to do, and exit code 1."""
    collector.calm()
    try:
        app()
    except BatonError as error:
        for problem in error.problems:
            typer.echo(f"{problem.path}: {problem.reason}", err=True)
        typer.echo(f"baton: {error}", err=True)
        sys.exit(1)
    finally:
        collector.leave()
