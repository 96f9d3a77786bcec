"""Counts as a picture of bars with the same figures as a table; pure, and the measures of the picture are decided here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDE: Final = 280
"""Of the picture, in units that are about a pixel on the narrowest screen."""
ROW: Final = 44
"""A bar with its words above it."""
LONGEST: Final = 215
"""A bar; behind it is room for its number."""
LETTERS: Final = 32
"""That fit above a bar."""
MOST: Final = 10
"""Bars of one picture; the table has every line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: words above it, what it says behind it."""

    words: str
    says: str
    width: int
    top: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture and its table."""

    id: str
    caption: str
    described: str
    """The picture in one sentence, for those who do not see it."""
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    bars: tuple[Bar, ...]
    wide: int
    high: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One line: what it is of, how long its bar is from 0 to 1 or more, and what it says in words."""

    words: str
    length: float
    says: str


def of_counts(id_: str, caption: str, head: str, counted: Sequence[tuple[str, int]]) -> Chart:
    """Numbers by what they are of, in the order given; beyond so many the rest is one bar."""
    shown = [*counted[:MOST], *_rest(counted[MOST:])]
    return chart(
        id_,
        caption,
        (head, "Number"),
        [(words, str(count)) for words, count in counted],
        [Measured(words, count, str(count)) for words, count in shown],
    )


def chart(
    id_: str,
    caption: str,
    heads: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    lines: Sequence[Measured],
    whole: float = 0,
) -> Chart:
    """Bars against the longest of them, or against `whole` where that is known."""
    most = max([whole, *(line.length for line in lines)], default=0) or 1
    bars = tuple(
        Bar(words=_fit(line.words), says=line.says, width=round(LONGEST * line.length / most), top=index * ROW)
        for index, line in enumerate(lines)
    )
    said = "; ".join(f"{line.words}: {line.says}" for line in lines)
    return Chart(
        id=id_,
        caption=caption,
        described=f"{caption}. {said}." if said else f"{caption}. Nothing.",
        heads=heads,
        rows=tuple(rows),
        bars=bars,
        wide=WIDE,
        high=max(len(bars), 1) * ROW,
    )


def _rest(counted: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    return [(f"{len(counted)} others", sum(count for _, count in counted))] if counted else []


def _fit(words: str) -> str:
    return words if len(words) <= LETTERS else f"{words[: LETTERS - 1].rstrip()}…"
