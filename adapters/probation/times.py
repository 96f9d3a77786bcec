"""The dates and times of HMPPS events as they really come: bracketed zones, Java's Date, nine fractional digits, none at all."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

LONDON: Final = ZoneInfo("Europe/London")

_INSTANT: Final = re.compile(
    r"(?P<seconds>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)"
    r"(?:\.(?P<fraction>\d{1,9}))?"
    r"(?P<offset>Z|[+-]\d\d:\d\d)?"
    r"(?P<zone>\[[A-Za-z/_]{1,40}\])?",
    re.ASCII,
)
"""ISO 8601 and what java.time.ZonedDateTime.toString appends: `2023-06-19T18:35:59.442+01:00[Europe/London]`."""

_JAVA_DATE: Final = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?P<month>[A-Z][a-z]{2}) (?P<day>\d\d)"
    r" \d\d:\d\d:\d\d (?:BST|GMT|UTC) (?P<year>\d{4})",
    re.ASCII,
)
"""java.util.Date.toString: `Mon Jun 19 18:35:59 BST 2023`."""

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ISO_DAY: Final = len("2023-06-19")


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment in UTC, cut to microseconds, and what had to be assumed to read it."""

    at: datetime
    repaired: str | None = None


def instant(text: str) -> Instant | None:
    """The moment that `text` names; None when it names none. A time without offset is one of London's clocks."""
    found = _INSTANT.fullmatch(text.strip())
    if found is None:
        return None
    fraction = (found["fraction"] or "0")[:6].ljust(6, "0")
    offset = (found["offset"] or "").replace("Z", "+00:00")
    try:
        written = datetime.fromisoformat(f"{found['seconds']}{offset}").replace(microsecond=int(fraction))
        at = (written if written.tzinfo else written.replace(tzinfo=LONDON)).astimezone(UTC)
    except (ValueError, OverflowError):  # the 31st of June; the year 1 east of Greenwich
        return None
    return Instant(at, _repaired(found))


def _repaired(found: re.Match[str]) -> str | None:
    if found["offset"] is None:
        return "has no offset from UTC and was read as London time"
    if found["zone"] is not None:
        return "has a zone in brackets after its offset, which was dropped"
    return None


def day(text: str) -> date | None:
    """The day that a Java Date or an ISO date names, as its own clock shows it; None for anything else."""
    found = _JAVA_DATE.fullmatch(text.strip())
    if found is None:
        return _iso_day(text.strip())
    if found["month"] not in _MONTHS:
        return None
    month = _MONTHS.index(found["month"]) + 1
    return _iso_day(f"{found['year']}-{month:02}-{found['day']}")


def _iso_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == _ISO_DAY else None
    except ValueError:
        return None
