"""`baton replay` and `baton scenario`: stories as files, replayed and judged."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker import collector
from broker.cli import opening, progress

if TYPE_CHECKING:
    from broker.replay.report import Report

app = typer.Typer(help="Scenario files.", no_args_is_help=True)


class Form(StrEnum):
    """How the report is printed."""

    TEXT = "text"
    JSON = "json"


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files. Example: baton scenario schema > scenario.schema.json"""
    from broker.replay import model

    typer.echo(json.dumps(model.schema(), indent=2))


def replay(
    scenario: Annotated[Path, typer.Argument(help="A scenario file (docs/scenarios.md)")],
    report: Annotated[Form, typer.Option(help="For people, or for programs")] = Form.TEXT,
    database_url: Annotated[str | None, typer.Option(help="An empty database; without it a temporary one")] = None,
) -> None:
    """Replay a story on a simulated clock and say what was expected of Baton and met. Example: baton replay deploy/scenarios/child-rs.yaml"""
    from broker import log
    from broker.replay import report as reports

    log.configure("text")
    found = _told(scenario, database_url)
    if report is Form.JSON:
        typer.echo(json.dumps(reports.as_json(found), indent=2))
    else:
        for line in reports.lines(found):
            typer.echo(line)
    if found.unmet:
        named = ", ".join(verdict.due.expect.id for verdict in found.unmet)
        typer.echo(f"baton: {len(found.unmet)} expect line(s) not met: {named}", err=True)
        raise typer.Exit(1)


@collector.resting()
def _told(scenario: Path, database_url: str | None) -> "Report":
    from broker.replay import playing, reading

    story = reading.read(scenario)
    settings = opening.settings()
    # Nothing of a story is worth a key of one's own.
    chosen = {"database_url": database_url or playing.TEMPORARY, "demo": settings.secret_key is None}
    return playing.replay(
        story, settings.model_copy(update=chosen), progress.watched(), lasting=database_url is not None
    )
