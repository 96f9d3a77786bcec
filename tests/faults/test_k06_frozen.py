"""K6: the database, the receivers, a worker stand still and answer nothing; waits are bounded, nothing leaks, and all goes on afterwards. RabbitMQ is `test_k06_rabbit_frozen.py`'s."""

import signal
import time
from pathlib import Path

from tests.faults.postgres import Cluster
from tests.faults.receivers import Receivers
from tests.faults.running import running
from tests.faults.size import FULL, record, size
from tests.faults.town import LEASE_SECONDS, Town

FROZEN = size(8, 60)
"""Seconds."""
ANSWERED_WITHIN = 7.0
"""Seconds until a client must have its 503, and two for the clients' own machine; looked at in the full run, where nothing else runs."""


def descriptors(pid: int) -> int:
    """Open files and connections of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def threads(pid: int) -> int:
    """Threads of a process."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def test_a_frozen_database_is_answered_503_in_time_and_leaves_nothing_behind(
    on_postgres: Town, postgres_server: Cluster, hooks: Receivers, tmp_path: Path
) -> None:
    with running(on_postgres, hooks, tmp_path) as run:
        run.more(20)
        api = run.apis[0].pid
        before = descriptors(api), threads(api)
        answered = len(run.load.waits)
        postgres_server.freeze()
        run.load.until_status(503, seconds=60)
        time.sleep(size(1, FROZEN))
        during = run.load.waits[answered:]
        postgres_server.thaw()
        run.more(20)
        figures = run.finish()
        after = descriptors(api), threads(api)
        assert run.keeper.deaths == 0
    unavailable = [seconds for status, seconds in during if status == 503]
    assert unavailable
    assert not FULL or max(unavailable) < ANSWERED_WITHIN
    assert {status for status, _ in during} <= {200, 503}
    assert after[0] <= before[0] + 16  # connections to the database that the pool keeps
    assert after[1] <= before[1] + 40  # threads that the server's pool keeps
    longest = round(max(unavailable), 1)
    record("K6", "database", figures, frozen=FROZEN, unavailable_answers=len(unavailable), longest_wait_for_503=longest)


def test_frozen_receivers_are_waited_for_and_then_get_everything(
    on_postgres: Town, hooks: Receivers, tmp_path: Path
) -> None:
    with running(on_postgres, hooks, tmp_path) as run:
        hooks.process.send_signal(signal.SIGSTOP)
        run.more(30)  # nobody who sends is held up
        time.sleep(FROZEN)
        hooks.process.send_signal(signal.SIGCONT)
        figures = run.finish()
    record("K6", "receivers", figures, frozen=FROZEN)


def test_a_worker_that_stood_still_finds_its_work_done_by_others(
    on_postgres: Town, hooks: Receivers, tmp_path: Path
) -> None:
    with running(on_postgres, hooks, tmp_path, workers=2) as run:
        for worker in run.workers:
            worker.send(signal.SIGSTOP)
            run.more(15)
            time.sleep(2 * LEASE_SECONDS)
            worker.send(signal.SIGCONT)
        figures = run.finish()
        assert run.keeper.deaths == 0
    record("K6", "worker", figures, frozen=2 * LEASE_SECONDS)
