"""`baton bench accept` in small: its report, what its reference writes, and that nothing of it stays; how fast anything is is no test's business."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
import structlog
from fhir.resources.R4B.bundle import Bundle
from sqlalchemy import func, select, text
from typer.testing import CliRunner

from broker.bus.embedded import EmbeddedBus
from broker.cli import app, bench_costs, bench_reference, bench_town
from broker.cli.bench_load import send
from broker.cli.bench_servers import database, server
from broker.clock import utc_now
from broker.errors import BatonError
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage.store import Store
from broker.storage.tables import metadata
from broker.workflow import intake
from schemas.limits import Limits
from tests.default_policy import default_policy
from tests.services import bench_databases, require


@pytest.fixture(autouse=True)
def _few_households_and_log_lines_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(bench_town, "HOUSEHOLDS", 2)
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def counts(store: Store) -> dict[str, int]:
    """How many rows each table has."""
    tables = metadata.sorted_tables
    return store.read(
        lambda session: {
            table.name: session.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
        }
    )


def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


def test_both_are_measured_on_both_databases_and_the_figures_agree_with_each_other():
    postgres = require("postgres")
    before = bench_databases(postgres)
    done = CliRunner().invoke(
        app, ["bench", "accept", "--seconds", "0.5", "--callers", "3", "--database-url", postgres, "--json"]
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["callers"], found["told"]) == (3, 6)
    assert 6_000 < found["message_bytes"] < 7_500
    assert [(one["database"], one["processes"]) for one in found["compared"]] == [("sqlite", 1), ("postgresql", 2)]
    for one in found["compared"]:
        assert (one["rows"]["notification"], one["rows"]["delivery"]) == (1, 6)
        for speed in (one["ours"], one["reference"]):
            assert speed["refused"] == 0
            assert speed["per_second"] == pytest.approx(speed["accepted"] / speed["seconds"], rel=0.05)
            assert speed["rounds"] == [speed["per_second"]]
            assert 0 < speed["p50"] <= speed["p99"]
        assert one["ratio"] == pytest.approx(one["ours"]["per_second"] / one["reference"]["per_second"], abs=0.01)
    assert found["met"] is all(one["ratio"] >= 1 for one in found["compared"])
    assert bench_databases(postgres) <= before


def test_for_people_it_is_a_table_and_whether_the_goal_is_met():
    done = CliRunner().invoke(app, ["bench", "accept", "--seconds", "0.2", "--callers", "1"])
    assert done.exit_code == 0, done.output
    assert "sqlite, 1 process each" in done.stdout
    assert "ratio" in done.stdout
    assert "met" in done.stdout.splitlines()[-1]


def test_a_server_that_makes_no_databases_for_us_is_named_as_the_reason(tmp_path):
    unknown = "postgresql://nobody@127.0.0.1:1/none"
    with pytest.raises(BatonError, match="make databases"), database(unknown, tmp_path):
        pass


def test_a_server_that_does_not_start_says_why(tmp_path):
    with (
        pytest.raises(BatonError, match="did not start"),
        server(["broker.cli", "no-such-command"], {}, tmp_path / "log"),
    ):
        pass


def test_the_reference_writes_what_baton_writes_for_a_message(store, database_url):
    runtime = Runtime(Settings(), store, default_policy(), EmbeddedBus())
    sample = bench_town.fill(runtime)
    before = counts(store)
    bench_town.send(runtime, bench_town.bodies(runtime.now(), 1)[0])
    ours = grown(before, counts(store))

    raw = bench_town.bodies(runtime.now(), 1)[0]
    before = counts(store)
    asyncio.run(_written_by_the_reference(database_url, sample, raw, times=2))
    assert grown(before, counts(store)) == {name: 2 * count for name, count in ours.items()}
    held = "SELECT count(*) FROM notification WHERE raw = :raw"
    assert store.read(lambda session: session.execute(text(held), {"raw": raw}).scalar_one()) == 2


async def _written_by_the_reference(database_url: str, sample: str, raw: bytes, *, times: int) -> None:
    rows = bench_reference.sample(database_url, sample)
    written = bench_reference.opened(database_url)
    await written.open()
    for _ in range(times):
        await written.write(bench_reference.copied(rows, bench_reference.own_ids(rows), raw))
    await written.close()


def test_every_message_is_a_new_one_that_both_understand():
    posted = bench_town.bodies(utc_now(), 5)
    read = [intake.read_fhir(body, "application/fhir+json", Limits(), utc_now()) for body in posted]
    assert {incoming.standing for incoming in read} == {"usable"}
    assert len({incoming.key for incoming in read}) == 5
    for body in posted:
        Bundle.model_validate_json(body)


@pytest.mark.parametrize("left_out", bench_costs.LEFT_OUT, ids=["nothing", "encryption", "audit", "both"])
def test_what_costs_are_measured_beside_leaves_out_what_it_says_and_nothing_else(tmp_path, left_out):
    folder = tmp_path / "baton-bench-costs"
    folder.mkdir()
    with ExitStack() as stack:
        side = bench_costs.side(stack, None, "a key of forty characters, or even longer", left_out, folder)
        [body] = bench_town.bodies(utc_now(), 1)
        sent = send(side.port, side.head, [body], callers=1, seconds=30)
        assert (sent.accepted, sent.refused) == (1, 0)
        with closing(sqlite3.connect(side.database.removeprefix("sqlite:///"))) as rows:
            [(raw,)] = rows.execute("SELECT raw FROM notification ORDER BY received_at DESC LIMIT 1").fetchall()
            told = rows.execute(
                "SELECT count(*) FROM audit WHERE action = 'decide' AND detail LIKE '%rows%' AND entity_id ="
                " (SELECT id FROM notification ORDER BY received_at DESC LIMIT 1)"
            ).fetchone()
    assert (raw == body) is ("encryption" in left_out)
    assert (told == (0,)) is ("audit" in left_out)


def test_costs_are_shares_of_what_it_would_do_without_with_their_spread():
    done = CliRunner().invoke(app, ["bench", "accept", "--seconds", "0.4", "--callers", "2", "--costs", "--json"])
    assert done.exit_code == 0, done.output
    costs = json.loads(done.stdout)["costs"]
    assert [one["of"] for one in costs] == [["encryption"], ["audit"], ["encryption", "audit"]]
    for one in costs:
        [only] = one["rounds"]
        assert only == pytest.approx(1 - one["ours"]["rounds"][0] / one["without"]["rounds"][0], abs=0.001)
        assert (one["share"], one["spread"]) == (only, [only, only])


def test_baton_without_encryption_or_audit_is_for_no_database_but_a_benchs_own(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "broker.cli.bench_plain", "encryption+audit", "migrate"],
        env=os.environ | {"BATON_DATABASE_URL": f"sqlite:///{tmp_path}/families.db"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode != 0
    assert "made for itself" in done.stderr
    assert not list(tmp_path.iterdir())
