"""K3: the whole PostgreSQL is killed under load, again and again; what was accepted is there when it has recovered."""

from pathlib import Path

from tests.faults.postgres import Cluster
from tests.faults.receivers import Receivers
from tests.faults.running import running
from tests.faults.size import record, size
from tests.faults.town import Town

KILLS = size(2, 10)


def test_killed_under_load(on_postgres: Town, postgres_server: Cluster, hooks: Receivers, tmp_path: Path) -> None:
    with running(on_postgres, hooks, tmp_path, apis=2, per_second=size(30, 100)) as run:
        for _ in range(KILLS):
            run.more(size(15, 20_000 // KILLS), seconds=size(60, 1_000))
            postgres_server.kill()
            postgres_server.start()
        run.more(10)
        figures = run.finish()
        assert run.keeper.deaths == 0  # a database that went away ends no process of ours
    record("K3", "killed", figures, killed=KILLS, unavailable_answers=run.load.statuses[503])
