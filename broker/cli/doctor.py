"""`baton doctor`: every setting with its meaning, and whether what they name answers."""

import json
import sys
from typing import Annotated, Any

import typer
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from broker.cli import opening
from broker.errors import Misconfigured
from broker.settings import Settings
from broker.storage.store import open_store

SECRET = ("secret_key",)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False) -> None:
    """Say what is set, what answers and what to mend; exit code 1 when something is wrong. Example: baton doctor --json"""
    read = opening.settings()
    checks = {"secret key": _key(read), "database": _database(read), "python": f"ok: {sys.version.split()[0]}"}
    wrong = [name for name, found in checks.items() if not found.startswith("ok")]
    if as_json:
        typer.echo(json.dumps({"settings": _settings(read), "checks": checks}, indent=2))
    else:
        for row in _settings(read):
            typer.echo(f"{row['name']:<34} {row['value']:<42} {row['meaning']}")
        typer.echo("")
        for name, found in checks.items():
            typer.echo(f"{name:<34} {found}")
    if wrong:
        raise typer.Exit(1)


def _settings(read: Settings) -> list[dict[str, Any]]:
    rows = []
    for name, field in Settings.model_fields.items():
        value = getattr(read, name)
        rows.append({"name": f"BATON_{name.upper()}", "value": _shown(name, value), "meaning": field.description or ""})
    return rows


def _shown(name: str, value: object) -> str:
    if name in SECRET:
        return "(set)" if value is not None else "(not set)"
    if name == "database_url":
        return make_url(str(value)).render_as_string(hide_password=True)
    if isinstance(value, list):
        return " ".join(f"{item.total_seconds():g}s" for item in value)
    return "" if value is None else str(value)


def _key(read: Settings) -> str:
    try:
        read.key()
    except Misconfigured as error:
        return f"mend: {error}"
    return "ok"


def _database(read: Settings) -> str:
    try:
        store = open_store(read.database_url, opening.KeylessCodec())
        at, newest = store.schema(), opening.newest_step()
        store.close()
    except SQLAlchemyError as error:
        return f"mend: it does not answer ({type(error).__name__})"
    return (
        f"ok: schema {at}" if at == newest else f"mend: schema {at or 'empty'}, newest is {newest}: run `baton migrate`"
    )
