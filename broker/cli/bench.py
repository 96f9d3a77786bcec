"""`baton bench`: how fast this machine is at what matters; what is measured, and how, stands in one module each."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from broker.cli.bench_audit import Measured

app = typer.Typer(help="Measure this machine, in databases of its own.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]


@app.command()
def audit(
    handovers: Annotated[int, typer.Option(min=1, help="How many there are")] = 1_000_000,
    still_open: Annotated[int, typer.Option("--open", min=1, help="How many nobody has answered")] = 5_000,
    requests: Annotated[int, typer.Option(min=1, help="How often each question is asked")] = 200,
    database_url: Annotated[
        str | None, typer.Option(help="A database to fill, or that an earlier run has filled so")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Time an auditor's first page over many handovers. Example: baton bench audit --handovers 100000 --json"""
    from broker.cli import bench_audit
    from broker.storage.synthetic import Amount

    amount = Amount(handovers=handovers, open=min(still_open, handovers))
    if as_json:
        measured = bench_audit.measure(database_url, amount, requests, lambda _: None)
        typer.echo(json.dumps(asdict(measured) | {"met": measured.met}, indent=2))
        return
    with typer.progressbar(length=handovers, label="Handovers") as bar:
        measured = bench_audit.measure(database_url, amount, requests, lambda done: bar.update(done - bar.pos))
    _table(measured, bench_audit.GOAL_MILLISECONDS)


def _table(measured: "Measured", goal: int) -> None:
    typer.echo(
        f"{measured.database}: {measured.handovers} handovers, {measured.open} open,"
        f" filled in {measured.seconds_to_fill} s; {measured.requests} requests each, one at a time"
    )
    typer.echo(f"{'':40}{'p50 ms':>10}{'p99 ms':>10}")
    for timing in measured.timings:
        typer.echo(f"{timing.question:40}{timing.p50:>10}{timing.p99:>10}")
    typer.echo(f"The goal, first page within {goal} ms at p99, is {'met' if measured.met else 'not met'}.")
