"""`baton bench audit` in small: what it fills, what it asks, and what it refuses to fill; how long anything takes is no test's business."""

import json
from collections.abc import Iterator

import pytest
import structlog
from typer.testing import CliRunner

from broker.cli import app, bench_audit
from broker.errors import BatonError
from broker.storage.synthetic import Amount
from tests.integration.delivery_rows import prepared

SMALL = Amount(handovers=120, open=12)


@pytest.fixture(autouse=True)
def _log_lines_as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_it_asks_every_question_of_a_database_of_its_own_and_says_so_as_json():
    done = CliRunner().invoke(
        app, ["bench", "audit", "--handovers", "120", "--open", "12", "--requests", "2", "--json"]
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["database"], found["handovers"], found["open"], found["requests"]) == ("sqlite", 120, 12, 2)
    assert [timing["question"] for timing in found["timings"]] == list(bench_audit.QUESTIONS)
    assert all(0 < timing["p50"] <= timing["p99"] for timing in found["timings"])
    assert found["met"] is (found["timings"][0]["p99"] <= bench_audit.GOAL_MILLISECONDS)


def test_for_people_it_is_a_table_and_whether_the_goal_is_met():
    done = CliRunner().invoke(app, ["bench", "audit", "--handovers", "12", "--open", "99", "--requests", "1"])
    assert done.exit_code == 0, done.output
    assert "sqlite: 12 handovers, 12 open" in done.stdout
    assert all(question in done.stdout for question in bench_audit.QUESTIONS)
    assert "met" in done.stdout.splitlines()[-1]


def test_what_an_earlier_run_filled_is_used_again_and_filled_no_further(database_url):
    filled: list[int] = []
    bench_audit.measure(database_url, SMALL, 1, filled.append)
    assert filled == [120]
    bench_audit.measure(database_url, SMALL, 1, filled.append)
    assert filled == [120]
    with pytest.raises(BatonError, match="something else"):
        bench_audit.measure(database_url, Amount(handovers=240, open=12), 1, filled.append)


def test_a_database_with_something_else_in_it_is_left_alone(store, database_url):
    prepared(store)
    with pytest.raises(BatonError, match="something else"):
        bench_audit.measure(database_url, SMALL, 1, lambda _: None)
