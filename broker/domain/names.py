"""Personal names made comparable: what counts as the same name however it is typed; nothing here is shown to anybody."""

import unicodedata
from collections.abc import Sequence
from datetime import date

from broker.domain.world import KnownPerson
from schemas.message import Person


def plain(text: str | None) -> str:
    """Letters and digits only, without case and accents; '' for nothing."""
    decomposed = unicodedata.normalize("NFKD", text or "")
    return "".join(character for character in decomposed.casefold() if character.isalnum())


def name_of(family: str | None, given: Sequence[str]) -> str:
    """Family name and first given name as one comparable string; '' unless both are known."""
    last, first = plain(family), plain(given[0] if given else None)
    return f"{last}|{first}" if last and first else ""


def duplicate_key(family: str | None, born: date | None) -> tuple[str, str] | None:
    """By what possible duplicates are looked up: family name and date of birth; None unless both are known."""
    last = plain(family)
    return (last, born.isoformat()) if last and born else None


def same_family(one: Person, known: KnownPerson) -> bool:
    """Both family names are known and equal."""
    last = plain(one.family)
    return last != "" and (last == plain(known.family) or any(last == name.split("|")[0] for name in known.also_known))


def same_name(one: Person, known: KnownPerson) -> bool:
    """Both full names are known and equal."""
    name = name_of(one.family, one.given)
    return name != "" and (name == name_of(known.family, known.given) or name in known.also_known)


def given_may_agree(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two given names may be of one person: the same initial (Jon, Jonathan), or one is not known.

    Without this every new person with a common family name would ask somebody to compare strangers (principle 15).
    """
    first, second = plain(one[0] if one else None), plain(other[0] if other else None)
    return not first or not second or first[0] == second[0]
