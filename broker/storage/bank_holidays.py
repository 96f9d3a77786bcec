"""Bank holidays, from a list beside this file: nothing is asked of anybody.

The list is what the library `holidays` knows: `python -m deploy.dev.drift` says when it is not, and with `--write` writes it.
To ask the library itself takes a command longer than most of what commands do.
"""

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

from broker.domain.terms import Calendar, Nation

YEARS: Final = range(2010, 2051)
"""What is due lies between them. Holidays to come are reckoned by the law as it is."""
LIST: Final = Path(__file__).with_suffix(".txt")
"""A line a day, and after it the nations that keep it: `2024-08-05 scotland`."""


@lru_cache(maxsize=len(Nation))
def calendar(nation: Nation = Nation.ENGLAND) -> Calendar:
    """The working days of a nation."""
    days = (line.split() for line in LIST.read_text(encoding="utf-8").splitlines())
    return Calendar(frozenset(date.fromisoformat(day) for day, *nations in days if nation.value in nations))
