"""Writes the figures of docs/mutation.md from what `mutmut run` left in mutants/: `python -m deploy.dev.mutants DOCUMENT`. It adds no figure of its own."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FIGURES: Final = ROOT / "mutants" / "broker" / "domain"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
SURVIVED: Final = 0
NO_TEST: Final = 33
"""Exit codes by which mutmut says that no test failed, and that no test reaches the function; others are deaths, time-outs included."""


def main(document: Path) -> None:
    """Put the table of the last run between the marks of the document."""
    text = document.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text("\n".join((before + BEGIN, *_table(), END + after)), encoding="utf-8")


def _table() -> Iterator[str]:
    ended = datetime.fromtimestamp(max(file.stat().st_mtime for file in FIGURES.glob("*.py.meta")), UTC)
    yield f"Run of {ended:%Y-%m-%d} on commit {_commit()}.\n"
    yield "| rules | mutants | judged | killed | survived | no test | killed of judged |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    whole: Counter[str] = Counter()
    for file in sorted(FIGURES.glob("*.py.meta")):
        found = _counts(file)
        if found["mutants"]:
            whole += found
            yield _row(f"`{file.name.removesuffix('.py.meta')}`", found)
    yield _row("all", whole)


def _counts(file: Path) -> Counter[str]:
    codes = json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"].values()
    judged = [code for code in codes if code is not None]
    survived, untested = judged.count(SURVIVED), judged.count(NO_TEST)
    counted = {"mutants": len(codes), "judged": len(judged), "survived": survived, "no test": untested}
    return Counter(counted | {"killed": len(judged) - survived - untested})


def _row(name: str, found: Counter[str]) -> str:
    share = f"{100 * found['killed'] / found['judged']:.1f} %" if found["judged"] else "–"
    columns = ("mutants", "judged", "killed", "survived", "no test")
    return f"| {name} | {' | '.join(f'{found[column]:,}' for column in columns)} | {share} |"


def _commit() -> str:
    named = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return named.stdout.strip()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
