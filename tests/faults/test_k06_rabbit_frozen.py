"""K6: nodes of RabbitMQ stand still; nobody who sends waits for them, and nothing is lost."""

import time
from pathlib import Path

import pytest

from tests.faults import rabbit_cluster
from tests.faults.rabbit_cluster import NODES
from tests.faults.receivers import Receivers
from tests.faults.size import FULL, record
from tests.faults.test_k04_rabbit_killed import over_rabbit
from tests.faults.test_k06_frozen import ANSWERED_WITHIN, FROZEN
from tests.faults.town import Town


@pytest.mark.skipif(not FULL, reason="minutes of waiting for nodes that are started again: in the full run alone")
@pytest.mark.parametrize("frozen", [1, NODES], ids=["one-node", "all-nodes"])
def test_a_frozen_rabbitmq_holds_up_nobody_who_sends(
    frozen: int, on_postgres: Town, rabbit: rabbit_cluster.Cluster, hooks: Receivers, tmp_path: Path
) -> None:
    """A node that stood still for longer than the others wait comes back partitioned, and RabbitMQ leaves it so: it is started again, as by an operator."""
    nodes = rabbit.nodes[:frozen]
    with over_rabbit(on_postgres, hooks, tmp_path, rabbit.virtual_host()) as run:
        time.sleep(rabbit_cluster.SETTLED)
        answered = len(run.load.waits)
        for node in nodes:
            node.freeze()
        time.sleep(FROZEN)
        run.more(10)
        during = run.load.waits[answered:]
        rabbit.thaw()
        run.more(10)
        for node in nodes:
            node.kill()
        rabbit.mend()
        run.more(10)
        figures = run.finish()
        assert run.keeper.deaths == 0
    longest = max(seconds for _, seconds in during)
    assert 503 not in {status for status, _ in during}  # what is accepted is in the database; RabbitMQ only wakes
    assert not FULL or longest < ANSWERED_WITHIN
    record(
        "K6",
        "rabbitmq-all-nodes" if frozen == NODES else "rabbitmq-one-node",
        figures,
        frozen=FROZEN,
        longest_wait_for_an_answer=round(longest, 1),
    )
