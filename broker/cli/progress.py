"""A progress bar on a terminal, and nothing anywhere else."""

import sys
from collections.abc import Callable

import typer

WIDTH = 40
"""Characters of a full bar."""


def watched() -> Callable[[int, int, str], None]:
    """What to call after each step with how many are done, of how many, and where it stands."""
    return bar if sys.stderr.isatty() else silent


def bar(done: int, of: int, where: str) -> None:
    """Draw it over itself; the last ends the line."""
    full = round(WIDTH * done / of)
    end = "\n" if done == of else ""
    typer.echo(f"\r[{'#' * full}{'.' * (WIDTH - full)}] {where}{end}", err=True, nl=False)


def silent(_done: int, _of: int, _where: str) -> None:
    """Nobody watches."""
