"""`baton replay` and `baton scenario` as a person types them: exit codes, what goes where, and sentences for what is wrong."""

import json
from pathlib import Path

import pytest

from broker.cli import progress
from tests.command import Command

ROOT = Path(__file__).parents[2]
STORY = """\
title: A birth
people:
  zayn: {name: Zayn Begum, born: 2019-05-06, nhs-number: "9990001200", practice: harborne-practice}
timeline:
- id: registered
  at: 2019-05-20
  team: harborne-practice
  sends: gp-registration
  about: zayn
  expect:
  - {id: held, responsible: {person: zayn, function: general-practice, team: harborne-practice}}
"""
UNMET = "  - {id: asked, raised: {task: transfer}}\n  - {id: told, told: {team: swbh-midwifery}}\n"


@pytest.fixture
def baton(tmp_path, capsys):
    """Runs the command in a folder with the story; (exit code, standard output, standard error)."""
    command = Command(tmp_path, capsys)

    def run(*words):
        said = command.run(*words)
        return said.code, said.out, said.err

    return run


@pytest.fixture
def story(tmp_path):
    def write(text):
        (tmp_path / "story.yaml").write_text(text, encoding="utf-8")
        return "story.yaml"

    return write


def test_all_met_is_exit_code_0_and_nothing_is_left_behind(baton, story, tmp_path):
    code, out, err = baton("replay", story(STORY))
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "A birth"
    assert out.endswith("1 met, 0 not met\n")
    assert [path.name for path in tmp_path.iterdir()] == ["story.yaml"]


def test_exit_code_1_names_every_expect_line_that_is_not_met(baton, story):
    code, out, err = baton("replay", story(STORY + UNMET))
    assert code == 1
    assert "2 not met" in out
    assert err == "baton: 2 expect line(s) not met: asked, told\n"


def test_the_json_report_is_json_whatever_is_met(baton, story):
    code, out, _ = baton("replay", story(STORY + UNMET), "--report", "json")
    assert code == 1
    found = json.loads(out)
    assert [(one["id"], one["met"]) for one in found["expects"]] == [("held", True), ("asked", False), ("told", False)]
    assert found["expects"][0]["to"] == "harborne-practice"


def test_a_fault_is_named_by_line_and_key_and_nothing_is_replayed(baton, story):
    code, out, err = baton("replay", story(STORY.replace("about: zayn", "about: zane")))
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "story.yaml:9 timeline[0].about: 'zane' is nobody of this file",
        "baton: The scenario story.yaml has 1 fault(s): mend what is named.",
    ]


def test_a_database_of_ones_own_is_kept_and_must_be_empty(baton, story, tmp_path):
    url = f"sqlite:///{tmp_path / 'kept.db'}"
    assert baton("replay", story(STORY), "--database-url", url)[0] == 0
    assert (tmp_path / "kept.db").exists()
    code, _, err = baton("replay", "story.yaml", "--database-url", url)
    assert code == 1
    assert "empty database" in err


def test_a_file_that_is_not_there_and_a_report_that_is_not_offered(baton):
    assert "cannot be read" in baton("replay", "none.yaml")[2]
    assert baton("replay", "none.yaml", "--report", "pdf")[0] == 2


def test_the_schema_is_printed(baton):
    code, out, _ = baton("scenario", "schema")
    assert code == 0
    assert json.loads(out) == json.loads((ROOT / "deploy" / "scenarios" / "scenario.schema.json").read_text())


def test_on_a_terminal_a_bar_says_how_far_the_story_has_come(capsys):
    bar = progress.bar
    bar(1, 4, "2018-02-14")
    bar(4, 4, "2019-06-25")
    half, whole = capsys.readouterr().err.split("\r")[1:]
    assert half == f"[{'#' * 10}{'.' * 30}] 2018-02-14"
    assert whole == f"[{'#' * 40}] 2019-06-25\n"
