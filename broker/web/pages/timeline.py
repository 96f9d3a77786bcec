"""What happened in a household as a line of time: a row for each team that told something, and one for each child whom nobody saw or of whom something did not come.

Pure: it holds what the chronology of the household holds for its reader, and no more. Neighbours on one place are one stroke, so that
thousands of events are a few hundred.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from broker.domain.terms import LONDON
from broker.domain.world import Directory
from broker.web.api.chronology_shown import MISSED, NO_CONTACT, GapShown, gaps_shown
from broker.web.pages import words
from broker.web.pages.task_words import what
from broker.workflow.chronology import Chronology, Line
from schemas.codes import Event

WIDE: Final = 940
NARROW: Final = 280
"""Units of a picture, about a pixel each."""
_EDGE: Final = 6
_TOP: Final = 22
"""Above the first row: the dates."""
_ROW: Final = 46
_MOST_TEAMS: Final = 8
"""Rows of their own; what the others told is one more."""
_LETTER: Final = 7.6
_STEPS: Final = (1, 2, 3, 6, 12, 24, 60, 120, 240)
"""Months between two dates of the axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A time without contact, or of waiting for what did not come."""

    x: int
    wide: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A row."""

    words: str
    y: int
    ticks: str
    """The path of its strokes."""
    tall: str
    """The path of those that are concerns: taller and thicker, so that colour is not all that tells them."""
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A date of the axis."""

    x: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The line of time at one width."""

    wide: int
    high: int
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRow:
    """A gap in the table that says the same."""

    who: str
    what: str
    since: datetime
    until: datetime | None
    weeks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event in the table."""

    at: datetime
    what: str
    sender: str
    about: str
    concern: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Pictures at both widths and the tables; no pictures when nothing happened."""

    described: str
    pictures: tuple[Picture, ...]
    gaps: tuple[GapRow, ...]
    rows: tuple[EventRow, ...]
    """The latest first."""


def timeline_of(
    found: Chronology, names: Mapping[str, str], directory: Directory, concerns: Collection[Event], now: datetime
) -> Timeline:
    """`names`: of the people of the household, by id. `concerns`: the events that are drawn taller."""
    gaps = gaps_shown(found, now)
    told = [_told(line, names, directory, concerns) for line in found.lines]
    begun = _begins(found, told, gaps, now)
    return Timeline(
        described=_described(len(told), gaps, begun),
        pictures=tuple(drawn(told, gaps, names, (begun, now), wide) for wide in (WIDE, NARROW)) if told or gaps else (),
        gaps=tuple(_gap(gap, names) for gap in reversed(gaps)),
        rows=tuple(reversed(told)),
    )


def _begins(found: Chronology, told: Sequence[EventRow], gaps: Sequence[GapShown], now: datetime) -> datetime:
    """Where the line of time begins: of a part with the first event that it holds, or times before would look empty."""
    events = [one.at for one in told]
    return min(events if found.more and events else [*events, *(gap.since for gap in gaps)], default=now)


def _described(events: int, gaps: Sequence[GapShown], begun: datetime) -> str:
    missed = sum(gap.code == MISSED for gap in gaps)
    said = (
        _count(events, "event", "events"),
        _count(len(gaps) - missed, "time without contact", "times without contact"),
        _count(missed, "thing that did not come in time", "things that did not come in time"),
    )
    return f"What happened from {words.day(begun)} until now: {', '.join(said)}. The tables below say the same."


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _gap(gap: GapShown, names: Mapping[str, str]) -> GapRow:
    what_came = f"Did not come in time: {words.plain(gap.rule)}"
    return GapRow(
        who=names.get(gap.person, ""),
        what=what_came if gap.code == MISSED else "No contact that your team may see",
        since=gap.since,
        until=gap.until,
        weeks=gap.weeks,
    )


def _told(line: Line, names: Mapping[str, str], directory: Directory, concerns: Collection[Event]) -> EventRow:
    sender = directory.teams.get(line.message.sender or "")
    return EventRow(
        at=line.at,
        what=what(line.message.event, line.message.kind),
        sender=sender.name if sender else "",
        about=", ".join(names[person] for person in line.message.subjects if person in names),
        concern=line.message.event in concerns,
    )


# --- the picture --------------------------------------------------------------------------------------------------

Place = Callable[[datetime], int]
"""Where on the line a time stands."""


def drawn(
    told: Sequence[EventRow],
    gaps: Sequence[GapShown],
    names: Mapping[str, str],
    span: tuple[datetime, datetime],
    wide: int,
) -> Picture:
    """The picture at one width. `span`: from the first of it until now."""
    begun, now = span
    length = max(now - begun, timedelta(days=1))

    def place(at: datetime) -> int:
        return _EDGE + round((min(max(at, begun), now) - begun) / length * (wide - 2 * _EDGE))

    rows = [*_of_teams(told, place), *_of_children(gaps, names, place, now)]
    lanes = tuple(_lane(row, _TOP + _ROW * index, wide) for index, row in enumerate(rows))
    return Picture(
        wide=wide, high=_TOP + _ROW * len(lanes) + 4, lanes=lanes, marks=tuple(_marks(begun, now, place, wide))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    words: str
    ticks: Sequence[int] = ()
    tall: Sequence[int] = ()
    bars: tuple[Bar, ...] = ()


def _of_teams(told: Sequence[EventRow], place: Place) -> Iterator[_Row]:
    """Whoever told most first; beyond so many teams the rest is one row."""
    counted = [team for team, _ in Counter(one.sender for one in told).most_common()]
    own, others = counted[:_MOST_TEAMS], frozenset(counted[_MOST_TEAMS:])
    groups = [(team or "Not said who", frozenset({team})) for team in own]
    groups += [(f"{len(others)} other teams", others)] if others else []
    for said, teams in groups:
        theirs = [one for one in told if one.sender in teams]
        yield _Row(
            words=f"{said}: {len(theirs)}",
            ticks=[place(one.at) for one in theirs if not one.concern],
            tall=[place(one.at) for one in theirs if one.concern],
        )


def _of_children(gaps: Sequence[GapShown], names: Mapping[str, str], place: Place, now: datetime) -> Iterator[_Row]:
    for code, said in ((NO_CONTACT, "no contact"), (MISSED, "did not come in time")):
        for person in dict.fromkeys(gap.person for gap in gaps if gap.code == code):
            theirs = [gap for gap in gaps if gap.person == person and gap.code == code]
            spans = ((place(gap.since), place(gap.until or now)) for gap in theirs)
            bars = tuple(_bar(begins, ends, code) for begins, ends in spans if ends > _EDGE)
            yield _Row(words=f"{names.get(person) or 'A child'}: {said}", bars=bars)


def _bar(begins: int, ends: int, code: str) -> Bar:
    return Bar(x=begins, wide=max(ends - begins, 4), kind=code)


def _lane(row: _Row, y: int, wide: int) -> Lane:
    return Lane(
        words=_cut(row.words, wide),
        y=y,
        ticks=_strokes(row.ticks, y + 26, 12),
        tall=_strokes(row.tall, y + 20, 18),
        bars=row.bars,
    )


def _strokes(places: Sequence[int], y: int, high: int) -> str:
    return "".join(f"M{x} {y}v{high}" for x in sorted(set(places)))


def _cut(text: str, wide: int) -> str:
    """Without losing what stands at its end: of whom how much."""
    room = int(wide / _LETTER)
    if len(text) <= room:
        return text
    name, _, rest = text.rpartition(": ")
    return f"{name[: max(room - len(rest) - 3, 1)].rstrip()}…: {rest}"


def _marks(begun: datetime, now: datetime, place: Place, wide: int) -> Iterator[Mark]:
    """First days of months, so far apart that their names do not touch."""
    first, last = begun.astimezone(LONDON), now.astimezone(LONDON)
    months = (last.year - first.year) * 12 + last.month - first.month
    step = next((step for step in _STEPS if months / step * 80 <= wide), _STEPS[-1])
    start = first.year * 12 + first.month - 1
    for month in range(start + (-start % step), start + months + 1, step):
        at = datetime(month // 12, month % 12 + 1, 1, tzinfo=LONDON)
        if first <= at and place(at) + 64 <= wide:
            yield Mark(x=place(at), words=f"{at:%Y}" if step >= 12 else f"{at:%b %Y}")
