"""Times of HL7 v2 (`YYYY[MM[DD[HH[MM[SS[.S…]]]]]][+/-ZZZZ]`) as days and instants, as far as they were given."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import IntEnum
from typing import Final
from zoneinfo import ZoneInfo

LONDON: Final = ZoneInfo("Europe/London")


class Precision(IntEnum):
    """How far a time was given, the coarsest first."""

    YEAR = 4
    MONTH = 6
    DAY = 8
    HOUR = 10
    MINUTE = 12
    SECOND = 14


_FIRST_YEAR: Final = 1850
_LAST_YEAR: Final = 2199
"""Nobody of whom anything is told was born before, and `9999` stands for "for ever"."""

_FORM: Final = re.compile(
    r"(?P<digits>\d{4}(?:\d\d){0,5})(?:\.(?P<fraction>\d{1,9}))?(?P<offset>[+-]\d{4})?(?P<zone>\[[\w/+-]{1,40}\])?",
    re.ASCII,
)
_AS_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?)?(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as it was given."""

    precision: Precision
    local: datetime
    """By the clock of where it was written, with its offset; what was not given is the first of its kind."""
    repaired: str | None = None
    """What had to be mended to read it."""

    @property
    def day(self) -> date | None:
        """The day by the writer's clock; None when only a month or a year was given."""
        return self.local.date() if self.precision >= Precision.DAY else None

    @property
    def at(self) -> datetime | None:
        """The instant in UTC; None when no time of day was given."""
        return self.local.astimezone(UTC) if self.precision >= Precision.HOUR else None

    @property
    def zone(self) -> tzinfo | None:
        return self.local.tzinfo


def moment(text: str, zone: tzinfo = LONDON) -> Moment | None:
    """The time that `text` names; None for what names none, such as a thirteenth month.

    Without an offset it is a time of `zone`: that of MSH-7 where it has one (2.A.22), else London, where the senders are.
    """
    written = "".join(text.split())
    found = _FORM.fullmatch(written)
    repaired = "had a zone in brackets, which was dropped" if found and found["zone"] else None
    if found is None:
        found = _FORM.fullmatch(_compact(text.strip()))
        repaired = "was written as ISO 8601 has it"
    elif written != text.strip():
        repaired = "had spaces in it, which were dropped"
    if found is None:
        return None
    digits = found["digits"]
    fraction = (found["fraction"] or "0")[:6].ljust(6, "0") if len(digits) == Precision.SECOND else "0"
    try:
        local = datetime(*_numbers(digits), int(fraction), tzinfo=_offset(found["offset"]) or zone)
    except ValueError:  # the thirteenth month; an offset of a day
        return None
    if not _FIRST_YEAR <= local.year <= _LAST_YEAR:
        return None
    return Moment(Precision(len(digits)), local, repaired)


def _compact(text: str) -> str:
    """ISO 8601 without its marks; what it is not is left as it is."""
    found = _AS_ISO.fullmatch(text)
    if found is None:
        return text
    *parts, fraction, offset = found.groups(default="")
    return "".join(parts) + fraction + ("+0000" if offset == "Z" else offset.replace(":", ""))


def _numbers(digits: str) -> tuple[int, int, int, int, int, int]:
    year, rest = int(digits[:4]), [int(digits[place : place + 2]) for place in range(4, len(digits), 2)]
    month, day, hour, minute, second = (*rest, *(1, 1, 0, 0, 0)[len(rest) :])
    return year, month, day, hour, minute, second


def _offset(text: str | None) -> timezone | None:
    if not text:
        return None
    minutes = int(text[1:3]) * 60 + int(text[3:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
