"""A team that is told by a queue of its own: its system takes the message and sends a receipt, and that alone is delivery."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity
from pydantic import SecretStr

from broker.settings import Settings
from tests.conftest import Clock
from tests.journeys.actors import Office
from tests.journeys.brokers import SETTINGS
from tests.journeys.copies import Copy, milestones
from tests.journeys.test_webhook_journey import as_time_passes, booking, until
from tests.services import rabbitmq_virtual_host

pytestmark = pytest.mark.rabbitmq

TEAM = "bcht-health-visiting"


@dataclass
class Consumer:
    """The team's own client of RabbitMQ; whom it signs in as, RabbitMQ's own tests show."""

    url: str

    def takes(self) -> AbstractIncomingMessage:
        """The next message of the team's queue, taken off it."""
        until(self.has_one)

        async def work(channel: AbstractChannel) -> AbstractIncomingMessage:
            queue = await channel.get_queue(f"baton.team.{TEAM}")
            async with queue.iterator(timeout=30) as messages:
                message = await anext(messages)
                await message.ack()
                return message

        return self._do(work)

    def has_one(self) -> bool:
        """Whether a message waits in the queue, which is made when the channel is chosen or with the first message."""

        async def work(channel: AbstractChannel) -> bool:
            found = await channel.get_queue(f"baton.team.{TEAM}")
            return bool(found.declaration_result.message_count)

        try:
            return self._do(work)
        except ChannelNotFoundEntity:
            return False

    def empties(self) -> None:
        """What is in the queue is lost, however that came about."""
        self._do(lambda channel: channel.queue_delete(f"baton.team.{TEAM}"))

    def answers(self, message_id: str) -> None:
        """Say that it has a message."""

        async def work(channel: AbstractChannel) -> None:
            exchange = await channel.get_exchange("baton.receipts")
            await exchange.publish(aio_pika.Message(b"", correlation_id=message_id), "")

        self._do(work)

    def _do(self, work):
        async def go():
            async with await aio_pika.connect(self.url) as connection, connection.channel() as channel:
                return await work(channel)

        return asyncio.run(go())


@pytest.fixture
def rabbit() -> Iterator[str]:
    """A virtual host of the test's own."""
    with rabbitmq_virtual_host() as address:
        yield address


@pytest.fixture
def clock() -> Clock:
    """The real time at the start."""
    return Clock(datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def settings(rabbit: str) -> Settings:
    """RabbitMQ is there; a receipt is waited for one minute; a lease outlives the jumps of the clock."""
    return SETTINGS.model_copy(
        update={
            "amqp_url": SecretStr(rabbit),
            "amqp_shards": 2,
            "receipt_ladder": [timedelta(minutes=1)] * 3,
            "poll_seconds": 0.05,
            "lease_seconds": timedelta(days=30).total_seconds(),
        }
    )


def test_a_receipt_is_delivery_and_a_place_in_the_queue_is_not(office: Office, clock: Clock, rabbit: str):
    office.put(f"/admin/teams/{TEAM}/channel", {"kind": "amqp"})
    midwifery, visitors, queue = office.system("swbh-midwifery"), office.system(TEAM), Consumer(rabbit)

    midwifery.tells(booking(clock))
    message = queue.takes()

    [copy] = visitors.heard()  # the mailbox stays open, and both say the same
    pushed = Copy(copy.number, message.message_id or "", copy.purpose, json.loads(message.body))
    assert (pushed.id, pushed.header, pushed.facts) == (copy.id, copy.header, copy.facts)
    assert message.headers["baton-sequence"] == copy.number
    [entry] = visitors.inbox(after=0)
    assert entry["acknowledged"] is None  # taken by its system, of which nobody has told us

    queue.answers(pushed.id)
    until(lambda: visitors.inbox(after=0)[0]["acknowledged"])
    [seen] = midwifery.waits_for("acknowledge")
    assert seen["status"] == "received"
    assert set(milestones(seen)) == {"delivered"}  # to a system: nobody has opened it


def test_what_was_lost_behind_the_confirm_comes_again(office: Office, clock: Clock, rabbit: str):
    office.put(f"/admin/teams/{TEAM}/channel", {"kind": "amqp"})
    midwifery, visitors, queue = office.system("swbh-midwifery"), office.system(TEAM), Consumer(rabbit)
    midwifery.tells(booking(clock))
    first = queue.takes()
    queue.empties()

    as_time_passes(clock, timedelta(minutes=2), queue.has_one)
    again = queue.takes()
    assert again.message_id == first.message_id

    queue.answers(first.message_id or "")
    until(lambda: visitors.inbox(after=0)[0]["acknowledged"])


def test_a_test_message_goes_through_the_queue_and_is_through_when_its_receipt_comes(
    office: Office, clock: Clock, rabbit: str
):
    def health():
        [shown] = office.admin.get("/admin/channels", params={"team": TEAM})["channels"]
        return shown

    office.put(f"/admin/teams/{TEAM}/channel", {"kind": "amqp"})
    queue = Consumer(rabbit)
    as_time_passes(clock, timedelta(minutes=16), queue.has_one)
    message = queue.takes()
    header = json.loads(message.body)["entry"][0]["resource"]
    assert [label["code"] for label in header["meta"]["security"]] == ["HTEST"]
    assert (health()["last_canary_through"], health()["last_message"]) == (None, None)

    def is_through():
        """On a slow machine the next turn may have come meanwhile: the last that was sent counts."""
        while queue.has_one():
            queue.answers(queue.takes().message_id or "")
        return health()["last_canary_through"]

    queue.answers(message.message_id or "")
    until(is_through)
    assert health()["last_message"] is None  # a test is no message
