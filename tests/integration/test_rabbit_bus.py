"""The bus over a real RabbitMQ: what every bus must do, and what is special to a wire that can be slow, refuse or go away."""

import asyncio

import orjson
import pytest
import structlog
from aio_pika import DeliveryMode, Message

from broker.bus.rabbit import bus as rabbit
from broker.bus.rabbit.hearing import UNREADABLE
from broker.bus.rabbit.names import DEAD, DELIVERIES, WORK, queues, shard_of
from broker.domain.due import Due
from tests.integration.rabbit_host import SHARDS, administrator, bus_at, emptied, taken, until
from tests.proxy import proxy
from tests.services import rabbitmq_virtual_host
from tests.unit.bus.suite import LONG, Suite, received

pytestmark = pytest.mark.rabbitmq

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
QUEUE = f"{WORK}.{shard_of('home', SHARDS)}"


def dropped(because: str) -> float:
    return rabbit.DROPPED.labels(because)._value.get()


def due(*ids: str) -> list[Due]:
    return [Due("home", id_) for id_ in ids]


@pytest.fixture(scope="module")
def host():
    """A virtual host of this module's own."""
    with rabbitmq_virtual_host() as address:
        yield address


@pytest.fixture
def url(host):
    """The same, without what the last test left."""
    asyncio.run(emptied(host))
    return host


class TestRabbit(Suite):
    @pytest.fixture
    def bus(self, url):
        return lambda: bus_at(url)


def test_what_a_process_did_not_finish_comes_to_another(url):
    async def go():
        async with bus_at(url) as first:
            first.publish(due("one", "two"))
            assert await first.receive(LONG) == ["one", "two"]
        async with bus_at(url) as second:
            return await second.receive(LONG)

    assert asyncio.run(go()) == ["one", "two"]


def test_what_is_done_does_not_come_again(url):
    async def go():
        async with bus_at(url) as first:
            first.publish(due("one"))
            await received(first, 1)
        async with bus_at(url) as second:
            second.publish(due("two"))
            return await second.receive(LONG)

    assert asyncio.run(go()) == ["two"]


def test_each_announcement_goes_to_one_process(url):
    async def go():
        async with bus_at(url) as one, bus_at(url) as other:
            got: list[str] = []

            async def hear(bus):
                while True:
                    got.extend(await bus.receive(LONG))
                    await bus.done()

            hearing = [asyncio.create_task(hear(bus)) for bus in (one, other)]
            for number in range(20):
                one.publish([Due(f"home-{number}", str(number))])
                await asyncio.sleep(0.01)
            await until(lambda: len(got) >= 20)
            await asyncio.sleep(0.2)  # what came twice would be here by then
            for task in hearing:
                task.cancel()
            return got

    assert sorted(asyncio.run(go()), key=int) == [str(number) for number in range(20)]


def test_a_process_without_a_worker_takes_nothing(url):
    async def go():
        async with bus_at(url) as web, administrator(url) as admin:
            web.publish(due("one"))
            await until(lambda: web.link.up)
            return orjson.loads((await taken(admin, QUEUE)).body)

    assert asyncio.run(go()) == {"deliveries": ["one"]}


def test_what_lies_in_a_queue_are_ids_and_the_trace_they_came_with(url):
    async def go():
        async with bus_at(url) as bus, administrator(url) as admin:
            await until(lambda: bus.up)
            with structlog.contextvars.bound_contextvars(traceparent=TRACE):
                bus.publish(due("one", "two"))
            return await taken(admin, QUEUE)

    message = asyncio.run(go())

    assert message.body == b'{"deliveries":["one","two"]}'
    assert message.headers["traceparent"] == TRACE
    assert (message.delivery_mode, message.content_type, message.app_id) == (
        DeliveryMode.PERSISTENT,
        "application/json",
        "baton",
    )


def test_announcements_of_several_traces_name_none():
    parts = [(Due("home", "one"), TRACE), (Due("home", "two"), None)]

    [(message, count)] = rabbit.messages(parts)

    assert count == 2
    assert message.headers == {}


def test_many_ids_are_several_messages():
    counts = [count for _, count in rabbit.messages([(Due("home", "one"), None)] * (rabbit.IDS + 1))]

    assert counts == [rabbit.IDS, 1]


def test_it_stops_at_whatever_moment_of_connecting_and_declaring(url):
    """The client library swallows some cancellations; who stops would wait for ever."""

    async def go():
        for moment in range(60):
            async with bus_at(url) as bus:
                await bus.receive(moment / 2_000)

    asyncio.run(go())


# --- a wire that fails -------------------------------------------------------------------------------------------


def test_a_server_that_is_away_at_the_start_is_found_when_it_comes(url):
    async def go():
        async with proxy(url, listening=False) as between, bus_at(between.url) as bus:
            bus.publish(due("one"))
            await asyncio.sleep(0.3)
            assert not bus.up
            await between.listen()
            return await received(bus, 1)

    assert asyncio.run(go()) == ["one"]


def test_of_several_addresses_one_that_answers_is_enough(url):
    async def go():
        async with proxy(url, listening=False) as gone, bus_at(gone.url, url) as bus:
            bus.publish(due("one"))
            return await received(bus, 1)

    assert asyncio.run(go()) == ["one"]


def test_a_connection_lost_under_load_comes_back_and_nothing_raises(url):
    async def go():
        async with proxy(url) as between, bus_at(between.url) as bus:
            got: set[str] = set()

            async def listen():
                while True:
                    got.update(await bus.receive(LONG))
                    await bus.done()

            listening = asyncio.create_task(listen())
            await until(lambda: bus.up)
            for number in range(300):
                bus.publish([Due(f"home-{number}", str(number))])
                if number % 100 == 50:
                    await until(lambda: bus.up)  # or there is nothing to cut
                    before = between.accepted
                    between.cut()
                await asyncio.sleep(0.002)
            await until(lambda: between.accepted > before)
            await until(lambda: bus.up)
            bus.publish(due("last"))
            await until(lambda: "last" in got)
            listening.cancel()
            return between.accepted

    assert asyncio.run(go()) > 1


def test_a_frozen_server_holds_up_nobody_and_what_it_does_not_confirm_is_counted(url):
    async def go():
        async with proxy(url) as between, bus_at(between.url, timeout_seconds=0.3) as bus:
            bus.publish(due("one"))
            await received(bus, 1)
            before = dropped("no-confirm")
            between.freeze()
            bus.publish(due("two", "three"))
            await until(
                lambda: dropped("no-confirm") >= before + 2
            )  # a slow server may not have confirmed "one" in time
            between.thaw()
            bus.publish(due("four"))
            got: list[str] = []
            while "four" not in got:
                got += await bus.receive(LONG)
                await bus.done()

    asyncio.run(go())


def test_what_has_no_queue_is_counted_and_the_queue_declared_again(url):
    before = dropped("no-queue")

    async def go():
        async with bus_at(url) as bus, administrator(url) as admin:
            await until(lambda: bus.up)
            bus.publish(due("one"))
            await taken(admin, QUEUE)
            await admin.queue_delete(QUEUE)
            bus.publish(due("two"))
            await until(lambda: dropped("no-queue") > before)
            await until(lambda: not bus.up)
            bus.publish(due("three"))
            return await received(bus, 1)

    assert asyncio.run(go()) == ["three"]


def test_a_worker_whose_queue_is_deleted_hears_again(url):
    async def go():
        async with bus_at(url) as bus, administrator(url) as admin:
            bus.publish(due("one"))
            await received(bus, 1)
            await admin.queue_delete(QUEUE)
            got: list[str] = []
            while not got:  # what is published before the queue is back is dropped, as always
                bus.publish(due("two"))
                got = await bus.receive(0.3)
            return got

    assert set(asyncio.run(go())) == {"two"}


def test_a_full_queue_refuses_and_that_is_counted(url):
    """It was declared by somebody else, with other arguments: it is left as it is, and used."""
    before = dropped("not-taken")

    async def go():
        async with administrator(url) as admin:
            small = {"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"}
            await admin.declare_queue(QUEUE, durable=True, arguments=small)
        async with bus_at(url) as bus:
            number = 0
            while dropped("not-taken") == before:  # a limit is kept nearly, not exactly
                bus.publish(due(str(number)))
                number += 1
                await asyncio.sleep(0.02)
            return (await bus.receive(LONG))[0]

    assert asyncio.run(go()) == "0"


def test_without_a_connection_so_many_are_kept_and_no_more(url):
    before = dropped("too-many")

    async def go():
        async with proxy(url, listening=False) as between, bus_at(between.url) as bus:
            bus.publish(due(*(str(number) for number in range(rabbit.MOST))))
            bus.publish(due("last"))
            await between.listen()
            return await received(bus, rabbit.MOST)

    got = asyncio.run(go())

    assert dropped("too-many") == before + 1
    assert (got[0], got[-1]) == ("1", "last")


# --- dead letters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"deliveries": "one"}', b'{"deliveries": [1]}', b'{"deliveries": ["' + b"x" * 65 + b'"]}'],
)
def test_what_cannot_be_read_is_a_dead_letter_and_holds_up_nothing(url, body):
    before = UNREADABLE.labels(QUEUE)._value.get()

    async def go():
        async with bus_at(url) as bus, administrator(url) as admin:
            await until(lambda: bus.up)
            await admin.default_exchange.publish(Message(body), QUEUE)
            bus.publish(due("one"))
            assert await received(bus, 1) == ["one"]
            return await taken(admin, DEAD)

    dead = asyncio.run(go())

    assert dead.body == body
    assert dead.headers["x-death"][0]["reason"] == "rejected"
    assert UNREADABLE.labels(QUEUE)._value.get() == before + 1


def test_what_comes_back_too_often_is_a_dead_letter(url):
    async def go():
        async with bus_at(url) as bus, administrator(url) as admin:
            await until(lambda: bus.up)
            bus.publish(due("one"))
            queue = await admin.get_queue(QUEUE, ensure=False)
            returns = 0
            dead = asyncio.create_task(taken(await _other(admin), DEAD))
            while not dead.done():
                message = await queue.get(fail=False)
                if message is None:
                    await asyncio.sleep(0.02)
                    continue
                await message.nack(requeue=True)
                returns += 1
            return returns, dead.result()

    async def _other(channel):
        return await channel._connection.channel()

    returns, dead = asyncio.run(go())

    assert returns == DELIVERIES + 1
    assert dead.headers["x-death"][0]["reason"] == "delivery_limit"


def test_every_queue_is_declared_with_what_makes_it_safe():
    for queue in queues(SHARDS):
        assert queue.arguments["x-queue-type"] == "quorum"
        assert queue.arguments["x-overflow"] == "reject-publish"
        assert "x-delivery-limit" in queue.arguments
        if queue.name != DEAD:
            assert queue.arguments["x-dead-letter-exchange"] == DEAD
            assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
