"""Teams' users on a real RabbitMQ: made over the management interface, and able to do what they need and nothing else."""

import asyncio

import aio_pika
import pytest
from aio_pika.exceptions import AMQPError

from broker.bus.rabbit.look import look, warnings
from broker.bus.rabbit.management import Management, NotManaged
from broker.bus.rabbit.names import RECEIPTS, TEAMS, team_access, team_queue
from tests.integration.rabbit_host import administrator, emptied, taken
from tests.integration.rabbit_host import server as one_server
from tests.integration.rabbit_own import own
from tests.integration.test_rabbit_teams import push, queues_at

pytestmark = pytest.mark.rabbitmq

ACCESS = team_access("a-team")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A node of this module's own."""
    with own(tmp_path_factory.mktemp("rabbit")) as made:
        yield made


@pytest.fixture
def management(server):
    """As one who may make users, none of which is there yet."""
    asyncio.run(emptied(server.url))
    interface = Management(server.management)
    interface.end_access(ACCESS.user)
    return interface


def can_connect(url: str) -> bool:
    async def go() -> bool:
        try:
            async with await aio_pika.connect(url):
                return True
        except AMQPError:
            return False

    return asyncio.run(go())


def test_a_password_is_given_once_and_stays(server, management):
    password = management.give_access("/", ACCESS, rotate=False)

    assert management.give_access("/", ACCESS, rotate=False) is None
    assert can_connect(server.address_of(ACCESS.user, password))


def test_a_rotated_password_replaces_the_old_one(server, management):
    old = management.give_access("/", ACCESS, rotate=False)
    new = management.give_access("/", ACCESS, rotate=True)

    assert can_connect(server.address_of(ACCESS.user, new))
    assert not can_connect(server.address_of(ACCESS.user, old))


def test_access_that_is_ended_lets_nobody_in(server, management):
    password = management.give_access("/", ACCESS, rotate=False)

    management.end_access(ACCESS.user)

    assert not can_connect(server.address_of(ACCESS.user, password))
    management.end_access(ACCESS.user)


def test_a_team_takes_its_messages_and_sends_receipts(server, management):
    password = management.give_access("/", ACCESS, rotate=False)

    async def go():
        async with queues_at(server.url) as teams:
            await push(teams, message_id="one")
            async with administrator(server.address_of(ACCESS.user, password)) as team:
                message = await taken(team, team_queue("a-team").name)
                receipts = await team.get_exchange(RECEIPTS, ensure=False)
                receipt = aio_pika.Message(b"", correlation_id=message.message_id, user_id=ACCESS.user)
                await receipts.publish(receipt, "")
            return await teams.receipts(30)

    [receipt] = asyncio.run(go())

    assert (receipt.message_id, receipt.team) == ("one", "a-team")


FORBIDDEN = {
    "another team's queue": lambda team: taken(team, team_queue("b-team").name),
    "a queue of its own making": lambda team: team.declare_queue("mine"),
    "an exchange of its own making": lambda team: team.declare_exchange("mine"),
    "emptying the receipts": lambda team: taken(team, RECEIPTS),
    "deleting its own queue": lambda team: team.queue_delete(team_queue("a-team").name),
    "writing to teams": lambda team: publish(team, TEAMS, team_queue("b-team").key),
    "writing to a queue by name": lambda team: publish(team, "", team_queue("b-team").name),
    "speaking for another team": lambda team: publish(team, RECEIPTS, "", user_id=team_access("b-team").user),
}


async def publish(channel, exchange, key, **properties):
    to = await channel.get_exchange(exchange, ensure=False)
    await to.publish(aio_pika.Message(b"", correlation_id="one", **properties), key)


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_a_team_s_user_may_not_do(server, management, name):
    password = management.give_access("/", ACCESS, rotate=False)

    async def go():
        async with queues_at(server.url) as teams:
            await asyncio.gather(push(teams), push(teams, team="b-team"))
            async with administrator(server.address_of(ACCESS.user, password)) as team:
                with pytest.raises(AMQPError) as refused:
                    await FORBIDDEN[name](team)
            return str(refused.value)

    assert "REFUSED" in asyncio.run(go()) or name == "speaking for another team"


def test_looking_at_another_team_s_queue_is_refused_or_a_warning_to_operators(server, management):
    """Before 4.2.6 RabbitMQ checks no permission for a passive declaration, whose answer counts messages (its pull request 16085)."""
    password = management.give_access("/", ACCESS, rotate=False)

    async def refused() -> bool:
        async with queues_at(server.url) as teams:
            await push(teams, team="b-team")
            async with administrator(server.address_of(ACCESS.user, password)) as team:
                try:
                    await team.declare_queue(team_queue("b-team").name, passive=True)
                except AMQPError:
                    return True
                return False

    said = warnings(look(one_server(server.url), None, "/", []))
    assert asyncio.run(refused()) is not any("how many messages wait" in warning for warning in said)


def test_an_interface_that_refuses_or_is_away_is_said_without_naming_anybody(server, management):
    wrong = Management(server.management.replace("guest:guest", "guest:hunter2"))
    away = Management(f"http://guest:hunter2@{server.node.address}:1")

    for interface, words in ((wrong, "401"), (away, "does not answer")):
        with pytest.raises(NotManaged, match=words) as refused:
            interface.give_access("/", ACCESS, rotate=False)
        assert "hunter2" not in str(refused.value)
        assert server.node.address not in str(refused.value)
