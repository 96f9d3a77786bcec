"""Declares on RabbitMQ what `names` says, again and again without harm."""

from aio_pika.abc import AbstractChannel, AbstractConnection

from broker.bus.rabbit.foreign import Differs, translated
from broker.bus.rabbit.names import EXCHANGES, Exchange, Queue, queues


async def declare(connection: AbstractConnection, shards: int) -> list[str]:
    """Everything that is always there. Gives the names of what exists with other arguments, which is left as it is."""
    differ = [one.name for one in EXCHANGES if not await declare_exchange(connection, one)]
    return differ + [one.name for one in queues(shards) if not await declare_queue(connection, one)]


async def declare_exchange(connection: AbstractConnection, exchange: Exchange) -> bool:
    """False when it exists and is another kind."""
    with translated():
        async with connection.channel() as channel:
            try:
                with translated():
                    await channel.declare_exchange(exchange.name, exchange.type, durable=True)
            except Differs:
                return False
    return True


async def declare_queue(connection: AbstractConnection, queue: Queue) -> bool:
    """Declared and bound; False when it exists with other arguments, which are left, and it is bound all the same."""
    with translated():
        try:
            async with connection.channel() as channel:
                with translated():
                    await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
                await _bind(channel, queue)
        except Differs:  # RabbitMQ has closed that channel
            async with connection.channel() as channel:
                await _bind(channel, queue)
            return False
    return True


async def _bind(channel: AbstractChannel, queue: Queue) -> None:
    there = await channel.get_queue(queue.name, ensure=False)
    await there.bind(queue.exchange, routing_key=queue.key)
