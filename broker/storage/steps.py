"""Which migration step this code was written for, and whether a database is far enough; without loading the migration tool."""

from functools import cache
from pathlib import Path

from broker.storage import migrations


@cache
def newest() -> str:
    """The newest step's name. Names are numbers of four digits, so that they are in order as text."""
    steps = Path(migrations.__file__).parent / "versions"
    return max(path.stem.partition("_")[0] for path in steps.glob("[0-9]*.py"))


def is_enough(step: str | None) -> bool:
    """Whether this code can work on a database at that step. A newer one is fine: during an upgrade both versions run."""
    return step is not None and step >= newest()
