"""Every task that Baton raises has the policy's clocks: there is one door, and who goes round it makes tasks that remind nobody."""

import re
from pathlib import Path

BROKER = Path(__file__).resolve().parents[2] / "broker"


def test_tasks_are_raised_through_one_door():
    callers = [
        str(path.relative_to(BROKER))
        for path in BROKER.rglob("*.py")
        if not path.name.startswith("synthetic_")  # rows for a bench, whose tasks have no policy
        and re.search(r"\btasks\.raise_tasks\(", path.read_text(encoding="utf-8"))
    ]
    assert callers == ["workflow/raising.py"]
