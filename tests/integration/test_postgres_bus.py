"""The bus over LISTEN and NOTIFY: what every bus must do, in one process and between two, and what a lost connection costs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing

import psycopg
import pytest

from broker.bus.postgres import CHANNEL, IDS, MOST, PostgresBus
from broker.domain.due import Due
from broker.runtime import start
from broker.settings import Settings
from broker.storage import engines
from broker.storage.codec import AesCodec
from broker.storage.store import open_store
from broker.worker import Worker
from tests.conftest import SECRET
from tests.faults.postgres import cluster
from tests.integration.delivery_rows import channel, delivery, prepared, tell
from tests.services import postgres_database
from tests.unit.bus.suite import LONG, Suite, received
from tests.unit.channels.receiver import Receiver, receiving, status

TEAM = "swbh-health-visiting"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres_database() as address:
        yield address


def due(*ids: str) -> list[Due]:
    return [Due("home", id_) for id_ in ids]


@asynccontextmanager
async def bus_at(url: str) -> AsyncIterator[PostgresBus]:
    """A started bus that has looked once, as a worker does before anything else."""
    with closing(open_store(url, AesCodec(SECRET))) as store:
        bus = PostgresBus(engines.parameters(store.engine))
    await bus.start()
    try:
        assert await bus.receive(LONG) == [""]
        yield bus
    finally:
        await bus.stop()


class Apart:
    """A process that publishes and another that receives."""

    def __init__(self, one: PostgresBus, other: PostgresBus) -> None:
        """Both started."""
        self.one, self.other = one, other

    @property
    def up(self) -> bool:
        return self.one.up and self.other.up

    def publish(self, due: Sequence[Due]) -> None:
        self.one.publish(due)

    async def receive(self, seconds: float) -> list[str]:
        return await self.other.receive(seconds)

    async def done(self) -> None:
        await self.other.done()


class TestInOneProcess(Suite):
    @pytest.fixture
    def bus(self, url):
        return lambda: bus_at(url)


class TestBetweenTwo(Suite):
    @pytest.fixture
    def bus(self, url):
        @asynccontextmanager
        async def opened() -> AsyncIterator[Apart]:
            async with bus_at(url) as one, bus_at(url) as other:
                yield Apart(one, other)

        return opened


def test_what_one_process_announces_every_other_hears_and_it_hears_its_own_once(url):
    async def go():
        async with bus_at(url) as first, bus_at(url) as second, bus_at(url) as third:
            first.publish(due("one"))
            heard = [await bus.receive(LONG) for bus in (second, third, first)]
            return heard, await first.receive(0.2)

    assert asyncio.run(go()) == ([["one"], ["one"], ["one"]], [])


def test_more_than_a_notification_holds_comes_in_several_and_too_much_as_a_word_to_look(url):
    ids = [f"{number:036d}" for number in range(2 * IDS + 1)]

    async def go():
        async with bus_at(url) as one, bus_at(url) as other:
            one.publish(due(*ids))
            assert await received(other, len(ids)) == ids
            one.publish(due(*(f"{number:036d}" for number in range(MOST + 1))))
            return await other.receive(LONG)

    assert asyncio.run(go()) == [""]


def test_whoever_loses_its_connection_hears_again_and_is_told_to_look(url):
    async def go():
        async with bus_at(url) as one, bus_at(url) as other:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
                )
            looks = [await one.receive(LONG), await other.receive(LONG)]
            one.publish(due("after"))
            return looks, await other.receive(LONG)

    assert asyncio.run(go()) == ([[""], [""]], ["after"])


def test_a_server_that_was_away_costs_no_more_than_a_look():
    async def go(server):
        async with bus_at(server.url()) as one, bus_at(server.url()) as other:
            await asyncio.to_thread(server.kill)
            one.publish(due("meanwhile"))
            assert await one.receive(LONG) == ["meanwhile"]  # at home it needs no server
            await asyncio.to_thread(server.start)
            heard = await other.receive(LONG)
            async with asyncio.timeout(LONG):
                while one._waiting:  # noqa: ASYNC110 - that it is told by itself shows nowhere else
                    await asyncio.sleep(0.01)
            one.publish(due("after"))
            while "after" not in heard:
                heard += await other.receive(LONG)
            return heard

    with cluster() as server:
        heard = asyncio.run(go(server))
    assert heard[0] == ""  # so that it finds "meanwhile", told before it listened again or not
    assert set(heard) <= {"", "meanwhile", "after"}


def test_a_server_that_is_away_at_the_start_stops_nobody(url):
    async def go():
        bus = PostgresBus({"host": "127.0.0.1", "port": 1, "dbname": "nothing"})
        await bus.start()
        bus.publish(due("here"))
        heard = await bus.receive(LONG)
        await bus.stop()
        return heard

    assert asyncio.run(go()) == ["here"]


def test_a_runtime_on_postgresql_without_rabbitmq_has_it(url):
    runtime = start(Settings(database_url=url, secret_key=SECRET.decode(), amqp_url=None))
    with closing(runtime.store):
        assert isinstance(runtime.bus, PostgresBus)


def test_a_notification_of_somebody_else_on_the_channel_is_no_more_than_a_look(url):
    async def go():
        async with bus_at(url) as bus:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("SELECT pg_notify(%s, 'hello')", [CHANNEL])
            return await bus.receive(LONG)

    assert asyncio.run(go()) == [""]


def _numbered(receiver: Receiver) -> int:
    """How many messages came; a test message, which is none, has no number."""
    return sum("baton-sequence" in one.headers for one in receiver.got)


def test_a_commit_in_one_process_has_a_worker_in_another_deliver_at_once(postgres_template):
    """One that would look by itself in an hour."""
    settings = {"poll_seconds": 3600, "secret_key": SECRET.decode(), "allow_private_addresses": True, "amqp_url": None}

    async def until(holds: Callable[[], object]) -> None:
        async with asyncio.timeout(LONG):
            while not holds():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.01)

    async def go(url: str) -> int:
        web, working = (start(Settings(database_url=url, **settings)) for _ in range(2))
        with closing(web.store), closing(working.store):
            async with receiving(status(200)) as receiver:
                prepared(web.store)
                web.store.write(lambda session: channel(session, web.store, TEAM, receiver.url))
                for runtime in (web, working):
                    await runtime.bus.start()
                worker = Worker(working)
                task = asyncio.create_task(worker.run())
                await until(lambda: worker.looked_at)
                await asyncio.to_thread(tell, web.store, delivery(TEAM))
                await until(lambda: _numbered(receiver))
                worker.stop()
                await task
                for runtime in (web, working):
                    await runtime.bus.stop()
                return _numbered(receiver)

    with postgres_database(postgres_template) as url:
        assert asyncio.run(go(url)) == 1
