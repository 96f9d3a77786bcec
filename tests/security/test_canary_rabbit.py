"""The canary's family is looked for in the files of a RabbitMQ of the test's own, and in the messages of teams that chose a queue (T7)."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import sleep

import aio_pika
import pytest
from pydantic import SecretStr

from broker.bus.rabbit.names import team_queue
from broker.domain.states import View
from broker.settings import Settings
from broker.storage.tables import Delivery
from tests.contract.calling import ADMIN_SCOPES, VISITORS, Broker, sender
from tests.faults.rabbit_cluster import Node, single
from tests.security.canary import FAMILY, NUMBER, TELLINGS, WORD, running, seen, told

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(300)]

NOWHERE = "http://127.0.0.1:1/hook"
"""Of a team whose system never takes anything, so that its work comes back again and again."""
TRIES = 300
LITTLE = frozenset({View.POINTER, View.EXISTENCE, View.ENDED})
"""Views in which no word that was written, no address and nobody who wrote is shown; the team's own client is named."""


@dataclass
class Found:
    """What lay where."""

    before: set[str] = field(default_factory=set)
    """Words in RabbitMQ's files while no team had chosen a queue."""
    worked: bool = False
    """Whether ids of deliveries were in those files by then, as work for workers."""
    after: set[str] = field(default_factory=set)
    """The same with what is put into teams' queues."""
    queued: list["Queued"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Queued:
    """One message of a team's queue, beside what the team reads in its mailbox."""

    team: str
    id: str
    view: View
    head: str
    """Routing key and properties."""
    body: str
    mailbox: str


@pytest.fixture(scope="module")
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    copy = tmp_path_factory.mktemp("rabbit") / "baton.db"
    shutil.copy(request.getfixturevalue("sqlite_town"), copy)
    with single() as node:
        settings = Settings(
            public_url="http://testserver",
            allow_private_addresses=True,
            poll_seconds=0.05,
            amqp_url=SecretStr(node.url),
            amqp_shards=2,
        )
        with running(f"sqlite:///{copy}", settings) as broker:
            yield looked(broker, node)


def looked(broker: Broker, node: Node) -> Found:
    seen_so_far = Found()
    chooses(
        broker,
        VISITORS,
        {"kind": "webhook", "url": NOWHERE, "secret": "whsec_dGhpcnR5LXR3byBieXRlcyBvZiBhIHRlc3Qgc2VjcmV0"},
    )
    for name in TELLINGS:
        bundle = told(name)
        broker.post(bundle, sender(bundle))
    due = [row.id for row in broker.rows(Delivery, team_id=VISITORS) if row.number or row.next_attempt_at]
    assert due
    until(broker, lambda: any(id_.encode() in whole(node) for id_ in due))
    files = whole(node)
    seen_so_far.worked = any(id_.encode() in files for id_ in due)
    seen_so_far.before = seen(files)
    teams = told_teams(broker)
    for team in teams:
        chooses(broker, team, {"kind": "amqp"})
    until(broker, lambda: all(waiting(node, team) for team in teams))
    seen_so_far.after = seen(whole(node))
    for team in teams:
        seen_so_far.queued += asyncio.run(taken(node, broker, team))
    return seen_so_far


def told_teams(broker: Broker) -> list[str]:
    """Every team to which something was told and is still to be handed over."""
    return sorted({row.team_id for row in broker.rows(Delivery) if row.state in ("ready", "sent", "sending", "parked")})


def chooses(broker: Broker, team: str, channel: dict[str, str]) -> None:
    answer = broker.call("PUT", f"/admin/teams/{team}/channel", None, scopes=ADMIN_SCOPES, json=channel)
    assert answer.status_code == 200, answer.text


def until(broker: Broker, holds) -> None:
    """Time passes until something is so."""
    for _ in range(TRIES):
        if holds():
            return
        broker.clock.forward(seconds=30)
        sleep(0.1)
    raise AssertionError("it does not come to that")


def whole(node: Node) -> bytes:
    """Every byte of every file that the node has: queues, their logs, its own log and what it printed."""
    return b"\n".join(path.read_bytes() for path in sorted(node.folder.rglob("*")) if path.is_file())


def waiting(node: Node, team: str) -> int:
    async def ask() -> int:
        async with await aio_pika.connect(node.url) as connection, connection.channel() as channel:
            queue = await channel.declare_queue(team_queue(team).name, passive=True)
            return queue.declaration_result.message_count or 0

    try:
        return asyncio.run(ask())
    except aio_pika.exceptions.ChannelNotFoundEntity:
        return 0


async def taken(node: Node, broker: Broker, team: str) -> list[Queued]:
    """All that waits for a team."""
    messages = []
    async with await aio_pika.connect(node.url) as connection, connection.channel() as channel:
        queue = await channel.get_queue(team_queue(team).name, ensure=False)
        while one := await queue.get(fail=False):
            await one.ack()
            read = broker.call("GET", f"/mailbox/inbox/{one.message_id}", team)
            assert read.status_code == 200, read.text
            head = f"{one.routing_key} {one.properties} {one.headers}"
            [row] = broker.rows(Delivery, id=str(one.message_id))
            messages.append(Queued(team, str(one.message_id), View(row.view), head, one.body.decode(), read.text))
    return messages


def test_work_for_workers_leaves_nothing_of_them_in_its_files(found):
    assert found.worked, "nothing was announced, so that nothing is shown"
    assert found.before == set()


def test_what_is_looked_for_would_be_found_there(found):
    """What a team's queue holds lies in RabbitMQ's files as it is (docs/rabbitmq.md): that disk is to be encrypted."""
    assert {FAMILY, NUMBER, WORD} <= found.after


def test_a_queue_has_of_them_what_the_team_reads_in_its_mailbox_and_nothing_in_its_head(found):
    assert len({one.team for one in found.queued}) > 3
    for one in found.queued:
        assert seen(one.head) == set(), one.team
        assert seen(one.body) == seen(one.mailbox), (one.team, one.view)
        assert json.loads(one.body)["entry"][0]["resource"]["id"] == one.id


def test_who_is_told_little_has_little_in_its_queue(found):
    little = [one for one in found.queued if one.view in LITTLE]
    assert little
    for one in little:
        assert seen(one.body).isdisjoint({WORD, "Zephyrine", "B17 9ZQ", "Fernsby"}), (one.team, one.view)
