"""Times as a scenario writes them, `2018-02-14 10:30` or `birth +13d 11:00`, resolved to times in UTC; no file and no clock."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

MORNING: Final = time(9)
"""When something happens whose hour is not said."""
MIDNIGHT: Final = time(0)
DAYS_END: Final = time(23, 59, 59)

_PART: Final = re.compile(r"(\d+)([wdhm])")
_UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}


class Unknown(ValueError):
    """A moment that counts from a step which the file does not have, or only later."""


def span(text: str) -> timedelta:
    """The length of time that `6w`, `1d12h` or `+30m` writes."""
    return sum((timedelta(**{_UNITS[unit]: int(count)}) for count, unit in _PART.findall(text)), timedelta())


def moment(text: str, known: Mapping[str, datetime], before: datetime | None, alone: time = MORNING) -> datetime:
    """The time that `text` means. `known` are the steps so far, `before` is what `+3d` alone counts from.

    A day without an hour is at `alone`. A span of whole days with an hour is that day at that hour.
    """
    if text[:4].isdigit() and text[4] == "-":
        day, _, hour = text.partition(" ")
        return datetime.combine(date.fromisoformat(day), time.fromisoformat(hour) if hour else alone, UTC)
    name, _, rest = text.partition("+")
    spans, _, hour = rest.partition(" ")
    base = known.get(name.strip()) if name.strip() else before
    if base is None:
        raise Unknown(f"counts from {name.strip() or 'the step before'!r}, which is no step before this one")
    there = base + span(spans)
    return datetime.combine(there.date(), time.fromisoformat(hour), UTC) if hour else there
