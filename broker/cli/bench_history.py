"""What a million closed deliveries cost what runs all day: the same questions over the same open work, with little history and with much, on PostgreSQL."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final

from sqlalchemy import text
from sqlmodel import Session

from broker import log
from broker.bus.embedded import EmbeddedBus
from broker.cli import bench_town
from broker.cli.bench_servers import database
from broker.cli.bench_timing import Timed, taken_back, timed
from broker.clock import utc_now
from broker.policy.model import load
from broker.runtime import Runtime
from broker.settings import DEMO_KEY, Settings
from broker.storage import (
    audit_log,
    claims,
    deliveries,
    escalations,
    mailbox,
    migrate,
    synthetic,
    synthetic_years,
    task_search,
)
from broker.storage.codec import AesCodec
from broker.storage.engines import SERVING
from broker.storage.leasing import Share
from broker.storage.store import Store, open_store
from broker.storage.synthetic import Amount
from broker.storage.task_search import TaskQuery
from broker.storage.task_values import Scope
from schemas.codes import TaskStatus

HANDOVERS: Final = 6_000
OPEN: Final = 200
WAITING: Final = 1_000
"""Deliveries that wait."""

WARM: Final = 10
"""Tries that are not counted: they prepare what all later ones use."""

Progress = Callable[[int, int, str], None]
Work = Callable[[Session], object]
Asked = Mapping[str, Callable[[], object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """All questions over one amount of history."""

    closed: int
    """Deliveries that are over."""
    megabytes: int
    """Of the database."""
    timings: Sequence[Timed]


def measure(server: str, closed: int, rounds: int, progress: Progress) -> tuple[Over, Over]:
    """With little history and with `closed` deliveries that are over, in turn, in databases made for it on that server."""
    log.configure("text", quiet=True)
    years = max(1, min(synthetic_years.MOST, round(closed / (HANDOVERS - WAITING))))
    now = utc_now()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="baton-bench-")))
        little, much = (_filled(stack, server, folder, count, now, progress) for count in (0, years))
        taken = _in_turn(_asked(little, now, rounds), _asked(much, now, rounds), rounds)
        return _over(little.store, taken[0]), _over(much.store, taken[1])


def plain(measured: tuple[Over, Over]) -> list[dict[str, Any]]:
    """As JSON has it."""
    return [asdict(one) for one in measured]


def told(measured: tuple[Over, Over]) -> str:
    """As a table."""
    little, much = measured
    head = f"{'milliseconds, p50 / p99':34}" + "".join(f"{one.closed:>18,} closed" for one in measured)
    lines = [
        f"{a.question:34}{a.p50:>16.2f} /{a.p99:>7.2f}{b.p50:>16.2f} /{b.p99:>7.2f}"
        for a, b in zip(little.timings, much.timings, strict=True)
    ]
    size = f"{'database':34}{little.megabytes:>22,} MB{much.megabytes:>22,} MB"
    return "\n".join([head, *lines, size])


def _filled(stack: ExitStack, server: str, folder: Path, years: int, now: datetime, progress: Progress) -> Runtime:
    url = stack.enter_context(database(server, folder))
    store = stack.enter_context(closing(open_store(url, AesCodec(DEMO_KEY.encode()), SERVING)))
    migrate.upgrade(store.engine)
    for _ in synthetic.load(store, Amount(handovers=HANDOVERS, open=OPEN), now):
        pass
    store.write(partial(synthetic_years.begin, waiting=WAITING, now=now))
    for done in synthetic_years.repeat(store, years):
        progress(done, years, "years")
    runtime = Runtime(Settings(), store, load(None), EmbeddedBus())
    bench_town.fill(runtime)
    synthetic.gather_statistics(store)
    return runtime


def _asked(runtime: Runtime, now: datetime, rounds: int) -> Asked:
    asked: dict[str, Callable[[], object]] = {
        name: partial(taken_back, runtime.store, work) for name, work in _questions(now).items()
    }
    bodies = iter(bench_town.bodies(now, WARM + rounds))
    return asked | {"a message accepted": lambda: bench_town.send(runtime, next(bodies))}


def _in_turn(first: Asked, second: Asked, rounds: int) -> tuple[list[Timed], list[Timed]]:
    """Each question of the one and of the other at once, so that what else the machine does slows both."""
    timings: tuple[list[Timed], list[Timed]] = ([], [])
    for question in first:
        taken: tuple[list[float], list[float]] = ([], [])
        for number in range(WARM + rounds):
            for times, ask in zip(taken, (first[question], second[question]), strict=True):
                began = perf_counter()
                ask()
                if number >= WARM:
                    times.append(1000 * (perf_counter() - began))
        for found, times in zip(timings, taken, strict=True):
            found.append(timed(question, times))
    return timings


def _over(store: Store, timings: Sequence[Timed]) -> Over:
    return Over(closed=store.read(_closed), megabytes=store.read(_megabytes), timings=timings)


def _questions(now: datetime) -> Mapping[str, Work]:
    owner, boxed, codec = synthetic.team_ids()[7], synthetic.team_ids()[0], AesCodec(DEMO_KEY.encode())
    asked = TaskQuery(owner=owner, statuses=frozenset({TaskStatus.REQUESTED, TaskStatus.RECEIVED}))
    share, lease = Share(limit=50, per_team=8), timedelta(seconds=30)
    return {
        "fifty deliveries claimed": lambda session: claims.claim(session, share, now=now, lease=lease),
        "what has no number, numbered": lambda session: mailbox.number(
            session, mailbox.unnumbered_teams(session, limit=50), limit=100
        ),
        "what waits in a mailbox": lambda session: mailbox.waiting(session, boxed, limit=100),
        "the newest of a mailbox": lambda session: mailbox.page(session, boxed, after=HANDOVERS // 2, limit=100),
        "a team's open tasks": lambda session: task_search.search(session, codec, asked, Scope(team=owner)),
        "due escalations": lambda session: escalations.due(session, codec, now, 200),
        "what is unsealed": lambda session: audit_log.unsealed(session, limit=100),
        "rows fitted to channels": lambda session: deliveries.align(session, now=now),
    }


def _closed(session: Session) -> int:
    return int(session.execute(text("SELECT count(*) FROM delivery WHERE state = 'delivered'")).scalar_one())


def _megabytes(session: Session) -> int:
    return int(session.execute(text("SELECT pg_database_size(current_database()) / 1000000")).scalar_one())
