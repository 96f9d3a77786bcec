"""K5: a RabbitMQ node is cut off from the others, the broker is cut off from RabbitMQ without a connection ending; nothing is lost, and it heals."""

import time
from pathlib import Path

from tests.faults.proxy import proxy
from tests.faults.rabbit_cluster import NODE_PORT, Cluster
from tests.faults.receivers import Receivers
from tests.faults.size import record, size
from tests.faults.test_k04_rabbit_killed import over_rabbit
from tests.faults.town import Town

CUT_FOR = size(8, 40)
"""Seconds."""


def test_a_node_is_cut_off_by_dropped_packets(
    on_postgres: Town, rabbit: Cluster, hooks: Receivers, tmp_path: Path
) -> None:
    with over_rabbit(on_postgres, hooks, tmp_path, rabbit.virtual_host()) as run:
        healed = 0.0
        for node in rabbit.nodes[: size(1, 3)]:
            rabbit.cut_off(node)
            time.sleep(CUT_FOR)
            run.more(10)
            rabbit.join_up()
            began = time.monotonic()
            rabbit.mend()
            healed = time.monotonic() - began
        figures = run.finish()
        assert run.keeper.deaths == 0
    record("K5", "node", figures, cut_for=CUT_FOR, healed_after_seconds=round(healed, 1))


def test_the_broker_hears_nothing_and_no_connection_ends(
    on_postgres: Town, rabbit: Cluster, hooks: Receivers, tmp_path: Path
) -> None:
    urls = rabbit.virtual_host()
    with proxy(rabbit.nodes[0].address, NODE_PORT) as between:
        through = urls[0].replace(f"{rabbit.nodes[0].address}:{NODE_PORT}", f"127.0.0.1:{between.port}")
        with over_rabbit(on_postgres, hooks, tmp_path, urls, seen_by_broker=[through]) as run:
            between.swallow()
            time.sleep(CUT_FOR)
            run.more(10)  # whoever sends is not held up
            between.pass_on()
            run.more(10)
            figures = run.finish()
            assert run.keeper.deaths == 0
    record("K5", "client", figures, cut_for=CUT_FOR)
