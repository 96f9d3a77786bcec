"""The matrix of function, standing, event and label: what a reviewer reads is what is decided, and no cell tells more than docs/sharing.md allows."""

import csv
from functools import cache

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


def test_the_oracle_refuses_and_the_table_tells():
    """Else neither of the two tests above could fail."""
    assert "full" not in oracle.allowed("none", "works with another of the household", "concern", "child", "probation")
    assert oracle.allowed("restricted-party", "addressed", "concern", "child", "midwifery") == {"-"}
    told = {text.strip("(!)") for row in rows() for text in row[4:]}
    assert told == {"-", "full", "risk", "safety", "pointer", "existence", "ended"}
    assert len({row[4:] for row in rows()}) > 100
