"""A team that chose AMQP, over HTTP and on a real RabbitMQ: what its administrator is told, and what that lets its system do."""

import asyncio
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika.exceptions import AMQPError
from pydantic import SecretStr

from broker.domain.receipt import Receipt
from tests.command import Command
from tests.conftest import NOON, SECRET
from tests.contract.calling import MIDWIVES, Broker, issues
from tests.contract.test_channels_api import WEBHOOK, get, put
from tests.integration.rabbit_own import own
from tests.integration.test_rabbit_teams import queues_at

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(300)]  # seconds: a RabbitMQ of its own starts first

ROOT = Path(__file__).parents[2]
AMQP = {"kind": "amqp"}
USER = f"baton.team.{MIDWIVES}"
SHOWN = {
    "queue": f"baton.team.{MIDWIVES}",
    "exchange": "baton.teams",
    "routing_key": f"team.{MIDWIVES}",
    "receipts_exchange": "baton.receipts",
    "virtual_host": "/",
    "user": USER,
    "configure": "^$",
    "write": r"^baton\.receipts$",
    "read": rf"^baton\.team\.{MIDWIVES}$",
}


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory):
    """A node of this module's own."""
    with own(tmp_path_factory.mktemp("rabbit")) as made:
        yield made


@pytest.fixture
def told(broker: Broker, rabbit):
    """A broker that knows RabbitMQ and may make users there."""
    broker.runtime.settings.amqp_url = SecretStr(rabbit.url)
    broker.runtime.settings.amqp_management_url = SecretStr(rabbit.management)
    yield broker
    put(broker, {"kind": "mailbox"})


def lets_in(rabbit, password: str) -> bool:
    async def go() -> bool:
        try:
            async with await aio_pika.connect(rabbit.address_of(USER, password)):
                return True
        except AMQPError:
            return False

    return asyncio.run(go())


def test_what_the_documentation_says_an_agency_s_system_does(told: Broker, rabbit):
    """Its example, run as the team's user: the message is taken, and the receipt is there."""
    password = put(told, AMQP).json()["amqp"]["password"]
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "rabbitmq.md").read_text(), re.DOTALL)
    example: dict[str, Any] = {"aio_pika": aio_pika}
    exec(code, example)
    kept = []

    async def keep(message_id: str, body: bytes) -> None:
        kept.append((message_id, body))

    async def go():
        async with queues_at(rabbit.url) as teams:
            await teams.push(MIDWIVES, "one", b"{}", {"baton-sequence": 1}, now=NOON)
            work = example["work"](rabbit.address_of(USER, password), USER, f"baton.team.{MIDWIVES}", keep)
            working = asyncio.create_task(work)
            got = await teams.receipts(60)
            working.cancel()
            with suppress(asyncio.CancelledError):  # it leaves RabbitMQ while its connection still lives
                await working
            return got

    assert asyncio.run(go()) == [Receipt("one", MIDWIVES)]
    assert kept == [("one", b"{}")]


def test_doctor_shows_queues_and_users(told: Broker, rabbit, tmp_path, capsys):
    put(told, AMQP)
    baton = Command(tmp_path, capsys)
    settings = {
        "BATON_SECRET_KEY": SECRET.decode(),
        "BATON_DATABASE_URL": told.runtime.store.engine.url.render_as_string(hide_password=False),
        "BATON_AMQP_URL": rabbit.url,
        "BATON_AMQP_MANAGEMENT_URL": rabbit.management,
    }

    said = json.loads(baton("doctor", "--json", **settings))

    assert said["checks"]["rabbitmq"].startswith("ok: ")
    assert said["rabbitmq"]["users"] == [
        {"virtual_host": "/", "user": USER, **{name: SHOWN[name] for name in ("configure", "write", "read")}}
    ]
    assert f"baton.team.{MIDWIVES}" in [queue["name"] for queue in said["rabbitmq"]["queues"]]
    text = baton("doctor", **settings)
    assert f"user {USER} in /: configure ^$" in text
    assert rabbit.node.address not in text + json.dumps(said)


def test_without_rabbitmq_it_is_not_offered(shared_broker: Broker):
    answer = put(shared_broker, AMQP)

    assert (answer.status_code, issues(answer)[0]["expression"]) == (422, ["kind"])
    assert "BATON_AMQP_URL" in answer.text


def test_the_answer_has_all_that_a_system_needs_and_the_password_once(told: Broker, rabbit):
    first, again = put(told, AMQP).json()["amqp"], put(told, AMQP).json()["amqp"]

    assert {name: first[name] for name in SHOWN} == SHOWN
    assert lets_in(rabbit, first["password"])
    assert again == first | {"password": None}
    assert get(told).json()["amqp"] == again | {"applied": None}


def test_a_password_is_replaced_on_demand(told: Broker, rabbit):
    old, new = put(told, AMQP).json()["amqp"], put(told, AMQP | {"rotate": True}).json()["amqp"]

    assert not lets_in(rabbit, old["password"])
    assert lets_in(rabbit, new["password"])


def test_only_a_queue_has_a_password_to_replace(told: Broker):
    assert put(told, WEBHOOK | {"rotate": True}).status_code == 422


def test_the_user_goes_with_the_channel(told: Broker, rabbit):
    password = put(told, AMQP).json()["amqp"]["password"]

    assert put(told, {"kind": "mailbox"}).json()["amqp"] is None

    assert not lets_in(rabbit, password)


def test_without_the_management_interface_the_user_is_for_an_operator_to_make(told: Broker):
    told.runtime.settings.amqp_management_url = None
    answer = put(told, AMQP).json()["amqp"]

    assert {name: answer[name] for name in SHOWN} == SHOWN
    assert (answer["applied"], answer["password"]) == (False, None)
    assert "BATON_AMQP_MANAGEMENT_URL" in answer["because"]


def test_an_interface_that_is_away_is_said_and_the_channel_is_set(told: Broker, rabbit):
    told.runtime.settings.amqp_management_url = SecretStr(f"http://guest:hunter2@{rabbit.node.address}:1")
    answer = put(told, AMQP)

    assert answer.status_code == 200
    assert answer.json()["amqp"]["applied"] is False
    assert "hunter2" not in answer.text
    assert get(told).json()["kind"] == "amqp"
