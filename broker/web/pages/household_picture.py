"""A household as a picture like a genogram: who is whose child, who lives there, who is elsewhere or unknown, which teams work with whom.

Pure: measures and words are decided here, the template only writes them. The picture holds nothing that `GET /households/{id}` does not say.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from broker.domain.gaps import GapCode
from broker.web.pages import words
from broker.web.pages.generations import Children, Tie, families, generations
from broker.web.pages.task_page import HomeView, Member
from schemas.codes import RelationshipKind, Standing

WIDE: Final = 940
NARROW: Final = 280
"""Units of a picture, about a pixel each: on a desk, and on the narrowest screen."""
_CARD: Final = 112
"""Least width of somebody's card."""
_ROOMY: Final = 170
_BETWEEN: Final = 24
"""Cards of one row stand so far apart: room for the lines that come down between them."""
_HIGH: Final = 100
_LINE: Final = 17
_APART: Final = 40
"""Between generations, without the lines that run there."""
_LETTER: Final = 8.4
"""Width of an average letter of a card, so that what does not fit is cut: the whole stands in the table."""
_CHIP: Final = 20
_KINDS: Final = 3
"""Ways in which lines of different families are drawn."""
_PARTNERS: Final = 3
"""The way in which a line between partners is."""
_PARENTS: Final = frozenset({RelationshipKind.MOTHER, RelationshipKind.FATHER, RelationshipKind.PARENT})
_MARGIN: Final = 6

SYMBOLS: Final[Mapping[str, str]] = {
    "mother": "Circle: mother of somebody here",
    "father": "Square: father of somebody here",
    "unborn": "Triangle: not born yet",
    "person": "Diamond: anybody else",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Somebody:
    """Somebody to be drawn; `unknown` when all that is known is that they must exist."""

    id: str
    name: str
    notes: tuple[str, ...]
    symbol: str
    border: str
    """`here`, `elsewhere` or `unknown`."""
    teams: tuple[tuple[int, bool], ...] = ()
    """Number of a team in the list below the picture, and whether it has confirmed that it works with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A line of a card."""

    text: str
    x: int
    y: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """The number of a team on a card."""

    number: int
    x: int
    y: int
    confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Somebody as drawn."""

    x: int
    y: int
    wide: int
    high: int
    border: str
    symbol: str
    lines: tuple[Words, ...]
    chips: tuple[Chip, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Lines from parents to their children; families beside each other are told apart by `kind`."""

    d: str
    kind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The picture at one width."""

    wide: int
    high: int
    cards: tuple[Card, ...]
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Somebody in the table that says the same."""

    member: Member
    ties: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdPicture:
    """The picture at both widths, what its numbers mean, and the same as a table."""

    described: str
    pictures: tuple[Picture, ...]
    symbols: tuple[str, ...]
    teams: tuple[str, ...]
    rows: tuple[Row, ...]


def picture_of(shown: Mapping[str, Any], home: HomeView) -> HouseholdPicture:
    """`shown` as `/households/{id}` says it, `home` the same in words."""
    members = dict(zip((one["person"] for one in shown["members"]), home.members, strict=True))
    ties = [Tie(one["person"], RelationshipKind(one["is"]), one["of"]) for one in shown.get("relationships", ())]
    teams = {team["team"]: team["name"] for team in shown["teams"]}
    numbers = {team: number for number, team in enumerate(teams, 1)}
    missing = tuple(_missing(shown, ties))
    ties += [tie for _, found in missing for tie in found]
    people = [
        *(
            _somebody(one, members[one["person"]], ties, _worked_with(shown, one["person"], numbers))
            for one in shown["members"]
        ),
        *(one for one, _ in missing),
    ]
    children = {id_ for id_, member in members.items() if member.child}
    rows = generations([one.id for one in people], children, ties)
    groups = families([one.id for one in people], ties)
    couples = _couples(ties, groups, {one.id for one in people})
    known = {one.id: one for one in people}
    return HouseholdPicture(
        described=_described(home, missing),
        pictures=tuple(
            _drawn([[known[id_] for id_ in row] for row in rows], groups, couples, wide) for wide in (WIDE, NARROW)
        ),
        symbols=tuple(_legend(people, couples)),
        teams=tuple(teams.values()),
        rows=tuple(Row(member=members[id_], ties=_ties(id_, ties, members)) for id_ in members),
    )


def _legend(people: Sequence[Somebody], couples: Sequence[object]) -> Iterator[str]:
    """What the picture's signs mean, of those that are in it."""
    yield from (said for symbol, said in SYMBOLS.items() if any(one.symbol == symbol for one in people))
    if any(one.border != "here" for one in people):
        yield "Dashed frame: does not live there, or nobody has said who it is"
    if couples:
        yield "Dotted line: partners"


def _described(home: HomeView, missing: Sequence[object]) -> str:
    children = sum(member.child for member in home.members)
    count = f"{len(home.members)} {'person' if len(home.members) == 1 else 'people'}"
    of_them = f", {children} of them {'a child' if children == 1 else 'children'} or unborn" if children else ""
    unknown = f"; {len(missing)} of whom nobody has said who it is" if missing else ""
    return f"Picture of the household: {count}{of_them}{unknown}. The table below says the same."


# --- who is drawn -------------------------------------------------------------------------------------------------

_NOT_SAID: Final = {
    GapCode.MOTHER_NOT_IDENTIFIED: (RelationshipKind.MOTHER, "Mother"),
    GapCode.FATHER_NOT_IDENTIFIED: (RelationshipKind.FATHER, "Father"),
}


def _missing(shown: Mapping[str, Any], ties: Sequence[Tie]) -> Iterator[tuple[Somebody, tuple[Tie, ...]]]:
    """Parents of whom nobody has said who they are, each once, unless somebody who is drawn has the role."""
    for code, (kind, name) in _NOT_SAID.items():
        children = [gap["person"] for gap in shown.get("gaps", ()) if gap["code"] == code]
        children = [child for child in children if not any(tie.kind is kind and tie.to == child for tie in ties)]
        if children:
            id_ = f"unknown {kind}"
            somebody = Somebody(id=id_, name=name, notes=("nobody has said who",), symbol=kind.value, border="unknown")
            yield somebody, tuple(Tie(id_, kind, child) for child in children)


def _somebody(
    member: Mapping[str, Any], view: Member, ties: Sequence[Tie], teams: tuple[tuple[int, bool], ...]
) -> Somebody:
    lives = member["standing"] == Standing.LIVES
    notes = [view.how_old, *([] if lives else [words.plain(member["standing"])])]
    notes += ["has died"] if member["state"] == "died" else []
    notes += ["not seen by anybody"] if view.never_seen and member["state"] != "unborn" else []
    return Somebody(
        id=member["person"],
        name=view.name,
        notes=tuple(notes),
        symbol=_symbol(member, ties),
        border="unknown" if not member["name"] and member["state"] != "unborn" else "here" if lives else "elsewhere",
        teams=teams,
    )


def _symbol(member: Mapping[str, Any], ties: Sequence[Tie]) -> str:
    if member["state"] == "unborn":
        return "unborn"
    kinds = {tie.kind for tie in ties if tie.person == member["person"]}
    return next((kind.value for kind in (RelationshipKind.MOTHER, RelationshipKind.FATHER) if kind in kinds), "person")


def _worked_with(shown: Mapping[str, Any], person: str, numbers: Mapping[str, int]) -> tuple[tuple[int, bool], ...]:
    found = {numbers[team["team"]]: team["confirmed"] for team in shown["teams"] if team["person"] == person}
    return tuple(sorted(found.items()))


def _ties(person: str, ties: Sequence[Tie], members: Mapping[str, Member]) -> str:
    said = [
        f"{words.plain(tie.kind)} of {members[tie.to].name}"
        for tie in ties
        if tie.person == person and tie.to in members
    ]
    theirs = [
        members[tie.person].name for tie in ties if tie.to == person and tie.kind in _PARENTS and tie.person in members
    ]
    said += [f"child of {' and '.join(theirs)}"] if theirs else []
    said += [
        f"{words.plain(tie.kind)}: nobody has said who"
        for tie in ties
        if tie.to == person and tie.person not in members
    ]
    return ", ".join(said)


def _couples(ties: Sequence[Tie], groups: Sequence[Children], people: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Partners who are not joined by a child already, each pair once."""
    pairs = {
        frozenset({tie.person, tie.to})
        for tie in ties
        if tie.kind is RelationshipKind.PARTNER and tie.person != tie.to and {tie.person, tie.to} <= set(people)
    }
    apart = (pair for pair in pairs if not any(pair <= group.parents for group in groups))
    return tuple(sorted((min(pair), max(pair)) for pair in apart))


# --- where they stand ---------------------------------------------------------------------------------------------


def _drawn(
    rows: Sequence[Sequence[Somebody]], groups: Sequence[Children], couples: Sequence[tuple[str, str]], wide: int
) -> Picture:
    """Generation below generation, each wrapped where it is too wide; the lines run in the space left of each card."""
    most = max((len(row) for row in rows), default=1)
    room = wide - _MARGIN
    across = max(1, min(most, room // (_CARD + _BETWEEN)))
    card = min(_ROOMY, room // across - _BETWEEN)
    left = (room - across * (card + _BETWEEN)) // 2 + _BETWEEN
    cards: dict[str, Card] = {}
    bottoms: list[int] = []
    y = 4
    for row in rows:
        for number, somebody in enumerate(row):
            x = left + (number % across) * (card + _BETWEEN)
            cards[somebody.id] = _card(somebody, x, y + (number // across) * (_HIGH + _BETWEEN), card)
        y += -(-len(row) // across) * (_HIGH + _BETWEEN) - _BETWEEN
        bottoms.append(y)
        y += _APART + 6 * len(groups)
    levels = {somebody.id: index for index, row in enumerate(rows) for somebody in row}
    paths = (
        *(_path(group, index, cards, bottoms, levels) for index, group in enumerate(groups)),
        *(_between(cards[one], cards[other]) for one, other in couples),
    )
    return Picture(wide=wide, high=bottoms[-1] + 8 if bottoms else 8, cards=tuple(cards.values()), paths=paths)


def _path(
    group: Children, index: int, cards: Mapping[str, Card], bottoms: Sequence[int], levels: Mapping[str, int]
) -> Path:
    """Each parent's line goes down beside its card to a line of the family's own, from which one goes to every child."""
    lane = 5 + 5 * (index % _KINDS)
    bar = bottoms[max(levels[parent] for parent in group.parents)] + 14 + 6 * index
    ends: list[int] = []
    parts = []
    for parent in sorted(group.parents):
        card = cards[parent]
        parts.append(f"M{card.x} {card.y + 46}H{card.x - lane}V{bar}")
        ends.append(card.x - lane)
    for child in group.children:
        card = cards[child]
        parts.append(f"M{card.x - lane} {bar}V{card.y + 30}H{card.x}")
        ends.append(card.x - lane)
    parts.append(f"M{min(ends)} {bar}H{max(ends)}")
    return Path(d="".join(parts), kind=index % _KINDS)


def _between(one: Card, other: Card) -> Path:
    """From card to card below the lower of the two, in a lane that no family has."""
    lane, low = 20, max(one.y, other.y) + _HIGH + 7
    d = f"M{one.x} {one.y + 60}H{one.x - lane}V{low}H{other.x - lane}V{other.y + 60}H{other.x}"
    return Path(d=d, kind=_PARTNERS)


def _card(somebody: Somebody, x: int, y: int, wide: int) -> Card:
    room = int((wide - 16) / _LETTER)
    name = _wrapped(somebody.name, room - 3)
    notes = [line for note in somebody.notes for line in _wrapped(note, room)]
    lines = [
        *(Words(text=text, x=x + 30, y=y + 20 + _LINE * index, kind="name") for index, text in enumerate(name)),
        *(
            Words(text=text, x=x + 8, y=y + 20 + _LINE * (len(name) + index), kind="note")
            for index, text in enumerate(notes[: 4 - len(name)])
        ),
    ]
    fit = (wide - 8) // (_CHIP + 4)
    chips = tuple(
        Chip(number=number, x=x + 8 + index * (_CHIP + 4), y=y + _HIGH - _CHIP - 6, confirmed=confirmed)
        for index, (number, confirmed) in enumerate(somebody.teams[:fit])
    )
    return Card(
        x=x,
        y=y,
        wide=wide,
        high=_HIGH,
        border=somebody.border,
        symbol=somebody.symbol,
        lines=tuple(lines),
        chips=chips,
    )


def _wrapped(text: str, room: int) -> tuple[str, ...]:
    """At most two lines; what does not fit is cut, and says so."""
    if len(text) <= room:
        return (text,)
    cut = text.rfind(" ", 1, room + 1)
    first, rest = (text[:cut], text[cut + 1 :]) if cut > 0 else (text[:room], text[room:])
    return (first, rest if len(rest) <= room else f"{rest[: room - 1].rstrip()}…")
