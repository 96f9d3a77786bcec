"""Dates moved by days, wherever a story's file or a message has them."""

import re
from datetime import date, timedelta
from typing import Any, Final

_DAY: Final = re.compile(r"(?<!\d)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?!\d)")
_COMPACT: Final = re.compile(r"(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?=(?:\d{4}|\d{6})?(?!\d))")
"""A day as HL7 v2 writes it, alone or before a time in minutes or seconds."""


def shifted(plain: Any, later: timedelta) -> Any:  # noqa: ANN401 - any YAML or JSON value
    """The same with every day `later`, in times too; what is no day stays."""
    if not later:
        return plain
    if isinstance(plain, dict):
        return {key: shifted(value, later) for key, value in plain.items()}
    if isinstance(plain, list):
        return [shifted(value, later) for value in plain]
    if isinstance(plain, str):
        return _DAY.sub(lambda found: _later(found[0], later), plain)
    return plain


def shifted_file(raw: bytes, later: timedelta) -> bytes:
    """The same of a file in an agency's own format, where a day may be written without dashes."""
    text = shifted(raw.decode(errors="surrogateescape"), later)
    moved = _COMPACT.sub(lambda found: _later(found[0], later, "%Y%m%d"), text) if later else text
    return moved.encode(errors="surrogateescape")


def _later(day: str, later: timedelta, form: str = "%Y-%m-%d") -> str:
    try:
        return (date.fromisoformat(day) + later).strftime(form)
    except ValueError:  # no such day: whoever reads it says so
        return day
