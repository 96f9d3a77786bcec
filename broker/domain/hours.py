"""When a team is there: its opening hours by the clocks of London, read from the short form that the directory has."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Final

from broker.domain.terms import LONDON, Calendar

_DAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_PART: Final = re.compile(r"(Mo|Tu|We|Th|Fr|Sa|Su)(?:-(Mo|Tu|We|Th|Fr|Sa|Su))? (\d{2}):(\d{2})-(\d{2}):(\d{2})")
_DAY: Final = timedelta(days=1)
_WEEKS_AHEAD: Final = 21
"""Days that are looked through for the next opening: no run of bank holidays is as long."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Times of each day of the week, Monday first; on bank holidays nobody is there."""

    days: tuple[tuple[tuple[time, time], ...], ...]

    def __str__(self) -> str:
        """As the directory has it, days alike together; `read` reads it back."""
        alike = ([day for day, _ in run] for _, run in groupby(enumerate(self.days), key=lambda one: one[1]))
        written = (
            f"{_DAYS[run[0]]}{f'-{_DAYS[run[-1]]}' if len(run) > 1 else ''} {begins:%H:%M}-{ends:%H:%M}"
            for run in alike
            for begins, ends in self.days[run[0]]
        )
        return "; ".join(written)

    def open_at(self, moment: datetime, calendar: Calendar) -> bool:
        """Whether somebody is there."""
        local = moment.astimezone(LONDON)
        return any(begins <= local.time() < ends for begins, ends in self._on(local.date(), calendar))

    def closes_after(self, moment: datetime, calendar: Calendar) -> datetime:
        """When a team that is open then closes next, in UTC."""
        local = moment.astimezone(LONDON)
        ends = next(ends for begins, ends in self._on(local.date(), calendar) if begins <= local.time() < ends)
        return datetime.combine(local.date(), ends, LONDON).astimezone(UTC)

    def opens_after(self, moment: datetime, calendar: Calendar) -> datetime | None:
        """When a team that is closed then opens next, in UTC; None when it does not within three weeks."""
        local = moment.astimezone(LONDON)
        for ahead in range(_WEEKS_AHEAD):
            day = local.date() + ahead * _DAY
            for begins, _ in self._on(day, calendar):
                if ahead or begins > local.time():
                    return datetime.combine(day, begins, LONDON).astimezone(UTC)
        return None

    def _on(self, day: date, calendar: Calendar) -> tuple[tuple[time, time], ...]:
        return () if day in calendar.holidays else self.days[day.weekday()]


@lru_cache(maxsize=1024)
def read(text: str) -> Hours:
    """`Mo-Fr 09:00-17:00; Sa 09:00-12:00`. ValueError for anything else, and for times that overlap."""
    days: list[list[tuple[time, time]]] = [[] for _ in _DAYS]
    for part in text.split("; "):
        found = _PART.fullmatch(part)
        if found is None:
            raise ValueError("is not written as Mo-Fr 09:00-17:00; Sa 09:00-12:00")
        first, last = _DAYS.index(found[1]), _DAYS.index(found[2] or found[1])
        begins, ends = time(int(found[3]), int(found[4])), time(int(found[5]), int(found[6]))
        if last < first or ends <= begins:
            raise ValueError("has a day or a time that ends before it begins")
        for day in range(first, last + 1):
            days[day].append((begins, ends))
    for day_times in days:
        day_times.sort()
        if any(earlier[1] > later[0] for earlier, later in pairwise(day_times)):
            raise ValueError("has times that overlap")
    return Hours(tuple(map(tuple, days)))
