"""`baton bench history` in small: what it fills and asks; how long anything takes is no test's business."""

import json
from collections.abc import Iterator

import pytest
import structlog
from typer.testing import CliRunner

from broker.cli import app, bench_history
from broker.cli.bench_history import Over
from broker.cli.bench_timing import Timed
from tests.services import require


@pytest.fixture(autouse=True)
def _log_lines_as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_the_same_is_asked_over_little_history_and_over_much():
    words = ["bench", "history", "--database-url", require("postgres"), "--closed", "5000", "--rounds", "1", "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    little, much = json.loads(done.stdout)
    assert much["closed"] - little["closed"] == 5_000
    assert much["megabytes"] >= little["megabytes"]
    assert [one["question"] for one in little["timings"]] == [one["question"] for one in much["timings"]]
    assert all(0 < one["p50"] <= one["p99"] for one in (*little["timings"], *much["timings"]))


def test_for_people_it_is_a_table():
    timings = [Timed(question="fifty deliveries claimed", p50=1.25, p99=3.5)]
    lines = bench_history.told(
        (Over(closed=5, megabytes=1, timings=timings), Over(closed=1_000_000, megabytes=2_000, timings=timings))
    ).splitlines()
    assert lines[0].endswith("1,000,000 closed")
    assert lines[1].split() == ["fifty", "deliveries", "claimed", "1.25", "/", "3.50", "1.25", "/", "3.50"]
    assert lines[-1].split()[-2:] == ["2,000", "MB"]
