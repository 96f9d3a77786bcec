"""The bus and teams' queues on three nodes: with the one it spoke to dead, and with it the leaders of queues, the other two are enough."""

import asyncio
import time
from datetime import UTC, datetime

from adapters.port import Unanswered
from broker.bus.rabbit.bus import RabbitBus
from broker.bus.rabbit.link import Link, Server
from broker.bus.rabbit.names import team_queue
from broker.bus.rabbit.teams import TeamQueues
from broker.domain.due import Due
from tests.faults.rabbit_cluster import Cluster, Node

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TEAM = "failover-team"
QUEUED = Unanswered(receipt_follows=True)
SHARDS = 4
PATIENCE = 60.0  # seconds; a leader is found within one or two


def led_by(node: Node, queue: str) -> None:
    """Have this node lead a queue."""
    node.control(
        "eval",
        f'{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"{queue}">>)), '
        "{Name, _} = amqqueue:get_pid(Q), {ok, _, Leader} = ra:members({Name, node()}), "
        "case Leader of {Name, N} when N == node() -> ok; _ -> ra:transfer_leadership(Leader, {Name, node()}) end.",
    )
    while f"{queue}\t{node.name}" not in node.control("list_queues", "--silent", "name", "leader"):
        time.sleep(0.2)


async def taken(teams: TeamQueues, message_id: str) -> None:
    """Pushed until a queue has it."""
    while await teams.push(TEAM, message_id, b"{}", {}, now=NOW) != QUEUED:  # noqa: ASYNC110 - as a worker tries again
        await asyncio.sleep(0.1)


def test_a_dead_node_costs_moments_whatever_it_led(rabbit: Cluster):
    first = rabbit.nodes[0]

    async def go() -> None:
        server = Server(addresses=rabbit.urls, shards=SHARDS, timeout_seconds=5)
        bus = RabbitBus(Link(server, lot=lambda: 0.0))  # begins with the first address
        await bus.start()
        teams = TeamQueues(bus.link, longest=10)
        heard: set[str] = set()

        async def hear() -> None:
            while True:
                heard.update(await bus.receive(PATIENCE))
                await bus.done()

        hearing = asyncio.create_task(hear())
        try:
            async with asyncio.timeout(PATIENCE):
                await taken(teams, "before")
                await asyncio.to_thread(led_by, first, team_queue(TEAM).name)
                first.kill()
                await taken(teams, "after")
                for lane in range(100):  # some to each shard
                    bus.publish([Due(f"home-{lane}", str(lane))])
                while len(heard) < 100:
                    await asyncio.sleep(0.5)
                    bus.publish([Due(f"home-{lane}", str(lane)) for lane in range(100)])  # as the next commit would
        finally:
            hearing.cancel()
            await teams.stop()
            await bus.stop()

    asyncio.run(go())
