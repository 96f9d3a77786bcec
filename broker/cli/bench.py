"""`baton bench`: how fast this machine is at what matters; what is measured, and how, stands in one module each."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from broker.cli import bench_accept, bench_costs
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
    costs: Annotated[
        bool,
        typer.Option(
            "--costs", help="Also beside Baton without encryption, without the audit, and without both, in turn"
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Count messages accepted a second, beside a reference that decides nothing. Example: baton bench accept --seconds 10 --database-url postgresql://postgres@127.0.0.1/postgres

    Each message is told to six teams. Both are servers of their own on the loopback, in turn, on SQLite and on each server named.
    Exit code 1 when a message was not accepted.
    """
    from broker.cli import bench_accept, bench_costs, progress

    servers = [None, *(database_url or ())]
    measured = bench_accept.measure(servers, seconds, callers, progress.watched())
    found = bench_costs.measure(servers, seconds, callers, progress.watched()) if costs else ()
    if as_json:
        typer.echo(json.dumps(bench_accept.plain(measured) | bench_costs.plain(found), indent=2))
    else:
        _speeds(measured)
        _costs(found)
    if any(speed.refused for one in measured.compared for speed in (one.ours, one.reference)):
        raise typer.Exit(1)


@app.command()
def deliver(
    database_url: Annotated[
        str | None, typer.Option(help="On this PostgreSQL server, in databases made for it; without it SQLite")
    ] = None,
    amqp_url: Annotated[
        str | None, typer.Option(help="Over this RabbitMQ, in a virtual host that nobody else uses")
    ] = None,
    channel: Annotated[list[str] | None, typer.Option(help="webhook, mailbox, amqp; all there are")] = None,
    fan_out: Annotated[list[int] | None, typer.Option(min=1, max=64, help="Teams told of each message")] = None,
    waiting: Annotated[int, typer.Option("--deliveries", min=20, help="How many wait when speed is measured")] = 3_000,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long times are taken, each")] = 10,
    workers: Annotated[int, typer.Option(min=1, max=8, help="`baton worker` processes on PostgreSQL")] = 2,
    crowd: Annotated[bool, typer.Option(help="Also what dead and flooded agencies cost the others")] = True,
    as_json: AsJson = False,
) -> None:
    """Count deliveries a second, and how long each takes from acceptance. Example: baton bench deliver --channel webhook --fan-out 6

    Speed: as fast as they go while many wait. Times: at a steady 50 notifications a second, from acceptance to the receiver's word.
    At the end, what agencies that are dead and flooded cost the others. Exit code 1 when a message was lost or told twice.
    """
    from broker.cli import bench_deliver, progress

    plan = bench_deliver.Plan(
        server=database_url,
        amqp=amqp_url,
        channels=[
            bench_deliver.kind(name) for name in channel or ("webhook", "mailbox", *(["amqp"] if amqp_url else []))
        ],
        fan_outs=fan_out or (1, 6, 20),
        deliveries=waiting,
        seconds=seconds,
        workers=workers,
        crowd=crowd,
    )
    measured = bench_deliver.measure(plan, progress.watched())
    typer.echo(json.dumps(bench_deliver.plain(measured), indent=2) if as_json else bench_deliver.told(measured))


@app.command()
def history(
    database_url: Annotated[str, typer.Option(help="On this PostgreSQL server, in databases made for it")],
    closed: Annotated[int, typer.Option(min=1, help="Deliveries that are over")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each question is asked")] = 200,
    as_json: AsJson = False,
) -> None:
    """Time what runs all day with little history and with much. Example: baton bench history --database-url postgresql://postgres@127.0.0.1/postgres

    The same open work both times. What it asks is taken back each time, but for the messages that it accepts.
    """
    from broker.cli import bench_history, progress

    measured = bench_history.measure(database_url, closed, rounds, progress.watched())
    typer.echo(json.dumps(bench_history.plain(measured), indent=2) if as_json else bench_history.told(measured))


@app.command()
def clock(
    tasks: Annotated[int, typer.Option(min=1, help="Open tasks")] = 1_000_000,
    due: Annotated[int, typer.Option(min=1, help="How many of them are due")] = 200,
    rounds: Annotated[int, typer.Option(min=1, help="How often each question is asked")] = 50,
    database_url: Annotated[
        str | None, typer.Option(help="On this PostgreSQL server, in databases made for it; without it SQLite")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Time a pass of the clock over many open tasks, beside one over few. Example: baton bench clock --tasks 100000

    As many are due both times. What a pass does is taken back each time.
    """
    from broker.cli import bench_clock, progress

    measured = bench_clock.measure(database_url, tasks, due, rounds, progress.watched())
    typer.echo(json.dumps(bench_clock.plain(measured), indent=2) if as_json else bench_clock.told(measured))


@app.command()
def replay(
    households: Annotated[int, typer.Option(min=1, max=100_000, help="In the simulated area")] = 1_000,
    seed: Annotated[int, typer.Option(help="The same area for the same seed")] = 1,
    as_json: AsJson = False,
) -> None:
    """Tell two years of a simulated area, and count what Baton asks of people. Example: baton bench replay --households 200

    After every event all that Baton promises is checked. Exit code 1 when something did not hold, or a health visitor is asked for
    more than the budget allows.
    """
    from broker.cli import bench_replay, progress

    told = bench_replay.measure(households, seed, progress.watched())
    typer.echo(json.dumps(bench_replay.plain(told), indent=2) if as_json else bench_replay.shown(told))
    if told.broken or not told.within_budget:
        raise typer.Exit(1)


@app.command()
def adapters(
    samples: Annotated[
        Path | None,
        typer.Option(help="A folder with a folder of samples for each format; without it those of the checkout"),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each sample is translated")] = 20,
    as_json: AsJson = False,
) -> None:
    """Time what every adapter makes of every kind of sample that it reads. Example: baton bench adapters --json"""
    from adapters.registry import ADAPTERS
    from broker.cli import bench_adapters, progress

    measured = bench_adapters.measure(samples or bench_adapters.SAMPLES, ADAPTERS, rounds, progress.watched())
    typer.echo(json.dumps(bench_adapters.plain(measured), indent=2) if as_json else bench_adapters.told(measured))


@app.command()
def pages(
    tasks: Annotated[int, typer.Option(min=1, help="Open tasks of the team")] = 10_000,
    events: Annotated[int, typer.Option(min=1, help="What was told of the household")] = 2_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each page is loaded")] = 50,
    database_url: Annotated[
        str | None, typer.Option(help="On this PostgreSQL server, in a database made for it; without it SQLite")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Time the largest pages that people load: an inbox and a household. Example: baton bench pages --rounds 20

    From the request to the whole answer, with session, queries, audit row and HTML, one at a time.
    """
    from broker.cli import bench_pages, progress

    measured = bench_pages.measure(database_url, tasks, events, rounds, progress.watched())
    typer.echo(json.dumps(bench_pages.plain(measured), indent=2) if as_json else bench_pages.told(measured))


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


def _costs(found: "Sequence[bench_costs.Cost]") -> None:
    for one in found:
        low, high = one.spread
        typer.echo(
            f"{one.database}, 1 process each: {' and '.join(one.of)} cost{'s' if len(one.of) == 1 else ''} {one.share:.1%}"
            f" of {one.without.per_second} accepted/s; half of {len(one.rounds)} rounds between {low:.1%} and {high:.1%}"
        )
    for one in found:
        if len(one.of) > 1:
            typer.echo(f"The goal, under 15 % for both, is {'met' if one.met else 'not met'} on {one.database}.")


def _table(measured: "Measured", goal: int) -> None:
    typer.echo(
        f"{measured.database}: {measured.handovers} handovers, {measured.open} open,"
        f" filled in {measured.seconds_to_fill} s; {measured.requests} requests each, one at a time"
    )
    typer.echo(f"{'':40}{'p50 ms':>10}{'p99 ms':>10}")
    for timing in measured.timings:
        typer.echo(f"{timing.question:40}{timing.p50:>10}{timing.p99:>10}")
    typer.echo(f"The goal, first page within {goal} ms at p99, is {'met' if measured.met else 'not met'}.")
