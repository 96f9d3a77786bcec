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
COLUMNS: Final = ("mutants", "judged", "killed", "timed out", "survived", "no test")
OUTCOMES: Final = {
    0: "survived",
    1: "killed",
    3: "killed",  # pytest itself failed by it
    5: "no test",
    33: "no test",
    24: "timed out",
    -24: "timed out",
    36: "timed out",
    152: "timed out",
    255: "timed out",
}
"""What mutmut's exit codes say; what ended in any other way was not judged. A time-out is no death: a busy machine has them too."""


def main(document: Path, figures: Path = FIGURES) -> None:
    """Put the table of the last run between the marks of the document."""
    text = document.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text("\n".join((before + BEGIN, *_table(figures), END + after)), encoding="utf-8")


def _table(figures: Path) -> Iterator[str]:
    ended = datetime.fromtimestamp(max(file.stat().st_mtime for file in figures.glob("*.py.meta")), UTC)
    yield f"Run of {ended:%Y-%m-%d} on commit {_commit()}.\n"
    yield f"| rules | {' | '.join(COLUMNS)} | killed of judged |"
    yield "|---" + "|---:" * (len(COLUMNS) + 1) + "|"
    whole: Counter[str] = Counter()
    for file in sorted(figures.glob("*.py.meta")):
        found = _counts(file)
        if found["mutants"]:
            whole += found
            yield _row(f"`{file.name.removesuffix('.py.meta')}`", found)
    yield _row("all", whole)


def _counts(file: Path) -> Counter[str]:
    codes = json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"].values()
    judged = [OUTCOMES[code] for code in codes if code in OUTCOMES]
    return Counter(judged) + Counter({"mutants": len(codes), "judged": len(judged)})


def _row(name: str, found: Counter[str]) -> str:
    share = f"{100 * found['killed'] / found['judged']:.1f} %" if found["judged"] else "–"
    return f"| {name} | {' | '.join(f'{found[column]:,}' for column in COLUMNS)} | {share} |"


def _commit() -> str:
    named = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return named.stdout.strip()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
