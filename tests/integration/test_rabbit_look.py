"""What `baton doctor` sees of RabbitMQ, and the way there by TLS."""

import asyncio
import logging

import pytest
import structlog
from aio_pika import Message

from broker.bus.rabbit import opening
from broker.bus.rabbit.look import NOT_SET, Seen, SeenQueue, look, warnings
from broker.bus.rabbit.management import Management
from broker.bus.rabbit.names import DEAD, RECEIPTS, team_queue
from broker.settings import Settings
from tests.integration.rabbit_host import SHARDS, administrator, bus_at, emptied, server, until
from tests.integration.rabbit_own import own

pytestmark = pytest.mark.rabbitmq

NAMES = {f"baton.work.{shard}" for shard in range(SHARDS)} | {DEAD, RECEIPTS, team_queue("a-team").name}


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A node of this module's own."""
    with own(tmp_path_factory.mktemp("rabbit")) as made:
        yield made


@pytest.fixture
def url(there):
    """The same, with no queue of ours."""
    asyncio.run(emptied(there.url))
    return there.url


@pytest.fixture
def management(there):
    return Management(there.management)


def seen(url, management=None):
    return look(server(url), management, "/", ["a-team"])


def declared(url, then=None):
    async def go():
        async with bus_at(url) as bus, administrator(url) as admin:
            await until(lambda: bus.link.up)
            if then is not None:
                await then(admin)

    asyncio.run(go())


def test_looking_makes_nothing(url):
    seen(url)
    found = seen(url)

    assert found.version is not None
    assert {queue.name for queue in found.queues} == NAMES
    assert not any(queue.exists for queue in found.queues)
    assert any("not declared yet" in warning for warning in warnings(found))


def test_what_waits_is_counted_and_dead_letters_are_a_warning(url):
    async def spoil(admin):
        await admin.default_exchange.publish(Message(b"what"), DEAD)
        await admin.default_exchange.publish(Message(b"what"), RECEIPTS)

    declared(url, spoil)
    found = {queue.name: queue for queue in seen(url).queues}

    assert found[DEAD] == SeenQueue(name=DEAD, messages=1)
    assert found[RECEIPTS] == SeenQueue(name=RECEIPTS, messages=1)
    assert f"dead letters: 1 in {DEAD}" in list(warnings(seen(url)))


def test_replicas_are_known_by_the_management_interface_alone(url, management):
    declared(url)
    without, with_it = seen(url), seen(url, management)

    assert without.not_managed == NOT_SET
    assert {queue.replicas for queue in without.queues} == {None}
    assert with_it.not_managed is None
    assert {queue.replicas for queue in with_it.queues if queue.exists} == {1}
    assert any("fewer than 3 replicas, the least 1" in warning for warning in warnings(with_it))
    assert with_it.alarms == []


def test_a_queue_that_was_declared_otherwise_is_named(url):
    async def other(admin):
        await admin.queue_delete(RECEIPTS)
        await admin.declare_queue(RECEIPTS, durable=True, arguments={"x-queue-type": "classic"})

    declared(url, other)
    found = seen(url)

    assert [queue.name for queue in found.queues if not queue.as_declared] == [RECEIPTS]
    assert any("declared otherwise" in warning and RECEIPTS in warning for warning in warnings(found))


@pytest.mark.parametrize(
    ("version", "leaks"), [("3.10.8", True), ("4.2.5", True), ("4.2.6", False), ("4.3.0", False), ("unknown", True)]
)
def test_a_version_that_lets_teams_count_each_other_s_messages_is_a_warning(version, leaks):
    assert any("how many messages wait" in warning for warning in warnings(Seen(version=version))) is leaks


def test_what_does_not_let_us_in_has_no_version(there):
    assert seen(there.address_of("guest", "hunter2")).version is None


def test_an_interface_that_does_not_answer_is_said(url, there):
    found = seen(url, Management(f"http://guest:guest@{there.node.address}:1"))

    assert found.not_managed == "RabbitMQ's management interface does not answer."


# --- TLS ---------------------------------------------------------------------------------------------------------


def settings(there, **tls):
    return Settings(amqp_url=there.tls_url, amqp_shards=SHARDS, **tls)


def test_tls_takes_the_server_s_authority_and_a_certificate_of_ours(there):
    ours = there.authority.issue("baton")
    found = look(opening.server(settings(there, amqp_ca_file=there.authority.ca, amqp_cert_file=ours)), None, "/", [])

    assert found.version is not None


@pytest.mark.parametrize("known", [("amqp_ca_file",), ("amqp_cert_file",), ()])
def test_without_either_there_is_no_connection(there, known):
    files = {"amqp_ca_file": there.authority.ca, "amqp_cert_file": there.authority.issue("baton")}
    found = look(opening.server(settings(there, **{name: files[name] for name in known})), None, "/", [])

    assert found.version is None


def test_no_log_line_has_who_and_with_what_password(there, caplog):
    lines: list[str] = []
    before = structlog.get_config()

    def keep(_, __, fields):
        lines.append(repr(fields))
        return ""

    structlog.configure(processors=[keep], logger_factory=structlog.ReturnLoggerFactory())

    async def go():
        async with bus_at(there.address_of("guest", "hunter2")):
            await until(lambda: lines)

    try:
        with caplog.at_level(logging.DEBUG):
            asyncio.run(go())
    finally:
        structlog.configure(**before)

    assert lines
    assert "hunter2" not in "".join(lines) + caplog.text
    assert there.node.address not in "".join(lines) + caplog.text
