"""What the document says of mutants is what mutmut left, and no time-out or crash counts as a death."""

import json

import pytest

from deploy.dev import mutants


@pytest.fixture
def written(tmp_path):
    """The lines of a document after these exit codes by file."""

    def write(**codes):
        for name, found in codes.items():
            keys = {f"mutant-{n}": code for n, code in enumerate(found)}
            (tmp_path / f"{name}.py.meta").write_text(json.dumps({"exit_code_by_key": keys}), encoding="utf-8")
        document = tmp_path / "document.md"
        document.write_text(f"Before.\n\n{mutants.BEGIN}\nold\n{mutants.END}\n\nAfter.\n", encoding="utf-8")
        mutants.main(document, tmp_path)
        return document.read_text(encoding="utf-8").splitlines()

    return write


def test_each_file_has_a_line_and_all_of_them_one(written):
    lines = written(sharing=[1, 1, 3, 0, None], routing=[1, 33], rules=[])
    assert lines[:3] == ["Before.", "", mutants.BEGIN]
    assert lines[-3:] == [mutants.END, "", "After."]
    assert [line for line in lines if line.startswith(("| `", "| all"))] == [
        "| `routing` | 2 | 2 | 1 | 0 | 0 | 1 | 50.0 % |",
        "| `sharing` | 5 | 4 | 3 | 0 | 1 | 0 | 75.0 % |",
        "| all | 7 | 6 | 4 | 0 | 1 | 1 | 66.7 % |",
    ]


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (1, "| all | 1 | 1 | 1 | 0 | 0 | 0 | 100.0 % |"),
        (-24, "| all | 1 | 1 | 0 | 1 | 0 | 0 | 0.0 % |"),  # out of time is seen, and no death
        (-9, "| all | 1 | 0 | 0 | 0 | 0 | 0 | – |"),  # killed from outside
        (2, "| all | 1 | 0 | 0 | 0 | 0 | 0 | – |"),  # interrupted
        (None, "| all | 1 | 0 | 0 | 0 | 0 | 0 | – |"),
    ],
)
def test_only_a_failing_test_is_a_death(written, code, line):
    assert line in written(sharing=[code])
