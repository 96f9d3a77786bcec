"""The scenarios that ship and the one that the documents tell: what they expect is met, and they tell the whole story."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from broker.domain.answers import Move
from broker.replay import model, playing, reading, report
from broker.replay.expects import Climbed
from broker.replay.forms import names
from broker.replay.report import Standing
from broker.settings import Settings
from schemas.codes import TaskCode
from schemas.examples import cast

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "deploy" / "scenarios"
CHILD_RS = SCENARIOS / "child-rs.yaml"
PARAGRAPHS = {
    f"7.{section}.{number}"
    for section, last in ((1, 7), (2, 7), (3, 5), (4, 4), (5, 13))
    for number in range(1, last + 1)
}
"""The review's story, paragraph by paragraph."""
IN_THIS_STORY = (
    "F3",
    "F6",
    "F10",
    "F12",
    "F13",
    "F14",
    "F15",
    "F16",
    "F17",
    "F18",
    "F19",
    "F20",
    "F21",
    "F23",
    "F25",
    "F26",
    "F27",
    "F28",
    "F29",
    "F30",
)
"""Cases of which nothing is left to come."""


@pytest.fixture(scope="module")
def documented():
    """The scenario of docs/scenarios.md: its blocks one after the other."""
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    return "".join(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))


@pytest.fixture(scope="module")
def child_rs():
    return reading.read(CHILD_RS)


@pytest.fixture(scope="module")
def replayed(child_rs):
    return played(child_rs)


def played(story):
    return playing.replay(story, Settings(database_url=playing.TEMPORARY, demo=True), lasting=False)


def standings(found):
    return {verdict.due.expect.id: (report.standing(verdict), verdict.finding.why) for verdict in found.verdicts}


def wrong(found):
    """What is not met, and what is marked as not yet and is met."""
    return {id_: how for id_, how in standings(found).items() if how[0] in (Standing.UNMET, Standing.ALREADY)}


# --- every one of them -------------------------------------------------------------------------------------------------


def test_a_second_story_of_another_kind_fits_in_sixty_lines():
    file = SCENARIOS / "team-closes.yaml"
    assert len(file.read_text(encoding="utf-8").splitlines()) < 60
    found = played(reading.read(file))
    assert wrong(found) == {}
    assert len(found.verdicts) == 8


@pytest.mark.parametrize(("name", "asked_for"), [("concealed-pregnancy", 5), ("twins-move", 6)])
def test_a_story_of_another_kind_is_as_its_file_expects(name, asked_for):
    """`asked_for`: how many kinds of things that should have come, and did not, it tells of."""
    story = reading.read(SCENARIOS / f"{name}.yaml")
    found = played(story)
    assert wrong(found) == {}
    assert not any(verdict.due.expect.not_yet for verdict in found.verdicts)
    raised = [verdict.due.expect.raised for verdict in found.verdicts if verdict.due.expect.raised]
    missing = [names(one.saying) for one in raised if one.task is TaskCode.EXPECTED_EVENT]
    assert len(set(missing)) >= asked_for
    assert all(step.what for step in story.scenario.timeline if isinstance(step, model.Sends))


def test_who_does_their_part_is_asked_for_nothing():
    """The counterfactual of the review: whatever is raised in it besides is a false alarm."""
    story = reading.read(SCENARIOS / "child-rs-done-right.yaml")
    assert wrong(played(story)) == {}
    kinds = {TaskCode.EXPECTED_EVENT, TaskCode.PATTERN_REVIEW, TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD}
    never = [line.never for line in story.scenario.throughout if line.never]
    assert {one.raised.task for one in never if one.raised} >= kinds
    assert any(one.climbed == Climbed() for one in never)


def test_the_documents_story_is_as_they_say(documented):
    found = played(reading.parse(documented, Path("docs.yaml")))
    assert wrong(found) == {}
    kinds = {
        kind
        for one in found.verdicts
        for kind in ("raised", "climbed", "told", "responsible", "refused", "never")
        if getattr(one.due.expect, kind)
    }
    assert len(kinds) == 6


def test_the_schema_that_ships_is_the_models():
    assert json.loads((SCENARIOS / "scenario.schema.json").read_text(encoding="utf-8")) == model.schema()


@pytest.mark.parametrize("file", sorted(SCENARIOS.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_schema_takes_what_is_read(file):
    jsonschema_rs.validator_for(model.schema()).validate(plain(file.read_text(encoding="utf-8")))


def test_the_schema_takes_the_documents_story_and_no_unknown_key(documented):
    schema = jsonschema_rs.validator_for(model.schema())
    story = plain(documented)
    schema.validate(story)
    for broken in (
        story | {"tile": "x"},
        story | {"timeline": [{"at": "2019-01-01"}]},
        story | {"people": {"a": {"age": "3"}}},
    ):
        assert not schema.is_valid(broken)


def plain(text):
    return yaml.load(text, reading.Plain)


# --- Child RS ----------------------------------------------------------------------------------------------------------


def test_what_child_rs_expects_is_met_and_no_mark_is_stale(replayed):
    assert wrong(replayed) == {}
    assert report.as_json(replayed)["counts"]["met"] > 80


def test_every_paragraph_of_the_reviews_story_is_told(child_rs):
    cited = {cite for step in child_rs.scenario.timeline for cite in names(step.cites)}
    assert cited >= PARAGRAPHS


def test_every_step_says_what_happened(child_rs):
    for step in child_rs.scenario.timeline:
        assert step.what or getattr(step, "silence", "") or getattr(step, "answers", None) or step.cites, step.id


@pytest.mark.parametrize("case", IN_THIS_STORY)
def test_the_case_is_met_whole(replayed, case):
    found = [report.standing(verdict) for verdict in replayed.verdicts if verdict.due.expect.case == case]
    assert found
    assert set(found) == {Standing.MET}


@pytest.fixture(scope="module")
def status():
    """Each case of the table and how it stands there."""
    table = (ROOT / "docs" / "failures.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| (F\d+) \|.*\| (met|part|not yet) \|$", table, re.MULTILINE))


def test_the_report_lists_every_case_of_the_table(replayed, status):
    reported = {verdict.due.expect.case for verdict in replayed.verdicts} - {None}
    assert reported == status.keys() == {f"F{number}" for number in range(1, 31)}


def test_what_the_table_of_cases_calls_met_waits_for_nothing(replayed, status):
    waiting = {v.due.expect.case for v in replayed.verdicts if v.due.expect.not_yet}
    assert {case for case in waiting if status[case] == "met"} == set()
    seen = {v.due.expect.case for v in replayed.verdicts if v.met}
    assert {case for case, how in status.items() if how == "not yet" and case in seen} == set()


def test_the_people_are_those_of_the_examples(child_rs):
    people = {**child_rs.scenario.people}
    for name, known in {
        "chloe": cast.CHLOE,
        "susan": cast.SUSAN,
        "martin": cast.MARTIN,
        "ava": cast.AVA,
        "noah": cast.NOAH,
    }.items():
        assert people[name].name == " ".join((*known.given, known.family))
        assert people[name].nhs_number == known.identifiers[0].value
        assert people[name].born == known.birth_date.isoformat()
    assert people["daniel"].case_number == cast.DANIEL.identifiers[0].value


def test_nobody_answers_unless_the_story_says_so(child_rs):
    """The replay shows what Baton raises when people do what they did: answers are few and each cites its paragraph."""
    answers = [step for step in child_rs.scenario.timeline if getattr(step, "answers", None)]
    assert len(answers) < 12
    assert all(step.cites for step in answers)
    assert Move.OPEN in {step.move for step in answers}


def test_the_story_can_be_moved_in_time_and_comes_out_the_same(child_rs, replayed):
    later = datetime(2026, 1, 5, tzinfo=UTC) - datetime(2019, 6, 24, tzinfo=UTC)
    moved = played(reading.read(CHILD_RS, later))
    assert {id_: how for id_, (how, _) in standings(moved).items()} == {
        id_: how for id_, (how, _) in standings(replayed).items()
    }
    assert moved.end - replayed.end == later
