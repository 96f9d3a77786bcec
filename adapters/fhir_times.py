"""Times as systems write them where FHIR wants a whole one with its offset: without seconds or offset, with spaces, with a zone in brackets."""

import re
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

_LONDON: Final = ZoneInfo("Europe/London")
_TIME: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<minutes>\d\d:\d\d)(?P<seconds>:\d\d(?:\.\d+)?)?"
    r" ?(?P<offset>Z|[+-]\d\d:\d\d)?(?P<zone>\[[A-Za-z/_]{1,40}\])?",
    re.ASCII,
)


def repaired(text: str) -> tuple[str, str] | None:
    """The time as FHIR has it and what was mended; None for what is whole, is no time of day, or cannot be mended with certainty."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    local = f"{found['day']}T{found['minutes']}{found['seconds'] or ':00'}"
    offset = found["offset"] or _offset_in_london(local)
    whole = f"{local}{offset}"
    return None if offset is None or whole == text else (whole, _reason(found))


def _offset_in_london(local: str) -> str | None:
    try:
        return datetime.fromisoformat(local).replace(tzinfo=_LONDON).isoformat()[-len("+01:00") :]
    except ValueError:
        return None


def _reason(found: re.Match[str]) -> str:
    if found["offset"] is None:
        return "has no offset from UTC and was read as London time"
    if found["zone"] is not None:
        return "has a zone in brackets after its offset, which was dropped"
    return "has no seconds, or has spaces in or round it; it was read as the full minute, or without them"
