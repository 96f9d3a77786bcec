"""The pages under docs/governance name tests that exist, count rightly and leave nothing out: a control without its test fails here."""

import ast
import csv
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from schemas.codes import LawfulBasis

ROOT = Path(__file__).resolve().parents[2]
GOVERNANCE = ROOT / "docs" / "governance"
PAGES = sorted(GOVERNANCE.glob("*.md"))
STATUSES = ("met", "not met", "not applicable", "deployer's")
OF_THE_STANDARD = {1: 70, 2: 183}
"""Requirements of each level in version 5.0.0, so that none is left out."""
DOCUMENTATION = {"1.1", "2.1", "3.1", "5.1", "6.1", "7.1", "8.1", "11.1", "13.1", "14.1", "15.1", "16.1"}
"""Sections of the standard that ask for documentation: there a page is what shows it."""
SEVERITIES = ("minor", "significant", "considerable", "major", "catastrophic")
MATRIX = {
    "very high": (3, 4, 4, 5, 5),
    "high": (2, 3, 3, 4, 5),
    "medium": (2, 2, 3, 3, 4),
    "low": (1, 2, 2, 3, 4),
    "very low": (1, 1, 2, 2, 3),
}
"""Of DCB0129: likelihood → risk by severity."""
NODE = re.compile(r"tests/[\w/]+\.py(?:::[\w*]+)?")


@cache
def named_in(file: str) -> frozenset[str]:
    """Names of the test functions in a file; empty when there is no such file."""
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    nodes = ast.walk(ast.parse(path.read_bytes()))
    found = (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    named = {node.name for node in found if node.name.startswith("test_")}
    return frozenset(named | _bound(path))


def _bound(path: Path) -> set[str]:
    """Tests that are made by assignment, as those of state machines are."""
    tree = ast.parse(path.read_bytes())
    return {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.startswith("test_")
    }


def exists(node_id: str) -> bool:
    file, _, name = node_id.partition("::")
    there = named_in(file)
    return bool(there) if name in ("", "*") else name in there


def rows(name: str) -> list[dict[str, str]]:
    with (GOVERNANCE / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


ASVS, HAZARDS = rows("asvs.csv"), rows("hazard-log.csv")


# --- every page ---------------------------------------------------------------------------------------------------------


def test_a_test_that_is_not_there_is_noticed():
    assert exists("tests/tooling/test_governance.py::test_a_test_that_is_not_there_is_noticed")
    assert exists("tests/tooling/test_governance.py::*")
    assert not exists("tests/tooling/test_governance.py::test_of_nothing")
    assert not exists("tests/tooling/test_of_nothing.py::*")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_test_that_a_page_names_exists(page):
    text = page.read_text(encoding="utf-8")
    assert [node for node in NODE.findall(text) if not exists(node)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


def test_the_index_names_every_page():
    index = (GOVERNANCE / "README.md").read_text(encoding="utf-8")
    for file in GOVERNANCE.iterdir():
        assert file.name == "README.md" or f"]({file.name})" in index, file.name


# --- ASVS ---------------------------------------------------------------------------------------------------------------


def test_no_requirement_of_levels_one_and_two_is_left_out():
    ids = [row["id"] for row in ASVS]
    assert [id_ for id_, count in Counter(ids).items() if count > 1] == []
    assert all(re.fullmatch(r"v5\.0\.0-\d{1,2}\.\d{1,2}\.\d{1,2}", id_) for id_ in ids)
    levels = Counter(int(row["level"]) for row in ASVS)
    assert {level: levels[level] for level in OF_THE_STANDARD} == OF_THE_STANDARD
    assert set(levels) <= {1, 2, 3}


@pytest.mark.parametrize("row", ASVS, ids=lambda row: row["id"])
def test_a_row_says_how_it_is_met_or_why_it_is_not(row):
    shown = row["shown_by"].split()
    assert row["requirement"]
    assert row["status"] in STATUSES
    if row["status"] != "met":
        assert row["how"] or row["status"] == "deployer's"
        return
    assert shown, "met, and nothing shows it"
    section = row["id"].removeprefix("v5.0.0-").rsplit(".", 1)[0]
    for one in shown:
        if one.startswith("docs/"):
            assert section in DOCUMENTATION, "a page shows documentation alone"
            assert (ROOT / one).is_file(), one
        else:
            assert "::" in one
            assert exists(one), one


def asvs_counts() -> str:
    """The table that the page holds."""
    lines = ["| level | met | not met | not applicable | deployer's | all |", "|---|---:|---:|---:|---:|---:|"]
    for level in ("1", "2", "3"):
        of = Counter(row["status"] for row in ASVS if row["level"] == level)
        lines.append(f"| {level} | {' | '.join(str(of[status]) for status in STATUSES)} | {of.total()} |")
    return "\n".join(lines)


def hazard_counts() -> str:
    """The table that the page holds."""
    lines = ["| risk | without the controls | with them |", "|---|---:|---:|"]
    before, after = (Counter(row[name] for row in HAZARDS) for name in ("risk", "residual_risk"))
    lines += [f"| {risk} | {before[risk]} | {after[risk]} |" for risk in "54321"]
    return "\n".join([*lines, f"| hazards | {len(HAZARDS)} | {len(HAZARDS)} |"])


@pytest.mark.parametrize(("page", "counts"), [("asvs.md", asvs_counts), ("hazard-log.md", hazard_counts)])
def test_the_counts_that_a_page_states_are_right(page, counts):
    text = (GOVERNANCE / page).read_text(encoding="utf-8")
    stated = text.split("<!-- counts -->")[1].split("<!-- /counts -->")[0].strip()
    assert stated == counts()


# --- hazards ------------------------------------------------------------------------------------------------------------


def test_hazards_are_numbered_once():
    assert [row["id"] for row in HAZARDS] == [f"H{number:02}" for number in range(1, len(HAZARDS) + 1)]


@pytest.mark.parametrize("row", HAZARDS, ids=lambda row: row["id"])
def test_a_hazard_has_controls_whose_tests_exist_and_a_risk_of_the_matrix(row):
    assert all(row[name] for name in ("hazard", "cause", "effect", "controls"))
    for when in ("", "residual_"):
        severity, likelihood = row[f"{when}severity"], row[f"{when}likelihood"]
        assert int(row[f"{when}risk"]) == MATRIX[likelihood][SEVERITIES.index(severity)]
    assert int(row["residual_risk"]) <= int(row["risk"])
    shown = row["shown_by"].split()
    assert shown
    assert [one for one in shown if "::" not in one or not exists(one)] == []


def test_the_matrix_is_the_pages():
    text = (GOVERNANCE / "hazard-log.md").read_text(encoding="utf-8")
    for likelihood, risks in MATRIX.items():
        assert f"| {likelihood} | {' | '.join(map(str, risks))} |" in text


def test_the_hazards_that_the_standard_of_the_field_asks_about_are_there():
    said = " ".join(row["hazard"].lower() for row in HAZARDS)
    for word in (
        "lost",
        "late",
        "wrong recipient",
        "wrong child",
        "wrong reader",
        "stale",
        "acted on twice",
        "acknowledged but unread",
        "unavailable",
        "wrong urgency",
        "address disclosed",
        "withdrawn but acted on",
    ):
        assert word in said, word


# --- law and threats ------------------------------------------------------------------------------------------------------


def test_every_lawful_basis_has_its_line():
    text = (GOVERNANCE / "lawful-basis.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)) == {basis.value for basis in LawfulBasis}
    assert "so far as the professional considers" in text


def test_every_threat_has_controls_with_tests():
    text = (GOVERNANCE / "threat-model.md").read_text(encoding="utf-8")
    threats = re.findall(r"^\| (T\d+) \|(.*)$", text, re.MULTILINE)
    assert [number for number, _ in threats] == [f"T{n}" for n in range(1, len(threats) + 1)]
    assert len(threats) >= 12
    assert [number for number, row in threats if not NODE.search(row)] == []
