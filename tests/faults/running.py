"""A whole broker under load: servers, workers and clients on one town, checked when the fault is over."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from broker.clock import utc_now
from broker.workflow.verify import ALL_RIGHT
from tests.faults.checker import Evidence, Figures, check
from tests.faults.load import Load, Sent
from tests.faults.processes import Api, Keeper, Worker, kept
from tests.faults.queue_team import QueueTeam
from tests.faults.receivers import Received, Receivers
from tests.faults.town import PUSHED, QUEUED, Town


@dataclass(kw_only=True)
class Run:
    """What runs, and who watches over it."""

    town: Town
    hooks: Receivers
    apis: list[Api]
    workers: list[Worker]
    keeper: Keeper
    load: Load
    queue: QueueTeam | None = None
    """The system of the team that chose AMQP, where there is one."""

    @property
    def accepted(self) -> list[Sent]:
        """What clients were told is accepted, so far."""
        return self.load.accepted

    def more(self, count: int, seconds: float = 240) -> None:
        """Go on until so many more are accepted."""
        self.load.until(len(self.accepted) + count, seconds)

    def finish(self, *, away: frozenset[str] = frozenset(), behind: timedelta = ALL_RIGHT) -> Figures:
        """Stop the load, wait for the last delivery, and check everything."""
        self.load.stop()
        pushed = frozenset(PUSHED) | ({QUEUED} if self.queue else set())
        evidence = Evidence(
            sent=self.load.sent,
            received=self._received,
            waits=self.load.waits,
            pushed=pushed,
            away=away,
            behind=behind,
        )
        return check(self.town, evidence)

    def _received(self) -> list[Received]:
        return [*self.hooks.received(), *(self.queue.received if self.queue else [])]


@contextmanager
def running(
    town: Town,
    hooks: Receivers,
    folder: Path,
    *,
    apis: int = 1,
    workers: int = 1,
    per_second: float = 30,
    settings: Mapping[str, str] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Iterator[Run]:
    """All of it, with the first messages accepted. On SQLite the worker is inside the one server: `workers=0`."""
    given = town.settings(**(settings or {}))
    options = ["--no-worker"] if workers else []
    served = [Api(given, folder / f"api{number}.log", *options) for number in range(apis)]
    working = [Worker(given, folder / f"worker{number}.log") for number in range(workers)]
    with kept([*served, *working]) as keeper:
        for api in served:
            api.once_it_answers()
        load = Load([api.port for api in served], town, per_second=per_second, clock=clock).start()
        run = Run(town=town, hooks=hooks, apis=served, workers=working, keeper=keeper, load=load)
        run.more(5)
        yield run
