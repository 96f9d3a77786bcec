"""CSV that a spreadsheet shows and never executes, and that any reader of RFC 4180 reads back."""

import csv
import io

import pytest

from broker.web.csv_text import text


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+44 121",
        "-2",
        "@SUM(A1)",
        "\tx",
        "\r=1",
        "\n=1",
        "\uff1d1+1",
        "\uff20SUM(A1)",
        '=HYPERLINK("http://x","y")',
    ],
)
def test_what_a_spreadsheet_would_execute_becomes_text(cell):
    [row] = csv.reader(io.StringIO(text([[cell, "a"]]), newline=""))
    assert row == [f"'{cell}", "a"]


def test_what_was_written_is_read_back_whatever_is_in_it():
    rows = [["id", "reason"], ['a "quoted" one', "two\r\nlines, and a comma"], ["O'Brien", "a=b"], ["é", ""]]
    written = text(rows)
    assert list(csv.reader(io.StringIO(written, newline=""))) == rows
    assert written.startswith("id,reason\r\n")


def test_numbers_stay_numbers_and_nothing_is_an_empty_cell():
    assert text([[0, -1, None, "x"]]) == "0,-1,,x\r\n"
