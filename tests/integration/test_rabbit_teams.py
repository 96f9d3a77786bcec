"""Queues of teams on a real RabbitMQ: what is put into them, what each outcome means, and receipts."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import orjson
import pytest
from aio_pika import DeliveryMode, Message

from adapters.port import Unanswered
from broker.bus.rabbit import receipts
from broker.bus.rabbit.hearing import Hearing
from broker.bus.rabbit.names import DEAD, RECEIPTS, team_queue
from broker.bus.rabbit.receipts import LARGEST
from broker.bus.rabbit.teams import AWAY, TeamQueues
from broker.domain.receipt import Receipt
from tests.integration.rabbit_host import administrator, bus_at, emptied, taken, until
from tests.proxy import proxy
from tests.services import rabbitmq_virtual_host
from tests.unit.bus.suite import LONG

pytestmark = pytest.mark.rabbitmq

NOW = datetime(2026, 3, 2, 12, 0, 7, tzinfo=UTC)
QUEUED = Unanswered(receipt_follows=True)
QUEUE = team_queue("a-team").name


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


@asynccontextmanager
async def queues_at(url, *, longest: float = 20, **settings):
    """Team queues over a bus that is connected."""
    async with bus_at(url, **settings) as bus:
        await until(lambda: bus.link.up)
        teams = TeamQueues(bus.link, longest=longest)
        try:
            yield teams
        finally:
            await teams.stop()


def push(teams, *, team="a-team", message_id="one", body=b"{}", sequence=1, **more):
    return teams.push(team, message_id, body, {"baton-sequence": sequence}, now=NOW, **more)


def test_a_message_in_a_team_s_queue_waits_for_its_receipt(url):
    async def go():
        async with queues_at(url) as teams, administrator(url) as admin:
            first = await push(teams, body=b'{"resourceType":"Bundle"}', sequence=7), await taken(admin, QUEUE)
            await push(teams, message_id="two", body=b"<Bundle/>", content_type="application/fhir+xml")
            return *first, await taken(admin, QUEUE)

    outcome, message, native = asyncio.run(go())

    assert outcome == QUEUED
    assert (native.body, native.content_type) == (b"<Bundle/>", "application/fhir+xml")
    assert message.body == b'{"resourceType":"Bundle"}'
    assert (message.message_id, message.content_type, message.app_id, message.timestamp) == (
        "one",
        "application/fhir+json",
        "baton",
        NOW,
    )
    assert message.headers["baton-sequence"] == 7
    assert message.delivery_mode is DeliveryMode.PERSISTENT


def test_a_team_gets_its_own_messages_alone(url):
    async def go():
        async with queues_at(url) as teams, administrator(url) as admin:
            await asyncio.gather(*(push(teams, team=team, message_id=team) for team in ("a-team", "b-team")))
            return [await taken(admin, team_queue(team).name) for team in ("a-team", "b-team")], [
                await (await admin.get_queue(team_queue(team).name)).get(fail=False) for team in ("a-team", "b-team")
            ]

    got, more = asyncio.run(go())

    assert [message.message_id for message in got] == ["a-team", "b-team"]
    assert more == [None, None]


def test_messages_pushed_one_after_the_other_keep_their_order(url):
    async def go():
        async with queues_at(url) as teams, administrator(url) as admin:
            for number in range(10):
                await push(teams, message_id=str(number))
            return [(await taken(admin, QUEUE)).message_id for _ in range(10)]

    assert asyncio.run(go()) == [str(number) for number in range(10)]


def test_a_queue_that_was_deleted_is_made_again(url):
    async def go():
        async with queues_at(url) as teams, administrator(url) as admin:
            assert await push(teams) == QUEUED
            await admin.queue_delete(QUEUE)
            outcome = await push(teams, message_id="two")
            return outcome, (await taken(admin, QUEUE)).message_id

    assert asyncio.run(go()) == (QUEUED, "two")


def test_without_a_connection_nothing_was_sent(url):
    async def go():
        async with proxy(url) as between, queues_at(between.url) as teams:
            await between.away()
            await until(lambda: not teams._link.up)
            return await push(teams)

    assert asyncio.run(go()) == AWAY


def test_a_frozen_server_leaves_it_open_whether_it_has_the_message(url):
    async def go():
        async with proxy(url) as between, queues_at(between.url, longest=0.5) as teams:
            assert await push(teams) == QUEUED
            between.freeze()
            outcome = await push(teams)
            between.thaw()
            return outcome

    assert asyncio.run(go()) == Unanswered()


def test_a_connection_lost_in_the_middle_leaves_it_open(url):
    async def go():
        async with proxy(url) as between, queues_at(between.url) as teams:
            assert await push(teams) == QUEUED
            between.freeze()
            pushing = asyncio.create_task(push(teams))
            await asyncio.sleep(0.1)
            between.cut()
            return await pushing

    assert asyncio.run(go()) == Unanswered()


def test_a_full_queue_takes_no_more_and_says_so(url):
    async def go():
        async with administrator(url) as admin:
            small = {"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"}
            await admin.declare_queue(QUEUE, durable=True, arguments=small)
        async with queues_at(url) as teams:
            while (outcome := await push(teams)) == QUEUED:
                pass
            return outcome

    assert asyncio.run(go()) == Unanswered()


# --- receipts ----------------------------------------------------------------------------------------------------


def answer(identifier) -> bytes:
    header = {"resourceType": "MessageHeader", "response": {"identifier": identifier, "code": "ok"}}
    return orjson.dumps({"resourceType": "Bundle", "type": "message", "entry": [{"resource": header}]})


async def received(teams, count: int) -> list[Receipt]:
    got: list[Receipt] = []
    while len(got) < count:
        got += await teams.receipts(LONG)
        await teams.recorded()
    return got


@pytest.mark.parametrize("exchange", [RECEIPTS, ""])
def test_a_receipt_names_its_message_by_correlation_id_or_as_fhir_has_it(url, exchange):
    async def go():
        async with queues_at(url) as teams, administrator(url) as admin:
            to = await admin.get_exchange(exchange, ensure=False)
            await to.publish(Message(b"", correlation_id="one", user_id="guest"), RECEIPTS)
            await to.publish(Message(answer("two")), RECEIPTS)
            return await received(teams, 2)

    assert asyncio.run(go()) == [Receipt("one", None), Receipt("two", None)]


@pytest.mark.parametrize(
    ("body", "correlation_id"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b'{"entry": []}', None),
        (b'{"entry": [{"resource": {"resourceType": "Task", "response": {"identifier": "one"}}}]}', None),
        (answer(7), None),
        (answer("one\n"), None),
        (answer("one") + b" " * LARGEST, None),
        (answer("one"), "no id at all"),
        (b"", "x" * 65),
    ],
)
def test_a_receipt_that_names_no_message_is_a_dead_letter(url, body, correlation_id):
    async def go():
        async with queues_at(url) as teams, administrator(url) as admin:
            await admin.default_exchange.publish(Message(body, correlation_id=correlation_id), RECEIPTS)
            await admin.default_exchange.publish(Message(b"", correlation_id="good"), RECEIPTS)
            return await received(teams, 1), await taken(admin, DEAD)

    got, dead = asyncio.run(go())

    assert got == [Receipt("good", None)]
    assert dead.body == body


def test_a_receipt_that_was_not_recorded_comes_again(url):
    async def go():
        async with queues_at(url) as first, administrator(url) as admin:
            await admin.default_exchange.publish(Message(b"", correlation_id="one"), RECEIPTS)
            assert await first.receipts(LONG) == [Receipt("one", None)]
        async with queues_at(url) as second:
            return await second.receipts(LONG)

    assert asyncio.run(go()) == [Receipt("one", None)]


def test_a_receipt_lost_on_the_way_comes_again_although_no_connection_ends(url):
    async def go():
        async with bus_at(url) as bus, administrator(url) as admin:
            await until(lambda: bus.link.up)
            hearing = Hearing(bus.link, [RECEIPTS], receipts.read, prefetch=1, silent_seconds=0.5)
            try:
                await admin.default_exchange.publish(Message(b"", correlation_id="one"), RECEIPTS)
                assert await hearing.receive(LONG) == [Receipt("one", None)]
                # Nothing is acknowledged and the one place is taken, as if the message had been lost: nothing else could ever come.
                return await hearing.receive(LONG)
            finally:
                await hearing.stop()

    assert asyncio.run(go()) == [Receipt("one", None)]
