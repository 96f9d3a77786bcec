"""`baton directory`: agencies, teams and areas as a file."""

from pathlib import Path
from typing import Annotated

import typer

from broker.cli import opening
from broker.storage import directory_file

app = typer.Typer(help="Agencies, teams and areas as a file.", no_args_is_help=True)


@app.command()
def check(file: Path) -> None:
    """Say whether a file fits together. Example: baton directory check deploy/directory/demo.yaml"""
    read = directory_file.read(file)
    typer.echo(f"{file}: {len(read.agencies)} agencies, {len(read.teams)} teams, {len(read.areas)} areas; no faults.")


@app.command(name="import")
def import_(file: Path) -> None:
    """Create or replace everything the file names. Example: baton directory import directory.yaml"""
    read = directory_file.read(file)
    with opening.database(opening.settings(), keyless=True) as store:
        store.write(lambda session: directory_file.store(session, read))
    typer.echo(
        f"{len(read.agencies)} agencies, {len(read.teams)} teams and {len(read.areas)} areas are in the directory."
    )


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to write; standard output without it")] = None,
) -> None:
    """Write the directory as a file. Example: baton directory export directory.yaml"""
    with opening.database(opening.settings(), keyless=True) as store:
        text = store.read(directory_file.export)
    if file is None:
        typer.echo(text, nl=False)
    else:
        file.write_text(text, encoding="utf-8")
