"""The report prints what was recorded, says what was not run, and adds nothing."""

import json
import re
from pathlib import Path

import pytest

from tests.faults import report
from tests.faults.report import RUNS, missing, render

RUN = {"date": "2026-03-02", "cpus": 2, "system": "Linux", "python": "3.11", "load": 0.5}
FIGURES = {
    "accepted": 20_000,
    "lost": 0,
    "effects_twice": 0,
    "shown_to_strangers": 0,
    "repeated": 31,
    "duplicates_on_the_wire": 17,
    "longest_stall": 4.5,
}
KILLED = {"row": "K3", "name": "killed", "killed": 10, "commit": "abc", **FIGURES}
EVERY = sum(map(len, RUNS.values()))


def test_recorded_figures_are_printed_beside_their_row():
    text = render([KILLED], RUN)
    assert "| killed | 20,000 | 0 | 0 | 0 | 31 | 17 | 4.5 | commit abc, killed 10 |" in text
    assert "Last run of 2026-03-02, on 2 processors" in text
    assert len(missing(text)) == text.count(": not run") == EVERY - 1


def test_what_was_not_run_stands_as_it_stood():
    before = render([KILLED, {"row": "K5", "name": "client", "commit": "abc", **FIGURES}], RUN)
    text = render([{"row": "K5", "name": "node", "commit": "def", **FIGURES}], RUN, before)
    assert len(missing(text)) == EVERY - 3
    assert "commit abc, killed 10 |" in text
    assert "| client | 20,000 | 0 | 0 | 0 | 31 | 17 | 4.5 | commit abc |\n| node |" in text
    assert render([], RUN, text) == text


def test_a_run_takes_the_place_of_its_own_earlier_one_of_whatever_date():
    before = render([{"row": "K9", "name": "night-2026-03-29", "commit": "abc", **FIGURES}], RUN)
    text = render([{"row": "K9", "name": "night-2027-03-28", "commit": "def", **FIGURES}], RUN, before)
    assert "commit abc" not in text
    assert len(missing(text)) == EVERY - 1


def test_a_row_without_messages_is_a_line():
    text = render([{"row": "K14", "name": "message keys", "flips": 500, "found": 500}], RUN)
    assert "- message keys: flips 500, found 500" in text
    assert render([], RUN, text) == text


def test_figures_of_a_run_that_no_row_expects_are_refused():
    with pytest.raises(ValueError, match="K3 expects no run restarted"):
        render([{"row": "K3", "name": "restarted", "flips": 1}], RUN)


def test_writing_the_document_says_which_runs_have_no_figures(tmp_path, capsys):
    (tmp_path / "run.json").write_text(json.dumps(RUN))
    (tmp_path / "K3-killed.json").write_text(json.dumps(KILLED))
    assert report.main(tmp_path, tmp_path / "document.md") == 1
    assert "not run: K9 jumps\n" in capsys.readouterr().err
    for row, runs in RUNS.items():
        for run in runs:
            one = {"row": row, "name": run.replace("*", "2026"), "commit": "abc"}
            (tmp_path / f"{row}-{run.replace('*', '2026')}.json").write_text(json.dumps(one))
    assert report.main(tmp_path, tmp_path / "document.md") == 0
    assert not capsys.readouterr().err


def test_every_run_that_a_test_records_by_name_is_expected():
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("test_k*.py"))
    recorded = set(re.findall(r'record\(\s*"(K\d+)", "([^"]+)"', tests))
    assert len(recorded) > EVERY / 2
    assert recorded <= {(row, run) for row, runs in RUNS.items() for run in runs}
