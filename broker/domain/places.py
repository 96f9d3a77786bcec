"""Addresses made comparable, so that a change of format is no move; which address counts lives in `addresses.py`.

There is no gazetteer here. With a postcode, the premises decide: flat, house number or name, and street; town and county
are noise, because one agency writes them and another does not. A UK postcode covers some fifteen addresses, mostly of
one street. Without a postcode the whole text decides.
"""

import re
from typing import Final

from schemas.identifiers import MalformedError, Postcode
from schemas.message import PostalAddress

_STREETS: Final = {
    "st": "street", "str": "street", "rd": "road", "ave": "avenue", "av": "avenue", "ln": "lane", "dr": "drive",
    "drv": "drive", "cl": "close", "ct": "court", "crt": "court", "cres": "crescent", "cresc": "crescent", "gdns": "gardens",
    "gdn": "gardens", "gr": "grove", "gro": "grove", "pl": "place", "sq": "square", "ter": "terrace", "terr": "terrace",
    "wy": "way", "wlk": "walk", "hse": "house", "bldg": "building", "bldgs": "buildings", "mws": "mews", "pk": "park",
}  # fmt: skip
"""Abbreviations of the Postcode Address File and of habit."""
_ENDS_STREET: Final = frozenset(
    {"street", "road", "avenue", "lane", "drive", "close", "crescent", "gardens", "grove", "place", "square", "terrace",
     "way", "walk", "mews"}
)  # fmt: skip
"""What follows such a word on one line is the town; words that also begin names (court, park, house) are not among them."""
_DWELLING: Final = {
    "flat": "flat",
    "apartment": "flat",
    "apt": "flat",
    "appt": "flat",
    "unit": "flat",
    "fl": "flat",
    "room": "room",
}
_FLOORS: Final = {
    "ground": "0",
    "gff": "0",
    "first": "1",
    "1st": "1",
    "fff": "1",
    "second": "2",
    "2nd": "2",
    "top": "top",
    "basement": "-1",
}
_NOISE: Final = frozenset(
    {
        "england", "uk", "gb", "united kingdom", "great britain", "wales", "scotland", "greater london", "west midlands",
        "middlesex", "middx", "surrey", "kent", "essex", "hertfordshire", "herts", "warwickshire", "staffordshire", "staffs",
        "worcestershire", "worcs", "greater manchester", "merseyside", "west yorkshire", "south yorkshire", "lancashire",
        "lancs", "cheshire", "berkshire", "berks", "buckinghamshire", "bucks", "oxfordshire", "oxon", "hampshire", "hants",
        "nottinghamshire", "notts", "derbyshire", "leicestershire", "leics", "shropshire", "gloucestershire", "glos",
    }
)  # fmt: skip
"""Countries and counties as they stand on a line of their own."""
_NUMBER: Final = re.compile(r"\d+[a-z]?(-\d+[a-z]?)?")


def normalise(address: PostalAddress) -> str | None:
    """The address as one comparable text; None when it names no premises or stands for no fixed abode."""
    postcode = postcode_of(address)
    if postcode is not None and postcode.is_pseudo:
        return None
    parts = [part for line in address.lines for part in _parts(line, postcode)]
    if not parts:
        return None
    dwelling, parts = _dwelling(_joined_numbers(parts))
    words = _premises(parts) if postcode is not None else [word for part in parts for word in part]
    if not words and not dwelling:
        return None
    return "|".join((" ".join(dwelling), " ".join(words), postcode.value if postcode else ""))


def postcode_of(address: PostalAddress) -> Postcode | None:
    """Its postcode, from the field or the end of a line; None when there is none that could be one."""
    candidates = [address.postcode or "", *(" ".join(line.split()[-2:]) for line in reversed(address.lines))]
    candidates += [line.split()[-1] for line in reversed(address.lines) if line.split()]
    for candidate in candidates:
        try:
            return Postcode.parse(candidate)
        except MalformedError:
            continue
    return None


def _parts(line: str, postcode: Postcode | None) -> list[list[str]]:
    """The words of each comma-separated part, without the postcode, counties and countries."""
    plain = line.casefold().replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "").replace("&", " and ")
    if postcode is not None:
        inward = r"\s*".join(postcode.value.casefold().split())
        plain = re.sub(rf"\b{inward}\b", " ", plain)
    parts = [re.sub(r"[^\w\s/-]|_", " ", part).split() for part in re.split(r"[,;\n]", plain)]
    parts = [[word.strip("-/") for word in part] for part in parts]
    kept = [[word for word in part if word and word not in ("no", "number")] for part in parts]
    return [_spelled(part) for part in kept if part and " ".join(part) not in _NOISE]


def _spelled(part: list[str]) -> list[str]:
    """Abbreviations written out. `St` after a number, or first, is a saint: 10 St Mary's Road."""
    spelled = []
    for index, word in enumerate(part):
        before = part[index - 1] if index else None
        saint = word in ("st", "saint") and (before is None or _NUMBER.fullmatch(before)) and index + 1 < len(part)
        spelled.append("saint" if saint else _STREETS.get(word, word))
    return spelled


def _joined_numbers(parts: list[list[str]]) -> list[list[str]]:
    """A house number that was cut from its street by a comma, back with it: `10, High Street`; `10 A` is `10a`."""
    joined: list[list[str]] = []
    for part in parts:
        words = list(part)
        if len(words) > 1 and words[0].isdigit() and len(words[1]) == 1 and words[1].isalpha():
            words[:2] = [words[0] + words[1]]
        if joined and len(joined[-1]) == 1 and _NUMBER.fullmatch(joined[-1][0]) and not _NUMBER.fullmatch(words[0]):
            joined[-1] += words
        else:
            joined.append(words)
    return joined


def _dwelling(parts: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """The flat or room, wherever it stands, and what is left."""
    found: list[str] = []
    left = []
    for part in parts:
        taken, rest = _flat(part)
        found += taken
        if rest:
            left.append(rest)
    return sorted(set(found)), left


def _flat(part: list[str]) -> tuple[list[str], list[str]]:
    """`flat 2 …`, `apt 2a`, `ground floor flat`, `gff`, `2/10 high street` (flat 2 of number 10)."""
    if part[0] in ("gff", "fff"):
        return ["flat floor " + _FLOORS[part[0]]], part[1:]
    if part[0] in _FLOORS and part[1:2] == ["floor"]:
        rest = part[2:]
        return ["flat floor " + _FLOORS[part[0]]], rest[1:] if rest[:1] and rest[0] in _DWELLING else rest
    if part[0] in _DWELLING and len(part) > 1:
        return [f"{_DWELLING[part[0]]} {part[1]}"], part[2:]
    slashed = re.fullmatch(r"(\w+)/(\d+[a-z]?)", part[0])
    if slashed:
        return [f"flat {slashed[1]}"], [slashed[2], *part[1:]]
    return [], part


def _premises(parts: list[list[str]]) -> list[str]:
    """House number and street; without a number, the first line, which is the house's name."""
    numbered = next((part for part in parts if _NUMBER.fullmatch(part[0])), None)
    words = numbered if numbered is not None else (parts[0] if parts else [])
    end = next((index for index, word in enumerate(words) if word in _ENDS_STREET and index > 0), len(words) - 1)
    return words[: end + 1]
