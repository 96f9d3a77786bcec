"""The report prints what was recorded, says what was not run, and adds nothing."""

from tests.faults.report import ROWS, render

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


def test_recorded_figures_are_printed_beside_their_row():
    text = render([{"row": "K3", "name": "killed", "killed": 10, "commit": "abc", **FIGURES}], RUN)
    assert "| killed | 20,000 | 0 | 0 | 0 | 31 | 17 | 4.5 | commit abc, killed 10 |" in text
    assert "Last run of 2026-03-02, on 2 processors" in text
    assert text.count("Not part of this run.") == len(ROWS) - 1


def test_a_row_that_was_not_run_stands_as_it_stood():
    before = render([{"row": "K3", "name": "killed", "killed": 10, "commit": "abc", **FIGURES}], RUN)
    text = render([{"row": "K4", "name": "nodes", "commit": "def", **FIGURES}], RUN, before)
    assert text.count("Not part of this run.") == len(ROWS) - 2
    assert "commit abc, killed 10 |" in text
    assert render([], RUN, text) == text


def test_a_row_without_messages_is_a_line():
    text = render([{"row": "K14", "name": "payloads", "flips": 500, "found": 500}], RUN)
    assert "- payloads: flips 500, found 500" in text
