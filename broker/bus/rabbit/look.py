"""Looks at RabbitMQ without changing anything: what answers, which queues there are, how many replicas, what waits; for `baton doctor`."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aio_pika.abc import AbstractConnection

from broker.bus.rabbit.foreign import BusError, Differs, Missing, translated
from broker.bus.rabbit.link import CONNECT_SECONDS, Server, close, open_connection
from broker.bus.rabbit.management import Management, NotManaged
from broker.bus.rabbit.names import DEAD, REPLICAS, Queue, queues, team_queue

NOT_SET = "BATON_AMQP_MANAGEMENT_URL is not set, so replicas and alarms are not known"

DISCREET = (4, 2, 6)
"""The first version that checks permissions for a passive declaration, whose answer says how many messages wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenQueue:
    """One of ours, as it is."""

    name: str
    exists: bool = True
    as_declared: bool = True
    """A quorum queue with the arguments that this version declares."""
    messages: int = 0
    """Ready, that is not with a consumer."""
    consumers: int = 0
    replicas: int | None = None
    online: int | None = None
    """Replicas that run; None, as for them, where nobody could tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What there is to see."""

    version: str | None = None
    """Of RabbitMQ; None when no address let us in."""
    not_managed: str | None = None
    """Why replicas and alarms are not known; None when they are."""
    queues: Sequence[SeenQueue] = ()
    alarms: Sequence[str] = ()
    """Nodes that are down, cut off or short of something, in words."""


def look(server: Server, management: Management | None, virtual_host: str, teams: Sequence[str]) -> Seen:
    """Everything of ours in the virtual host, the queues of these teams included."""
    seen = asyncio.run(_by_amqp(server, [*queues(server.shards), *(team_queue(team) for team in teams)]))
    if management is None:
        return replace(seen, not_managed=NOT_SET)
    try:
        told = {queue["name"]: queue for queue in management.queues(virtual_host)}
        alarms = list(_alarms(management.nodes()))
    except NotManaged as error:
        return replace(seen, not_managed=str(error))
    return replace(
        seen, queues=[_with_replicas(queue, told.get(queue.name, {})) for queue in seen.queues], alarms=alarms
    )


def warnings(seen: Seen) -> Iterator[str]:
    """What an operator should know, the worst first. Nothing of it loses anything: the record is the database."""
    yield from seen.alarms
    if seen.version is not None and _numbers(seen.version) < DISCREET:
        yield f"RabbitMQ {seen.version} tells every user how many messages wait in any queue; from 4.2.6 on it does not"
    if missing := [queue.name for queue in seen.queues if not queue.exists]:
        yield f"not declared yet, a running broker does it: {', '.join(missing)}"
    if other := [queue.name for queue in seen.queues if not queue.as_declared]:
        yield f"declared otherwise than by this version: {', '.join(other)}; delete them once they are empty, and they are declared again"
    few = [queue.replicas for queue in seen.queues if queue.replicas is not None and queue.replicas < REPLICAS]
    if few:
        yield f"{len(few)} queues have fewer than {REPLICAS} replicas, the least {min(few)}: lost nodes take them along"
    if down := [queue.name for queue in seen.queues if queue.online != queue.replicas]:
        yield f"not all replicas run: {', '.join(down)}"
    for queue in seen.queues:
        if queue.name == DEAD and queue.messages:
            yield f"dead letters: {queue.messages} in {DEAD}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"[0-9]+", version)[:3])


async def _by_amqp(server: Server, wanted: Sequence[Queue]) -> Seen:
    for address in server.addresses:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                with translated():
                    connection = await open_connection(address, server.tls)
        except (BusError, TimeoutError):
            continue
        try:
            return Seen(version=_version(connection), queues=[await _one(connection, queue) for queue in wanted])
        except (BusError, TimeoutError):
            continue
        finally:
            await close(connection)
    return Seen()


def _version(connection: AbstractConnection) -> str:
    properties: Mapping[str, Any] = getattr(connection.transport, "connection").server_properties  # noqa: B009 - untyped there
    return str(properties.get("version", "unknown"))


async def _one(connection: AbstractConnection, queue: Queue) -> SeenQueue:
    """As far as AMQP tells."""
    async with asyncio.timeout(CONNECT_SECONDS):
        try:
            with translated():
                async with connection.channel() as channel:
                    said = (await channel.get_queue(queue.name)).declaration_result
        except Missing:
            return SeenQueue(name=queue.name, exists=False)
        seen = SeenQueue(name=queue.name, messages=said.message_count or 0, consumers=said.consumer_count or 0)
        try:
            with translated():
                async with connection.channel() as channel:  # what is there already is not made, only compared
                    await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
        except Differs:
            return replace(seen, as_declared=False)
    return seen


def _with_replicas(queue: SeenQueue, told: Mapping[str, Any]) -> SeenQueue:
    return replace(
        queue,
        replicas=len(told["members"]) if "members" in told else None,
        online=len(told["online"]) if "online" in told else None,
    )


def _alarms(nodes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    troubles = {
        "mem_alarm": "is short of memory, publishing is blocked",
        "disk_free_alarm": "is short of disk, publishing is blocked",
        "partitions": "is cut off from other nodes",
    }
    for node in nodes:
        if not node.get("running"):
            yield f"{node['name']} is down"
        for name, words in troubles.items():
            if node.get(name):
                yield f"{node['name']} {words}"
