"""A bus and its queues on a virtual host of the test's own, and what an administrator sees there."""

import asyncio
from contextlib import asynccontextmanager

import aio_pika

from broker.bus.rabbit.bus import RabbitBus
from broker.bus.rabbit.link import Link, Server
from broker.bus.rabbit.names import queues, team_queue

SHARDS = 2
TEAMS = ("a-team", "b-team")


def server(*urls: str, timeout_seconds: float = 5) -> Server:
    """How tests speak to RabbitMQ: few shards, because each is a queue to make."""
    return Server(addresses=urls, shards=SHARDS, timeout_seconds=timeout_seconds)


@asynccontextmanager
async def bus_at(*urls: str, **settings):
    """A started bus."""
    bus = RabbitBus(Link(server(*urls, **settings)))
    await bus.start()
    try:
        yield bus
    finally:
        await bus.stop()


@asynccontextmanager
async def administrator(url: str):
    """A channel of somebody who may do everything."""
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        yield channel


async def emptied(url: str) -> None:
    """Nothing of an earlier test is left."""
    async with administrator(url) as channel:
        for queue in [*queues(SHARDS), *(team_queue(team) for team in TEAMS)]:
            await channel.queue_delete(queue.name)


async def taken(channel, queue: str):
    """The next message of a queue, as soon as there is one; it is not put back."""
    there = await channel.get_queue(queue, ensure=False)
    while True:
        message = await there.get(fail=False)
        if message is not None:
            await message.ack()
            return message
        await asyncio.sleep(0.02)


async def until(condition) -> None:
    """Wait for what comes about by itself; the test's own time limit ends it."""
    while not condition():  # noqa: ASYNC110 - counters and the server's state have no event
        await asyncio.sleep(0.02)
