"""`baton bench deliver` in small: its report, its agencies, and that nothing of it stays; how fast anything is is no test's business."""

import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest
import structlog
from typer.testing import CliRunner

from broker.cli import app, bench_agencies, bench_town
from tests.services import bench_databases, rabbitmq_virtual_host, require


@pytest.fixture(autouse=True)
def _few_households_and_log_lines_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(bench_town, "HOUSEHOLDS", 2)
    before = structlog.get_config()
    yield
    structlog.configure(**before)


SMALL = ["bench", "deliver", "--fan-out", "2", "--deliveries", "20", "--seconds", "0.5", "--workers", "1"]


def measured(*more: str):
    done = CliRunner().invoke(app, [*SMALL, *more, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    for line in found["lines"]:
        assert (line["fan_out"], line["deliveries"]) == (2, 20)
        assert line["per_second"] > 0
        assert 0 < line["p50"] <= line["p99"]
    return found


def test_on_sqlite_webhooks_and_mailboxes_get_all_of_it_once():
    found = measured("--no-crowd")
    assert (found["database"], found["crowd"]) == ("sqlite", None)
    assert [line["channel"] for line in found["lines"]] == ["webhook", "mailbox"]


@pytest.mark.timeout(300)  # seconds: a dozen processes on a busy machine
def test_on_postgresql_and_rabbitmq_queues_do_and_nothing_stays():
    postgres = require("postgres")
    before = bench_databases(postgres)
    with rabbitmq_virtual_host() as url:
        found = measured("--database-url", postgres, "--amqp-url", url, "--channel", "amqp")
    assert (found["database"], found["workers"]) == ("postgresql, RabbitMQ", 1)
    assert [line["channel"] for line in found["lines"]] == ["amqp"]
    crowd = found["crowd"]
    assert crowd["share"] == pytest.approx(crowd["beside"] / crowd["alone"], abs=0.01)
    assert bench_databases(postgres) <= before


def test_a_channel_that_cannot_be_measured_is_refused():
    done = CliRunner().invoke(app, [*SMALL, "--channel", "pigeon"])
    assert done.exit_code == 1
    assert "webhook, mailbox and amqp" in str(done.exception)


def test_a_rabbitmq_that_lets_nobody_in_is_no_rabbitmq_to_measure():
    with rabbitmq_virtual_host() as url:
        missing = f"{url}-that-is-not-there"
        done = CliRunner().invoke(app, [*SMALL, "--channel", "mailbox", "--amqp-url", missing])
    assert done.exit_code == 1
    assert "does not let us in" in str(done.exception)


def test_each_message_is_told_to_as_many_teams_as_wanted_each_another():
    assert len(set(bench_town.told(20))) == 20
    assert bench_town.told(6) == bench_town.TOLD


def test_a_receiver_takes_what_is_posted_to_it_and_a_silent_one_does_not():
    async def go() -> list[int]:
        server = await asyncio.get_running_loop().create_server(bench_agencies.Receiver, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=1) as client:
            taken = [(await client.post("/taken/team", content=b"x" * 9_000)).status_code for _ in range(3)]
            with pytest.raises(httpx.ReadTimeout):
                await client.post("/silent/team", content=b"x")
        server.close()
        return taken

    assert asyncio.run(go()) == [204, 204, 204]
