"""Codes and words in which mental health systems say where somebody goes, by what law they stay, and that nothing is known.

The codes are those of the NHS Data Dictionary, which HL7 v2, CareConnect and UK Core all carry; what is not in these tables is left out
and asked of the sender.
"""

import re
from collections.abc import Mapping
from typing import Final

from schemas.events import coded
from schemas.message import Coding

_DESTINATIONS: Final[Mapping[str, str]] = {
    # Includes people of no fixed abode, who are therefore looked for at their last address.
    "19": "usual-home",
    **dict.fromkeys(("38", "39", "40", "42"), "custody"),
    **dict.fromkeys(("48", "49", "50", "51", "52", "53", "84", "87"), "hospital"),
    **dict.fromkeys(("54", "65", "66", "85"), "care"),
}
"""DISCHARGE DESTINATION CODE. Not here: 29, a temporary place that may be anywhere, 30, 37, 88 and 89."""
_UNKNOWN_DESTINATION: Final = frozenset({"98", "99"})

DEAD: Final = frozenset({"4"})
"""DISCHARGE METHOD CODE: patient died. The destination is then 79, which is also that of a stillbirth."""
DEAD_DESTINATION: Final = "79"
DEAD_IN_WORDS: Final = ("patient died", "died", "deceased")
"""How the text of a discharge method begins."""

_NOTHING: Final = frozenset(
    {
        "none",
        "none known",
        "none identified",
        "none reported",
        "nil",
        "nil known",
        "no",
        "no known risk",
        "no known risks",
        "no risk",
        "no risks",
        "no risk identified",
        "no risks identified",
        "nothing known",
    }
)
"""What is written where it was asked and nothing is known. `N/A` and `not assessed` are not: nobody asked."""
_NOT_SAID: Final = frozenset({"", "-", "n/a", "na", "not applicable", "not assessed", "not known", "unknown", "tbc"})

_SECTIONS: Final[Mapping[str, str]] = {
    **{number: f"section-{number}" for number in ("2", "3", "4", "5", "37", "47", "136")},
    "17a": "section-17a",
}
_COMMUNITY_TREATMENT: Final = re.compile(r"\b(?:community treatment order|cto)\b", re.IGNORECASE)
_SECTION: Final = re.compile(r"\b(?:section|sec\.?|s\.?)\s*(?P<number>\d{1,3}a?)\b", re.IGNORECASE)


def destination(code: str) -> Coding | None:
    """Where somebody goes, by its code; None where the code says it too vaguely."""
    if code in _UNKNOWN_DESTINATION:
        return coded("discharge-destination", "not-known")
    return coded("discharge-destination", _DESTINATIONS[code]) if code in _DESTINATIONS else None


def legal_status(words: str) -> Coding | None:
    """The legal status that some words name: `Informal`, `Section 3`; None where they name none or two."""
    named = {found["number"].lower() for found in _SECTION.finditer(words)}
    if _COMMUNITY_TREATMENT.search(words):
        named.add("17a")
    if not named:
        return coded("legal-status", "informal") if words.strip().lower().startswith("informal") else None
    number = named.pop()
    return coded("legal-status", _SECTIONS[number]) if not named and number in _SECTIONS else None


def statement(words: str) -> str | bool | None:
    """What is known, in words; False where it says that nothing is; None where nothing is said."""
    bare = words.strip()
    plain = bare.rstrip(".").lower()
    if plain in _NOT_SAID:
        return None
    return False if plain in _NOTHING else bare
