"""A worker that pushes to teams' queues on a real RabbitMQ, on both databases: a confirm is not a delivery, a receipt is."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import orjson
import pytest
from aio_pika import Message
from pydantic import SecretStr
from sqlmodel import col, select

from broker.domain.states import AttemptOutcome, ChannelKind, DeliveryState
from broker.runtime import Runtime, wires
from broker.settings import Settings
from broker.storage import audit_head
from broker.storage.tables import Attempt, Channel, Task
from broker.worker import Limits, Worker
from broker.worker.pushing import trace_of
from schemas.codes import TaskCode
from tests.conftest import NOON
from tests.default_policy import default_policy
from tests.integration.delivery_rows import delivery, prepared, row, tell
from tests.integration.rabbit_host import SHARDS, administrator, emptied, taken
from tests.proxy import proxy
from tests.sealed import noted, sealed
from tests.services import rabbitmq_virtual_host

pytestmark = pytest.mark.rabbitmq

TEAM = "swbh-health-visiting"
QUEUE = f"baton.team.{TEAM}"
LADDER = [timedelta(minutes=2), timedelta(minutes=10)]


@pytest.fixture(scope="module")
def host():
    """A virtual host of this module's own."""
    with rabbitmq_virtual_host() as address:
        yield address


@pytest.fixture
def url(host):
    """The same, without what the last test left."""

    async def go():
        await emptied(host)
        async with administrator(host) as admin:
            await admin.queue_delete(QUEUE)

    asyncio.run(go())
    return host


@asynccontextmanager
async def working(store, clock, url):
    """A worker over RabbitMQ for as long as the block runs; one team is told by AMQP."""
    settings = Settings(
        amqp_url=SecretStr(url), amqp_shards=SHARDS, receipt_ladder=LADDER, retry_ladder=LADDER, poll_seconds=0.05
    )
    bus, queues = wires(settings, store)
    runtime = Runtime(settings, store, default_policy(), bus, clock, queues=queues)
    await bus.start()
    worker = Worker(runtime, limits=Limits(grace_seconds=0.5), lot=lambda: 0.5)
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await task
        await bus.stop()


def by_amqp(store):
    """The team's channel, and one message for it that is due."""
    prepared(store)
    store.write(lambda s: s.merge(Channel(team_id=TEAM, kind=ChannelKind.AMQP, changed_at=NOON)) and None)
    return tell(store, delivery(TEAM))[0]


async def until(check):
    while not await asyncio.to_thread(check):  # noqa: ASYNC110 - what is waited for is in the database
        await asyncio.sleep(0.02)


def attempts(store, id_):
    found = select(Attempt).where(col(Attempt.delivery_id) == id_).order_by(col(Attempt.at))
    return [(one.outcome, one.detail) for one in store.read(lambda s: list(s.scalars(found)))]


async def answer(admin, message):
    receipts = await admin.get_exchange("baton.receipts", ensure=False)
    await receipts.publish(Message(b"", correlation_id=message.message_id), "")


def test_it_is_sent_by_the_confirm_and_delivered_by_the_receipt(store, clock, url):
    id_ = by_amqp(store)
    noted(store, "one", at=clock())
    sealed(store, now=clock())

    async def go():
        async with working(store, clock, url), administrator(url) as admin:
            await until(lambda: row(store, id_).state is DeliveryState.SENT)
            assert row(store, id_).delivered_at is None
            message = await taken(admin, QUEUE)
            await answer(admin, message)
            await until(lambda: row(store, id_).state is DeliveryState.DELIVERED)
            return message

    message = asyncio.run(go())

    assert message.message_id == id_
    header = orjson.loads(message.body)["entry"][0]["resource"]
    assert (header["resourceType"], header["id"]) == ("MessageHeader", id_)
    assert message.headers["baton-sequence"] == row(store, id_).number
    assert audit_head.read(message.headers["baton-audit-head"]) is not None
    assert message.headers["traceparent"][:36] == trace_of(id_)[:36]
    assert attempts(store, id_) == [(AttemptOutcome.UNANSWERED, "receipt-follows")]


def test_what_is_not_receipted_comes_again_with_the_same_id_and_at_last_is_a_task(store, clock, url):
    id_ = by_amqp(store)

    async def go():
        got: list[str] = []
        async with working(store, clock, url), administrator(url) as admin:
            await until(lambda: row(store, id_).state is DeliveryState.SENT)
            for wait in (*LADDER, timedelta(days=1)):
                tries = len(got) + 1
                got.append((await taken(admin, QUEUE)).message_id)
                await until(lambda: len(attempts(store, id_)) == tries)  # noqa: B023 - waited for here
                await until(lambda: row(store, id_).state is not DeliveryState.SENDING)
                clock.time += wait + timedelta(seconds=1)
            message = await taken(admin, QUEUE)
            assert row(store, id_).state in (DeliveryState.PARKED, DeliveryState.SENDING)
            await answer(admin, message)
            await until(lambda: row(store, id_).state is DeliveryState.DELIVERED)
            return got

    assert asyncio.run(go()) == [id_] * 3
    found = select(Task).where(col(Task.code) == TaskCode.UNDELIVERABLE)
    assert len(store.read(lambda s: list(s.scalars(found)))) == 1


def test_a_queue_that_was_emptied_behind_our_back_costs_time_only(store, clock, url):
    id_ = by_amqp(store)

    async def go():
        async with working(store, clock, url), administrator(url) as admin:
            await until(lambda: row(store, id_).state is DeliveryState.SENT)
            await admin.queue_delete(QUEUE)
            clock.time += LADDER[0] + timedelta(seconds=1)
            await until(lambda: len(attempts(store, id_)) == 2)
            await answer(admin, await taken(admin, QUEUE))
            await until(lambda: row(store, id_).state is DeliveryState.DELIVERED)

    asyncio.run(go())


def test_while_the_server_is_away_nothing_was_sent_and_afterwards_it_is(store, clock, url):
    id_ = by_amqp(store)

    async def go():
        async with proxy(url, listening=False) as between, working(store, clock, between.url):
            await until(lambda: attempts(store, id_) == [(AttemptOutcome.UNREACHABLE, "queue-server-away")])
            await until(lambda: row(store, id_).state is DeliveryState.READY)
            assert row(store, id_).sent_at is None
            await between.listen()
            async with administrator(url) as admin:

                def sent_by_and_by():
                    state = row(store, id_).state
                    if state in (DeliveryState.READY, DeliveryState.PARKED):  # never while a lease runs
                        clock.time += timedelta(days=1)
                    return attempts(store, id_)[-1] == (AttemptOutcome.UNANSWERED, "receipt-follows")

                await until(sent_by_and_by)
                await answer(admin, await taken(admin, QUEUE))
                await until(lambda: row(store, id_).state is DeliveryState.DELIVERED)

    asyncio.run(go())
