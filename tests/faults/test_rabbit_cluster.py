"""The cluster that faults hit is one: what two of three nodes have confirmed survives any one of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import aio_pika
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError

from tests.faults import rabbit_cluster
from tests.faults.rabbit_cluster import Cluster

T = TypeVar("T")
QUEUE = "kept"
ON_THREE = {"x-queue-type": "quorum", "x-quorum-initial-group-size": 3}


def asking(url: str, work: Callable[[AbstractChannel], Awaitable[T]]) -> T:
    """What comes of one channel to a node; asked again while the nodes that are left choose a leader."""

    async def once() -> T:
        async with await aio_pika.connect(url) as connection:
            return await work(await connection.channel(publisher_confirms=True, on_return_raises=True))

    async def ask() -> T:
        async with asyncio.timeout(30):
            while True:
                with suppress(AMQPError, TimeoutError):
                    return await once()
                await asyncio.sleep(0.2)

    return asyncio.run(ask())


async def _publish(channel: AbstractChannel) -> None:
    await channel.declare_queue(QUEUE, durable=True, arguments=ON_THREE)
    message = aio_pika.Message(b"an id", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    await channel.default_exchange.publish(message, QUEUE, timeout=20)


async def _first(channel: AbstractChannel) -> bytes:
    """What waits first; unacknowledged, so that it goes on waiting."""
    queue = await channel.declare_queue(QUEUE, passive=True)
    async with queue.iterator(timeout=5) as messages:
        return (await anext(messages)).body


async def _delete(channel: AbstractChannel) -> None:
    await channel.queue_delete(QUEUE)


def test_a_confirmed_message_survives_the_death_of_a_node_and_of_all(rabbit: Cluster) -> None:
    first, second, third = rabbit.nodes
    asking(first.url, _publish)
    time.sleep(rabbit_cluster.SETTLED)
    first.kill()
    assert asking(second.url, _first) == b"an id"
    rabbit.kill()
    rabbit.start()
    assert asking(third.url, _first) == b"an id"
    asking(first.url, _delete)


def test_a_node_cut_off_from_the_others_serves_nobody_until_they_meet_again(rabbit: Cluster) -> None:
    first, second, third = rabbit.nodes
    rabbit.cut_off(third)
    rabbit.wait_until(lambda: not third.lets_us_in(), "the minority still serves")
    assert first.lets_us_in()
    assert second.lets_us_in()
    rabbit.join_up()
    rabbit.wait()
    assert rabbit.running() == {node.name for node in rabbit.nodes}
