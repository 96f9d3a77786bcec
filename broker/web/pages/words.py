"""Times and codes in the words of pages; no view is decided here."""

import re
from datetime import date, datetime, timedelta
from typing import Final

from broker.domain.terms import LONDON


def day(at: date | datetime) -> str:
    """`24 November 2026`, as the clocks of London have it."""
    local = at.astimezone(LONDON) if isinstance(at, datetime) else at
    return f"{local.day} {local:%B %Y}"


def clock_time(at: datetime) -> str:
    """`5pm`, `5:30pm`, `midday`, `midnight` (NHS content style)."""
    local = at.astimezone(LONDON)
    if local.minute == 0 and local.hour in (0, 12):
        return "midday" if local.hour else "midnight"
    minutes = f":{local:%M}" if local.minute else ""
    return f"{local.hour % 12 or 12}{minutes}{'am' if local.hour < 12 else 'pm'}"


def moment(at: datetime) -> str:
    """`24 November 2026, 5pm`."""
    return f"{day(at)}, {clock_time(at)}"


def exact(at: datetime) -> str:
    """`24 November 2026, 17:03:12`: for evidence, where the second counts."""
    return f"{day(at)}, {at.astimezone(LONDON):%H:%M:%S}"


_UNITS: Final = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))


def span(length: timedelta) -> str:
    """The largest unit that fits, rounded down: `3 days`, `1 hour`, `less than a minute`."""
    for unit, name in _UNITS:
        count = length // unit
        if count:
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"


def age(born: date, today: date) -> str:
    """Weeks up to three months, months up to two years, then years."""
    days = (today - born).days
    if days < 7 * 13:
        return _count(max(days, 0) // 7, "week")
    months = (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)
    return _count(months, "month") if months < 24 else _count(months // 12, "year")


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


_SPAN: Final = re.compile(r"(?<=\d)-(?=\d)")
_WRITTEN: Final = {"gp": "GP", "mash": "MASH", "childrens": "children’s", "ireland": "Ireland"}
"""Parts of codes that are written otherwise."""


def plain(code: str) -> str:
    """A code as words: `health-visiting` → `health visiting`, `6-8-week-review` → `6 to 8 week review`."""
    return " ".join(_WRITTEN.get(word, word) for word in _SPAN.sub(" to ", code).replace("-", " ").split(" "))


def held(by: str) -> str:
    """Whoever holds something, as tasks name them (`Joanne Pike, health-visitor`), in words."""
    name, comma, role = by.rpartition(", ")
    return f"{name}{comma}{plain(role)}" if comma else by


def title(code: str) -> str:
    """The same with a capital."""
    words = plain(code)
    return words[:1].upper() + words[1:]
