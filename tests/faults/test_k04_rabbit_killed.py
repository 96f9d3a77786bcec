"""K4: one RabbitMQ node of three is killed, then all three; queues are deleted; what was confirmed is thrown away. It costs time, and nothing else."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from broker.clock import utc_now
from tests.faults import rabbit_cluster, town
from tests.faults.checker import opened
from tests.faults.queue_team import at_queues, taking
from tests.faults.rabbit_cluster import Cluster
from tests.faults.receivers import Receivers
from tests.faults.running import Run, running
from tests.faults.size import record, size
from tests.faults.town import QUEUED, Town

ROUNDS = size(1, 4)
SHARDS = 3
TEAM_QUEUE = f"baton.team.{QUEUED}"
QUEUES = [*(f"baton.work.{number}" for number in range(SHARDS)), TEAM_QUEUE, "baton.receipts"]


@contextmanager
def over_rabbit(
    place: Town, hooks: Receivers, folder: Path, urls: Sequence[str], *, seen_by_broker: Sequence[str] = ()
) -> Iterator[Run]:
    """A broker whose announcements and one team's messages go over RabbitMQ, under load. `seen_by_broker`: where it connects, if elsewhere."""
    with opened(place) as store:
        store.write(lambda session: town.queued(session, store.codec, utc_now()))
    settings = {"BATON_AMQP_URL": ",".join(seen_by_broker or urls)}
    with (
        taking(urls, QUEUED) as queue,
        running(place, hooks, folder, workers=2, per_second=size(20, 100), settings=settings) as run,
    ):
        run.queue = queue
        while not queue.received:  # all of it works before anything is broken
            time.sleep(0.1)
        yield run


def test_one_node_and_then_all_are_killed(on_postgres: Town, rabbit: Cluster, hooks: Receivers, tmp_path: Path) -> None:
    with over_rabbit(on_postgres, hooks, tmp_path, rabbit.virtual_host()) as run:
        time.sleep(rabbit_cluster.SETTLED)
        for turn in range(ROUNDS):
            node = rabbit.nodes[turn % len(rabbit.nodes)]
            node.kill()
            run.more(size(15, 10_000 // (2 * ROUNDS)), seconds=1_000)  # two of three go on
            rabbit.start(node)
            rabbit.kill()
            run.more(
                size(15, 10_000 // (2 * ROUNDS)), seconds=1_000
            )  # without RabbitMQ everything is accepted all the same
            rabbit.start()
            run.more(10)
        figures = run.finish()
        assert run.keeper.deaths == 0
    record("K4", "nodes-killed", figures, killed=4 * ROUNDS)


def test_queues_are_deleted_and_confirmed_messages_thrown_away(
    on_postgres: Town, rabbit: Cluster, hooks: Receivers, tmp_path: Path
) -> None:
    urls = rabbit.virtual_host()
    with over_rabbit(on_postgres, hooks, tmp_path, urls) as run:
        for _ in range(ROUNDS):
            at_queues(urls, QUEUES, lambda channel, name: channel.queue_delete(name))
            run.more(size(15, 10_000 // (2 * ROUNDS)), seconds=1_000)
            lied, until = len(run.accepted), time.monotonic() + size(4, 20)
            while time.monotonic() < until or len(run.accepted) == lied:
                at_queues(urls, QUEUES, _purge)
            run.more(size(15, 10_000 // (2 * ROUNDS)), seconds=1_000)
        figures = run.finish()
        assert run.keeper.deaths == 0
    record("K4", "queues-deleted-and-purged", figures, times=ROUNDS)


async def _purge(channel, name: str) -> None:
    queue = await channel.get_queue(name, ensure=False)
    await queue.purge()
