"""`baton bench clock` in small: what it fills and asks; how long anything takes is no test's business."""

import json
from collections.abc import Iterator

import pytest
import structlog
from typer.testing import CliRunner

from broker.cli import app, bench_clock
from broker.cli.bench_clock import Over
from broker.cli.bench_timing import Timed
from tests.services import require


@pytest.fixture(autouse=True)
def _log_lines_as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_same_is_due_among_few_open_tasks_and_among_many(kind):
    server = ["--database-url", require("postgres")] if kind == "postgresql" else []
    words = ["bench", "clock", "--tasks", "600", "--due", "5", "--rounds", "1", "--json", *server]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    little, much = json.loads(done.stdout)
    assert (little["database"], much["open"], much["due"]) == (kind, 600, 5)
    assert [one["question"] for one in little["timings"]] == [one["question"] for one in much["timings"]]
    assert all(0 < one["p50"] <= one["p99"] for one in (*little["timings"], *much["timings"]))


@pytest.mark.parametrize(("took", "words"), [(1999.0, "is met"), (2001.0, "is not met")])
def test_for_people_it_is_a_table_with_the_goal(took, words):
    timings = [Timed(question="a pass", p50=1.25, p99=took)]
    little = Over(database="sqlite", open=10_000, due=200, timings=timings)
    much = Over(database="sqlite", open=1_000_000, due=200, timings=timings)
    lines = bench_clock.told((little, much)).splitlines()
    assert lines[0].endswith("1,000,000 open")
    assert lines[1].split()[:3] == ["a", "pass", "1.25"]
    assert words in lines[-1]
