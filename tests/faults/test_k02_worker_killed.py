"""K2: workers are killed at every step; what they had claimed is claimed again when its lease ends, without anyone acting."""

from datetime import timedelta
from pathlib import Path

from tests.faults import claim_log, launch
from tests.faults.checker import Evidence, check
from tests.faults.load import Load
from tests.faults.processes import Api, Worker, dying_at, kept
from tests.faults.receivers import Receivers
from tests.faults.size import FULL, record, size
from tests.faults.town import Town

STEPS = tuple(launch.STEPS_OUT)
ROUNDS = size(2, 40)
AGAIN_WITHIN = timedelta(seconds=30)
"""Of the end of a dead worker's lease; behind the backlog of the full run it is a figure and no bound."""


def test_killed_at_every_step(on_postgres: Town, hooks: Receivers, tmp_path: Path) -> None:
    settings = on_postgres.settings()
    api = Api(settings, tmp_path / "api.log", "--no-worker")
    workers = [Worker(settings, tmp_path / f"worker{n}.log") for n in range(2)]
    with (
        claim_log.noted(on_postgres) as claims,
        kept([api]),
        kept(workers, dying_at(STEPS, 3, rounds=ROUNDS)) as keeper,
    ):
        api.once_it_answers()
        # No more than workers carry that are killed all the time: behind a backlog nothing would show how soon a dead one's work is taken up.
        load = Load([api.port], on_postgres, per_second=size(10, 40)).start()
        keeper.until(deaths=len(STEPS) * ROUNDS, seconds=size(300, 3_000))
        load.until(size(50, 20_000), seconds=size(300, 3_000))
        load.stop()
        figures = check(on_postgres, Evidence(sent=load.sent, received=hooks.received, waits=load.waits))
    again = claim_log.left_behind(claims)
    assert len(again) >= ROUNDS  # each that died at `claimed` left something
    longest = max(one.after for one in again)
    assert FULL or longest < AGAIN_WITHIN
    record("K2", "postgresql", figures, killed=keeper.deaths)
    record(
        "K2",
        "claimed-again",
        messages=figures.accepted,
        leases_that_ended=len(again),
        longest_seconds_from_the_end_of_a_lease_to_the_next_claim=round(longest.total_seconds(), 1),
    )
