"""A team's system as an agency might write it: takes messages from the team's queue and sends a receipt for each; for benches and tests."""

import asyncio

import aio_pika
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from broker.bus.rabbit import topology
from broker.bus.rabbit.names import RECEIPTS, team_queue

PREFETCH = 100
"""Messages that are taken while their receipts are on their way."""


async def take(url: str, teams: list[str]) -> None:
    """Empty the queues of these teams until cancelled; who starts before the broker has made them makes them."""
    connection = await aio_pika.connect(url, name="team")
    async with connection:
        await topology.declare(connection, 1)
        for team in teams:
            await topology.declare_queue(connection, team_queue(team))
        channel = await connection.channel(publisher_confirms=True)
        await channel.set_qos(prefetch_count=PREFETCH)
        receipts = await channel.get_exchange(RECEIPTS, ensure=False)
        for team in teams:
            queue = await channel.get_queue(team_queue(team).name, ensure=False)
            await queue.consume(lambda message: _take(receipts, message))
        await asyncio.Event().wait()


async def _take(receipts: AbstractExchange, message: AbstractIncomingMessage) -> None:
    """Keep it (here: nowhere), say so, and only then let the queue forget it."""
    said = Message(b"", correlation_id=message.message_id, delivery_mode=DeliveryMode.PERSISTENT)
    await receipts.publish(said, "", mandatory=True)
    await message.ack()
