"""How much a fault run does: little in every run of the suite, the published volumes with BATON_FAULTS=full."""

import json
import os
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

from broker.clock import utc_now

FULL: Final = os.environ.get("BATON_FAULTS") == "full"
FOLDER: Final = os.environ.get("BATON_FAULTS_FIGURES")
"""Where figures are kept for the report; nowhere in a run of the suite."""


class Figures(Protocol):
    """What a checked run came to."""

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        ...


def size(usual: int, full: int) -> int:
    """The one of the two that this run does."""
    return full if FULL else usual


def record(row: str, name: str, figures: Figures | None = None, **more: Any) -> None:
    """Keep the figures of one test for the report, under its row of the matrix."""
    if FOLDER is None:
        return
    folder = Path(FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    said = {"row": row, "name": name, "commit": commit(), **(figures.plain() if figures else {}), **more}
    (folder / f"{row}-{name}.json").write_text(json.dumps(said, indent=1, sort_keys=True) + "\n")


@cache
def commit() -> str:
    """What is tested, by the beginning of its commit."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def record_run() -> None:
    """Keep what the figures were taken on."""
    if FOLDER is None:
        return
    said = {
        "date": f"{utc_now():%Y-%m-%d}",
        "cpus": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }
    Path(FOLDER).mkdir(parents=True, exist_ok=True)
    (Path(FOLDER) / "run.json").write_text(json.dumps(said, indent=1) + "\n")
