"""A simulated area: what Baton promises holds after every event, and it asks for no more than people can do."""

import json

import pytest
import structlog
from typer.testing import CliRunner

from broker.cli import app
from broker.cli.bench_replay import measure
from broker.replay import checking
from broker.replay.area import area
from broker.replay.workload import BUDGET
from schemas.codes import Function

MEASURED, PUBLISHED = 4.84, 5.9
"""Tasks for action of health visiting a week in this area, and in the thousand households of docs/performance.md, which `make deep` counts."""


@pytest.fixture(scope="module", autouse=True)
def _log_lines_as_before():
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="module")
def told():
    """Sixty households over two years."""
    return measure(60, 7, lambda *_: None)


def test_the_same_seed_makes_the_same_area_and_its_story_has_no_faults():
    story = area(150, 3)
    assert area(150, 3) == story
    assert area(150, 4).scenario.timeline != story.scenario.timeline
    assert list(checking.faults(story.scenario, story.directory, story.folder)) == []


def test_what_is_promised_holds_after_every_event(told):
    assert told.broken == {}
    assert told.messages > 150


def test_a_health_visitor_is_asked_for_no_more_than_the_budget_allows(told):
    """The small area asks for less than the large one: it may grow by as much as the large one may to its budget, and no further."""
    load = told.loads[Function.HEALTH_VISITING]
    assert 0 < load.a_week <= MEASURED * BUDGET / PUBLISHED, load


def test_the_bench_prints_it_and_fails_above_the_budget(monkeypatch):
    ran = CliRunner().invoke(app, ["bench", "replay", "--households", "4", "--json"])
    plain = json.loads(ran.stdout)
    assert (ran.exit_code, plain["households"], plain["broken"]) == (0, 4, {})
    monkeypatch.setattr("broker.cli.bench_replay.BUDGET", 0.0)
    assert CliRunner().invoke(app, ["bench", "replay", "--households", "4"]).exit_code == 1
