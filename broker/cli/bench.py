"""`baton bench`: how fast this machine is at what matters; what is measured, and how, stands in one module each."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from broker.cli import bench_accept
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


@app.command()
def accept(
    seconds: Annotated[float, typer.Option(min=0.1, help="For each of the two, on each database")] = 20,
    callers: Annotated[int, typer.Option(min=1, max=512, help="How many send at once")] = 32,
    database_url: Annotated[
        list[str] | None, typer.Option(help="Also on this PostgreSQL server, in databases made for it")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count messages accepted a second, beside a reference that decides nothing. Example: baton bench accept --seconds 10 --database-url postgresql://postgres@127.0.0.1/postgres

    Each message is told to six teams. Both are servers of their own on the loopback, in turn, on SQLite and on each server named.
    Exit code 1 when a message was not accepted.
    """
    from broker.cli import bench_accept, progress

    measured = bench_accept.measure([None, *(database_url or ())], seconds, callers, progress.watched())
    if as_json:
        typer.echo(json.dumps(bench_accept.plain(measured), indent=2))
    else:
        _speeds(measured)
    if any(speed.refused for one in measured.compared for speed in (one.ours, one.reference)):
        raise typer.Exit(1)


def _speeds(measured: "bench_accept.Measured") -> None:
    typer.echo(
        f"{measured.callers} callers, messages of {measured.message_bytes} bytes, {measured.told} teams told of each;"
        f" {measured.cpus} processors, load {measured.load_before} before and {measured.load_after} after"
    )
    for one in measured.compared:
        rows = ", ".join(f"{count} {table}" for table, count in one.rows.items())
        processes = "1 process" if one.processes == 1 else f"{one.processes} processes"
        typer.echo(f"{one.database}, {processes} each; rows a message: {rows}")
        typer.echo(f"{'':16}{'accepted/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'refused':>10}")
        for name, speed in (("Baton", one.ours), ("reference", one.reference)):
            typer.echo(f"{name:16}{speed.per_second:>12}{speed.p50:>10}{speed.p99:>10}{speed.refused:>10}")
        typer.echo(f"{'ratio':16}{one.ratio:>12}")
    typer.echo(f"The goal, as fast as the reference everywhere, is {'met' if measured.met else 'not met'}.")


def _table(measured: "Measured", goal: int) -> None:
    typer.echo(
        f"{measured.database}: {measured.handovers} handovers, {measured.open} open,"
        f" filled in {measured.seconds_to_fill} s; {measured.requests} requests each, one at a time"
    )
    typer.echo(f"{'':40}{'p50 ms':>10}{'p99 ms':>10}")
    for timing in measured.timings:
        typer.echo(f"{timing.question:40}{timing.p50:>10}{timing.p99:>10}")
    typer.echo(f"The goal, first page within {goal} ms at p99, is {'met' if measured.met else 'not met'}.")
