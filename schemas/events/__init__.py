"""What each event must and may say, which facts there are, and whether a message says what it should."""

from schemas.events.categories import category_of
from schemas.events.checks import check
from schemas.events.facts import COMMON, FACT_OF, FACTS, coded
from schemas.events.registry import SPECS
from schemas.events.specification import EventSpec, FactSpec, FactType, Kinds, Level, Values, Whom

__all__ = [
    "COMMON",
    "FACTS",
    "FACT_OF",
    "SPECS",
    "EventSpec",
    "FactSpec",
    "FactType",
    "Kinds",
    "Level",
    "Values",
    "Whom",
    "category_of",
    "check",
    "coded",
]
