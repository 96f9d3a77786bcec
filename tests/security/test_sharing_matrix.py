"""The matrix of function, standing, event and label: what a reviewer reads is what is decided, and no cell tells more or less than docs/sharing.md does."""

import csv
from collections.abc import Callable
from functools import cache

import pytest

from broker.policy.model import load
from deploy.dev import sharing_matrix
from schemas.codes import Event, Function
from tests.security import sharing_oracle as oracle

KINDS = (oracle.CHILD_FACING, oracle.ADULT_ONLY, oracle.OWN_CLIENT, oracle.RECORDS, oracle.COORDINATING)


@cache
def rows():
    """Every row as it is decided."""
    return list(sharing_matrix.rows(load()))


def test_the_matrix_has_every_function_standing_event_and_label():
    assert {row[0] for row in rows()} == set(sharing_matrix.LABELS)
    assert {row[2] for row in rows()} == {event.value for event in Event}
    assert all(len(row) == 4 + len(Function) for row in rows())
    assert len({row[:4] for row in rows()}) == len(rows()) >= len(Event) * len(sharing_matrix.LABELS) * 10
    assert sorted(function for kind in KINDS for function in kind) == sorted(function.value for function in Function)


def test_what_a_reviewer_reads_is_what_is_decided_cell_by_cell():
    with sharing_matrix.FILE.open(newline="") as file:
        columns, *written = csv.reader(file)
    assert tuple(columns) == sharing_matrix.COLUMNS
    decided = sharing_matrix.table(load())
    assert [tuple(row) for row in written] == decided, "write it again: python -m deploy.dev.sharing_matrix"


def test_no_cell_tells_more_than_the_principles_allow():
    wrong = [
        (label, standing, event, about, function.value, text)
        for label, standing, event, about, *cells in rows()
        for function, text in zip(Function, cells, strict=True)
        if text.replace("!", "") not in oracle.allowed(label, standing, event, about, function.value)
    ]
    assert not wrong, f"{len(wrong)} cells, the first: {wrong[:3]}"


def missing(table):
    """Cells that tell less than the principles require."""
    return [
        (label, standing, event, about, function.value, text, sorted(least))
        for label, standing, event, about, *cells in table
        for function, text in zip(Function, cells, strict=True)
        if (least := oracle.required(label, standing, event, about, function.value))
        and text.replace("!", "") not in least
    ]


def test_no_cell_tells_less_than_the_principles_require():
    wrong = missing(rows())
    assert not wrong, f"{len(wrong)} cells, the first: {wrong[:3]}"


HIDDEN: dict[str, Callable[[str, str, str, str], bool]] = {  # by standing, event, function and cell
    "everything": lambda *_: True,
    "what is addressed": lambda standing, *_: standing == "addressed",
    "of whom a team works with": lambda standing, *_: standing == "works with the subject",
    "of the others at home": lambda standing, *_: standing == "works with another of the household",
    "concerns, from health visitors": lambda _, event, function, __: (
        (event, function) == ("concern", "health-visiting")
    ),
    "concerns, from practices": lambda _, event, function, __: (event, function) == ("concern", "general-practice"),
    "a father's release": lambda _, event, *__: event == "custody-release",
    "a birth, from universal services": lambda standing, event, *_: (standing, event) == ("universal service", "birth"),
    "a pregnancy, from adults' teams": lambda _, event, function, __: (
        event == "pregnancy-booking" and function in oracle.ADULT_ONLY
    ),
    "that a pregnancy ended": lambda *cell: cell[3] == "ended",
    "that there is something": lambda *cell: cell[3] == "existence",
    "what waits for a lead": lambda *cell: cell[3].startswith("("),
    "the answer to a referral": lambda _, event, *__: event == "referral-outcome",
    "missed appointments": lambda _, event, *__: event == "not-brought",
}


@pytest.mark.parametrize("hides", HIDDEN.values(), ids=HIDDEN.keys())
def test_what_is_hidden_on_purpose_is_missed(hides):
    hidden = [
        (
            *row[:4],
            *(
                "-" if hides(row[1], row[2], function.value, text.replace("!", "")) else text
                for function, text in zip(Function, row[4:], strict=True)
            ),
        )
        for row in rows()
    ]
    assert missing(hidden)


def test_what_tells_less_is_missed_as_well():
    """A view with less in it, where nothing is hidden."""
    poorer = [
        (*row[:4], *(text.replace("full", "safety").replace("risk", "safety") for text in row[4:])) for row in rows()
    ]
    assert {row[2] for row in missing(poorer)} >= oracle.HARM_OF_A_CHILD | oracle.RISK_BY_AN_ADULT


def test_the_oracle_refuses_and_the_table_tells():
    """Else neither of the two tests above could fail."""
    assert "full" not in oracle.allowed("none", "works with another of the household", "concern", "child", "probation")
    assert oracle.allowed("restricted-party", "addressed", "concern", "child", "midwifery") == {"-"}
    told = {text.strip("(!)") for row in rows() for text in row[4:]}
    assert told == {"-", "full", "risk", "safety", "pointer", "existence", "ended"}
    assert len({row[4:] for row in rows()}) > 100
