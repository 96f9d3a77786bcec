"""Bank holidays, from the tables of the library `holidays`: nothing is asked of anybody."""

from functools import lru_cache
from typing import Final

from broker.domain.terms import Calendar, Nation

YEARS: Final = range(2010, 2051)
"""What is due lies between them. Holidays to come are reckoned by the law as it is."""
_SUBDIVISIONS: Final = {
    Nation.ENGLAND: "ENG",
    Nation.WALES: "WLS",
    Nation.SCOTLAND: "SCT",
    Nation.NORTHERN_IRELAND: "NIR",
}


@lru_cache(maxsize=len(Nation))
def calendar(nation: Nation = Nation.ENGLAND) -> Calendar:
    """The working days of a nation."""
    from holidays import country_holidays  # it takes a fifth of a second, and many commands need no date

    return Calendar(frozenset(country_holidays("GB", subdiv=_SUBDIVISIONS[nation], years=YEARS)))
