"""Durations as a policy writes them: ISO 8601, of weeks, days, hours and minutes only."""

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator

_FORM: Final = re.compile(r"P(?=.)(?:(\d+)W|(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?)?)")


def parse(text: object) -> timedelta:
    """`P2D`, `PT4H`, `P1DT12H` or `P6W` as a length of time, longer than none. Months and years are refused: theirs varies."""
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("is not a duration of weeks, days, hours or minutes such as P2D or PT4H")
    weeks, days, hours, minutes = (int(part or 0) for part in found.groups())
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)
    if not length:
        raise ValueError("must be longer than no time at all")
    return length


Duration = Annotated[timedelta, BeforeValidator(parse)]
