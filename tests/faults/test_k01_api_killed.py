"""K1: the API is killed between every pair of steps; what was accepted is there once, whatever the client had to send again."""

from pathlib import Path

from tests.faults import launch
from tests.faults.checker import Evidence, check
from tests.faults.load import Load
from tests.faults.processes import Api, Worker, dying_at, kept
from tests.faults.receivers import Receivers
from tests.faults.size import record, size
from tests.faults.town import Town

STEPS = tuple(launch.STEPS_IN)
ROUNDS = size(1, 10)


def test_killed_at_every_step_with_postgres(on_postgres: Town, hooks: Receivers, tmp_path: Path) -> None:
    settings = on_postgres.settings()
    first, second = (Api(settings, tmp_path / f"api{n}.log", "--no-worker") for n in range(2))
    worker = Worker(settings, tmp_path / "worker.log")
    with kept([worker]), kept([first, second], dying_at(STEPS, size(5, 100), rounds=ROUNDS)) as keeper:
        load = Load([first.port, second.port], on_postgres, per_second=size(60, 100)).start()
        keeper.until(deaths=len(STEPS) * ROUNDS, seconds=size(300, 3_000))
        load.until(size(50, 20_000), seconds=size(300, 3_000))
        load.stop()
        figures = check(on_postgres, Evidence(sent=load.sent, received=hooks.received, waits=load.waits))
    record("K1", "postgresql", figures, killed=keeper.deaths)


def test_killed_at_every_step_with_sqlite_and_the_worker_inside(
    on_sqlite: Town, hooks: Receivers, tmp_path: Path
) -> None:
    api = Api(on_sqlite.settings(), tmp_path / "api.log")
    with kept([api], dying_at(STEPS, size(5, 100), rounds=ROUNDS)) as keeper:
        load = Load([api.port], on_sqlite, per_second=size(60, 100)).start()
        keeper.until(deaths=len(STEPS) * ROUNDS, seconds=size(300, 3_000))
        load.until(size(50, 5_000), seconds=size(300, 3_000))
        load.stop()
        figures = check(on_sqlite, Evidence(sent=load.sent, received=hooks.received, waits=load.waits))
    record("K1", "sqlite", figures, killed=keeper.deaths)
