"""How long somebody has: as time passes, or in working days and hours of an area; the one place that counts from a moment to a due date.

A working day is Monday to Friday without bank holidays, its hours are nine to five by the clocks of London, whatever their time is to UTC.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import count
from typing import Final
from zoneinfo import ZoneInfo

LONDON: Final = ZoneInfo("Europe/London")
_BEGINS: Final = time(9)
_ENDS: Final = time(17)
WORKING_DAY: Final = timedelta(hours=8)
_DAY: Final = timedelta(days=1)
LONGEST: Final = timedelta(days=36525)
"""A hundred years: beyond what calendars count lies nothing that anybody could have meant."""
_WEEKEND: Final = 5
"""`date.weekday` of Saturday."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are worked in an area."""

    holidays: frozenset[date] = frozenset()

    def works(self, day: date) -> bool:
        """Whether it is a working day."""
        return day.weekday() < _WEEKEND and day not in self.holidays


class Nation(StrEnum):
    """Whose bank holidays an area keeps."""

    ENGLAND = "england"
    WALES = "wales"
    SCOTLAND = "scotland"
    NORTHERN_IRELAND = "northern-ireland"


EVERY_WEEKDAY: Final = Calendar()
"""Without bank holidays: what holds where nobody says which there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A length of time, longer than none: `elapsed` as it passes, or so many working days, or so much working time."""

    elapsed: timedelta = timedelta()
    working_days: int = 0
    working_time: timedelta = timedelta()

    def __post_init__(self) -> None:
        """ValueError for no time at all, for a mixture, and for more than `LONGEST`."""
        if sum(map(bool, (self.elapsed, self.working_days, self.working_time))) != 1:
            raise ValueError("must be longer than no time at all")
        _bounded(self.at_least)

    def __str__(self) -> str:
        """As a policy writes it; `parse` reads it back."""
        if self.working_days:
            return _counted(self.working_days, "working day")
        if self.working_time:
            return _counted(self.working_time // timedelta(hours=1), "working hour")
        minutes = self.elapsed // timedelta(minutes=1)
        days, minutes = divmod(minutes, 24 * 60)
        hours, minutes = divmod(minutes, 60)
        within = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes)
        return "P" + f"{days}D" * bool(days) + f"T{within}" * bool(within)

    @property
    def at_least(self) -> timedelta:
        """How much time passes at the least, whenever it begins: by this lengths are compared before anything has begun."""
        return self.elapsed or self.working_time or self.working_days * _DAY

    def after(self, moment: datetime, calendar: Calendar) -> datetime:
        """When it is over, in UTC, if it begins at `moment` (aware). Outside working time working time begins with the next working day."""
        if self.elapsed:
            return moment + self.elapsed
        begun = _next_working(moment.astimezone(LONDON), calendar)
        if self.working_days:
            return _instant(_day_from(begun.date(), self.working_days, calendar), begun.time())
        return _onwards(begun, self.working_time, calendar)

    def before(self, moment: datetime, calendar: Calendar) -> datetime:
        """When it must begin, in UTC, to be over at `moment`: `after` the other way round."""
        if self.elapsed:
            return moment - self.elapsed
        ended = _last_working(moment.astimezone(LONDON), calendar)
        if self.working_days:
            return _instant(_day_from(ended.date(), -self.working_days, calendar), ended.time())
        return _backwards(ended, self.working_time, calendar)


_ISO: Final = re.compile(r"P(?=.)(?:(\d{1,8})W|(?:(\d{1,8})D)?(?:T(?=.)(?:(\d{1,8})H)?(?:(\d{1,8})M)?)?)")
_WORKING: Final = re.compile(r"(\d{1,8}) working (day|hour)s?")


def parse_elapsed(text: object) -> timedelta:
    """`P2D`, `PT4H`, `P1DT12H` or `P6W` as a length of time, longer than none. Months and years are refused: theirs varies."""
    found = _ISO.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("is not a duration of weeks, days, hours or minutes such as P2D or PT4H")
    weeks, days, hours, minutes = (int(part or 0) for part in found.groups())
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)
    if not length:
        raise ValueError("must be longer than no time at all")
    return _bounded(length)


def _bounded(length: timedelta) -> timedelta:
    if length > LONGEST:
        raise ValueError("must be at most a hundred years")
    return length


@lru_cache(maxsize=1024)
def parse(text: object) -> Term:
    """The same, or `2 working days`, `4 working hours`."""
    found = _WORKING.fullmatch(text) if isinstance(text, str) else None
    if found is not None and found[2] == "day":
        return Term(working_days=int(found[1]))
    if found is not None:
        return Term(working_time=timedelta(hours=int(found[1])))
    try:
        return Term(elapsed=parse_elapsed(text))
    except ValueError as error:
        raise ValueError(f"{error}, nor working time such as 2 working days or 4 working hours") from error


def working_days(number: int) -> Term:
    """So many working days."""
    return Term(working_days=number)


def elapsed(**length: float) -> Term:
    """So much time as it passes: `elapsed(hours=4)`."""
    return Term(elapsed=timedelta(**length))


# --- counting ------------------------------------------------------------------------------------------------------


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _instant(day: date, at: time) -> datetime:
    """A time of day in London, in UTC. Between nine and five no clock is ever changed, so there is one of each."""
    return datetime.combine(day, at, LONDON).astimezone(UTC)


def _days(from_day: date, step: int, calendar: Calendar) -> Iterator[date]:
    """The working days from that one on, or back, without it."""
    return (day for n in count(1) if calendar.works(day := from_day + n * step * _DAY))


def _day_from(day: date, number: int, calendar: Calendar) -> date:
    step = 1 if number > 0 else -1
    days = _days(day, step, calendar)
    return next(found for n, found in enumerate(days, 1) if n == abs(number))


def _next_working(local: datetime, calendar: Calendar) -> datetime:
    """That moment if it is worked then, else the beginning of the next working day."""
    day, at = local.date(), local.time()
    if calendar.works(day) and at < _ENDS:
        return local if at >= _BEGINS else datetime.combine(day, _BEGINS, LONDON)
    return datetime.combine(next(_days(day, 1, calendar)), _BEGINS, LONDON)


def _last_working(local: datetime, calendar: Calendar) -> datetime:
    """That moment if it is worked then, else the end of the working day before."""
    day, at = local.date(), local.time()
    if calendar.works(day) and at > _BEGINS:
        return local if at <= _ENDS else datetime.combine(day, _ENDS, LONDON)
    return datetime.combine(next(_days(day, -1, calendar)), _ENDS, LONDON)


def _onwards(begun: datetime, left: timedelta, calendar: Calendar) -> datetime:
    whole, left = divmod(left, WORKING_DAY)
    day = _day_from(begun.date(), whole, calendar) if whole else begun.date()
    today = datetime.combine(day, _ENDS) - datetime.combine(day, begun.time())
    if left <= today:
        return _instant(day, (datetime.combine(day, begun.time()) + left).time())
    return _instant(next(_days(day, 1, calendar)), (datetime.combine(day, _BEGINS) + (left - today)).time())


def _backwards(ended: datetime, left: timedelta, calendar: Calendar) -> datetime:
    whole, left = divmod(left, WORKING_DAY)
    day = _day_from(ended.date(), -whole, calendar) if whole else ended.date()
    today = datetime.combine(day, ended.time()) - datetime.combine(day, _BEGINS)
    if left <= today:
        return _instant(day, (datetime.combine(day, ended.time()) - left).time())
    return _instant(next(_days(day, -1, calendar)), (datetime.combine(day, _ENDS) - (left - today)).time())
