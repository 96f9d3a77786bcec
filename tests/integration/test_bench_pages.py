"""`baton bench pages` in small: what it fills and loads; how long anything takes is no test's business."""

import json
from collections.abc import Iterator

import pytest
import structlog
from typer.testing import CliRunner

from broker.cli import app, bench_pages
from broker.cli.bench_pages import Measured, Timed


@pytest.fixture(autouse=True)
def _log_lines_as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_both_pages_hold_what_was_filled():
    done = CliRunner().invoke(app, ["bench", "pages", "--tasks", "60", "--events", "30", "--rounds", "1", "--json"])
    assert done.exit_code == 0, done.output
    measured = json.loads(done.stdout)
    assert measured["database"] == "sqlite"
    assert [(one["page"], one["rows"]) for one in measured["pages"]] == [("inbox", 60), ("household", 30)]
    assert all(0 < one["p50"] <= one["p99"] for one in measured["pages"])
    assert all(one["kilobytes"] > 10 for one in measured["pages"])  # fifty rows, and thirty: no empty page


@pytest.mark.parametrize(("took", "words"), [(99.9, "  met"), (100.1, "  not met")])
def test_for_people_it_is_a_table_with_the_goal(took, words):
    one = Timed(page="inbox", rows=10_000, kilobytes=60, p50=took, p99=300.0, processor=50.0, goal=100)
    lines = bench_pages.told(Measured(database="sqlite", rounds=5, pages=[one])).splitlines()
    assert lines[0] == "sqlite, 5 times each"
    assert "10,000" in lines[2]
    assert lines[2].endswith(words)
