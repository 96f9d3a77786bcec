"""What a pass of the clock costs: the same number of tasks due among few open ones and among very many, in turn."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final

from sqlmodel import Session

from broker import log
from broker.bus.embedded import EmbeddedBus
from broker.cli.bench_servers import database
from broker.cli.bench_timing import Timed, taken_back, timed
from broker.clock import utc_now
from broker.policy.model import load
from broker.runtime import Runtime
from broker.settings import DEMO_KEY, Settings
from broker.storage import migrate, synthetic, synthetic_clock
from broker.storage.codec import AesCodec
from broker.storage.engines import SERVING
from broker.storage.store import open_store
from broker.storage.synthetic import Amount
from broker.workflow import clock, watchdog

GOAL_MILLISECONDS: Final = 2_000
FEW: Final = 10_000
"""Open tasks of the smaller town."""
WARM: Final = 3
"""Tries that are not counted."""

Progress = Callable[[int, int, str], None]
Work = Callable[[Runtime, datetime, Session], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """All questions over one number of open tasks."""

    database: str
    open: int
    due: int
    timings: Sequence[Timed]

    @property
    def met(self) -> bool:
        """Whether 99 of 100 passes with something due came within the goal."""
        return self.timings[-1].p99 <= GOAL_MILLISECONDS


def measure(server: str | None, tasks: int, due: int, rounds: int, progress: Progress) -> tuple[Over, Over]:
    """Among few open tasks and among `tasks`, with as many of them due; on SQLite, or in databases made on that server."""
    log.configure("text", quiet=True)
    now = utc_now()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="baton-bench-")))
        counted = {"little": min(FEW, tasks), "much": tasks}
        little, much = (
            _filled(stack, server, folder / name, count, due, now, progress) for name, count in counted.items()
        )
        taken = [_timings(one, now, rounds) for one in (little, much)]
        first, second = (
            Over(database=one.store.engine.dialect.name, open=count, due=due, timings=timings)
            for one, count, timings in zip((little, much), counted.values(), taken, strict=True)
        )
        return first, second


def plain(measured: tuple[Over, Over]) -> list[dict[str, Any]]:
    """As JSON has it."""
    return [asdict(one) | {"met": one.met} for one in measured]


def told(measured: tuple[Over, Over]) -> str:
    """As a table."""
    little, much = measured
    head = f"{'milliseconds, p50 / p99':44}" + "".join(f"{one.open:>20,} open" for one in measured)
    lines = [
        f"{a.question:44}{a.p50:>17.2f} /{a.p99:>7.2f}{b.p50:>16.2f} /{b.p99:>7.2f}"
        for a, b in zip(little.timings, much.timings, strict=True)
    ]
    goal = f"The goal, a pass within {GOAL_MILLISECONDS} ms at p99, is {'met' if much.met else 'not met'} on {much.database}."
    return "\n".join([head, *lines, goal])


def _filled(
    stack: ExitStack, server: str | None, folder: Path, tasks: int, due: int, now: datetime, progress: Progress
) -> Runtime:
    folder.mkdir()
    url = stack.enter_context(database(server, folder)) if server else f"sqlite:///{folder / 'bench.db'}"
    store = stack.enter_context(closing(open_store(url, AesCodec(DEMO_KEY.encode()), SERVING)))
    migrate.upgrade(store.engine)
    for done in synthetic.load(store, Amount(handovers=tasks, open=tasks), now):
        progress(done, tasks, "tasks")
    store.write(partial(synthetic_clock.set_dates, due=due, now=now))
    synthetic.gather_statistics(store)
    return Runtime(Settings(), store, load(None), EmbeddedBus())


def _timings(runtime: Runtime, now: datetime, rounds: int) -> list[Timed]:
    return [_asked(name, runtime, work, now, rounds) for name, work in _QUESTIONS.items()]


def _asked(question: str, runtime: Runtime, work: Work, now: datetime, rounds: int) -> Timed:
    taken: list[float] = []
    for number in range(WARM + rounds):
        began = perf_counter()
        taken_back(runtime.store, partial(work, runtime, now))
        if number >= WARM:
            taken.append(1000 * (perf_counter() - began))
    return timed(question, taken)


def _tick(runtime: Runtime, now: datetime, session: Session) -> int:
    return clock.tick(session, runtime.context(session), now)


_QUESTIONS: Final[dict[str, Work]] = {
    "when something is due next": lambda _runtime, _now, session: clock.next_due(session),
    "a pass when nothing is due": lambda runtime, now, session: _tick(runtime, now - 2 * synthetic_clock.PAST, session),
    "a pass of the watchdog": lambda runtime, now, session: watchdog.watch(
        session, runtime.context(session), now - 2 * synthetic_clock.PAST
    ),
    "a pass with as many due as it takes at once": _tick,
}
