"""The services of a test run are real: a database answers, a message comes back, a page is rendered by a browser."""

import asyncio

import aio_pika
import psycopg
import pytest
from aio_pika.exceptions import AMQPError

from deploy.dev import browser
from deploy.dev.services import SETTING
from tests import services
from tests.services import postgres_database, rabbitmq_virtual_host, rendered, require


@pytest.mark.postgres
def test_a_database_of_ones_own_answers_and_is_gone_afterwards():
    with postgres_database() as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


@pytest.mark.postgres
def test_a_database_is_copied_from_a_template():
    with postgres_database() as template:
        with psycopg.connect(template, autocommit=True) as connection:
            connection.execute("CREATE TABLE household (id int)")
        with postgres_database(template.rpartition("/")[2]) as copy, psycopg.connect(copy) as connection:
            assert connection.execute("SELECT count(*) FROM household").fetchone() == (0,)


async def _send_and_fetch(url: str, body: bytes) -> bytes:
    async with await aio_pika.connect(url, timeout=10) as connection:
        channel = await connection.channel(publisher_confirms=True)
        queue = await channel.declare_queue("letters", durable=True)
        await channel.default_exchange.publish(aio_pika.Message(body), routing_key=queue.name)
        letter = await queue.get(timeout=10)
        await letter.ack()
        return letter.body


@pytest.mark.rabbitmq
def test_a_virtual_host_of_ones_own_carries_a_message_and_is_gone_afterwards():
    with rabbitmq_virtual_host() as url:
        assert asyncio.run(_send_and_fetch(url, b"seen")) == b"seen"

    with pytest.raises(AMQPError):
        asyncio.run(_send_and_fetch(url, b"too late"))


@pytest.mark.browser
def test_a_browser_runs_a_page():
    page = "data:text/html,<p id=told></p><script>document.getElementById('told').textContent = 6 * 7</script>"

    assert '<p id="told">42</p>' in rendered(page)


@pytest.fixture
def no_browser(monkeypatch):
    """Names a browser that is not there, and forgets what was found before and after."""
    monkeypatch.setenv(browser.SETTING, "/no/such/browser")
    services._find.cache_clear()
    yield
    services._find.cache_clear()


def test_an_absent_service_skips(no_browser, monkeypatch):
    monkeypatch.delenv(SETTING, raising=False)

    with pytest.raises(pytest.skip.Exception, match=browser.SETTING):
        require("browser")


def test_an_absent_service_that_is_required_fails(no_browser, monkeypatch):
    monkeypatch.setenv(SETTING, "postgres,browser")

    with pytest.raises(pytest.fail.Exception, match="required"):
        require("browser")


def test_a_slip_in_what_is_required_is_said(monkeypatch):
    monkeypatch.setenv(SETTING, "postgre")

    with pytest.raises(SystemExit, match="postgre; services are"):
        require("postgres")
