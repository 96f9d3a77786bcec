"""Whether events about some persons make a pattern, and which of them; who is prompted is in `pattern_teams.py`. Nothing is scored.

The same question is asked for each team of what that team may see: what it may not see makes no pattern for it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from broker.domain.gaps import fathers_of
from broker.domain.kinship import children_of
from broker.domain.pattern_rules import CentileRule, Count, EvidenceRule, Home, Naming, PatternRule
from broker.domain.states import InvolvementState, PersonState
from broker.domain.world import KnownPerson, World
from schemas.codes import Event, Function
from schemas.message import Coding, Fact, FactValue, Message

_AGES: Final = {
    Home.INFANT: timedelta(days=365),
    Home.UNDER_FIVE: timedelta(days=1826),
    Home.CHILD: timedelta(days=6574),
}
"""Ages below which somebody counts; leap days counted down."""
BY_ADDRESS: Final = (Count.MOVES, Count.PLACES)
"""What needs to know where people live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One notification as patterns look at it. Persons of its message are keyed by their ids."""

    id: str
    at: datetime
    agency: str
    function: Function
    message: Message
    places: Mapping[str, str] = field(default_factory=dict)
    """Person → the address that it says they have, as a keyed hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose events are looked at: a household's, or one person's where no household counts."""

    household_id: str | None
    person_id: str | None
    persons: frozenset[str]

    @property
    def key(self) -> tuple[str | None, str | None]:
        """What tells it from others."""
        return self.household_id, self.person_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """An event that counts: as which kind of evidence, about whom of the scope."""

    happening: Happening
    line: EvidenceRule
    persons: frozenset[str]
    born: frozenset[date | None] = frozenset()
    """When these persons were born: twins are one birth."""


def prompts(rule: PatternRule, message: Message, function: Function) -> bool:
    """Whether such a message makes Baton look: it counts itself, and the rule does not wait for another."""
    if rule.prompted_by is not None:
        kinds = rule.prompted_by.get(message.event)
        if kinds is None or (kinds and message.kind not in kinds):
            return False
    return any(
        line.missing is None and _is_of(line, message, function) and _says(line, message, None)
        for line in rule.evidence
    )


def pieces(
    rule: PatternRule, happenings: Iterable[Happening], scope: Scope, world: World, since: datetime, now: datetime
) -> tuple[Piece, ...]:
    """Every event that counts, the oldest first, of those that happened after `since`."""
    known = sorted(happenings, key=lambda one: (one.at, one.id))
    found = (
        piece
        for one in known
        if since < one.at <= now
        for line in rule.evidence
        if (piece := _piece(rule, line, one, scope, world, known, now)) is not None
    )
    first: dict[str, Piece] = {}
    for piece in found:
        first.setdefault(piece.happening.id, piece)
    return tuple(first.values())


def met(rule: PatternRule, found: Sequence[Piece], now: datetime) -> bool:
    """Whether these make the pattern: so many in such a time, from so many agencies."""
    recent = [piece for piece in found if piece.happening.at > now - rule.within]
    if len({piece.happening.agency for piece in recent}) < rule.agencies:
        return False
    if rule.count is Count.CENTILES:
        return rule.centiles is not None and _fallen(rule.centiles, recent)
    return _COUNTS[rule.count](recent) >= rule.at_least


def enough(rule: PatternRule, found: Sequence[Piece]) -> bool:
    """Whether they ever made the pattern: one that is open stays so when time has passed."""
    return any(met(rule, found[: index + 1], piece.happening.at) for index, piece in enumerate(found))


def at_home(rule: PatternRule, scope: Scope, world: World, now: datetime) -> bool:
    """Whether somebody is there for whom the pattern matters."""
    return rule.home is None or any(_younger(world.people.get(p), _AGES[rule.home], now) for p in scope.persons)


def children(scope: Scope, world: World, now: datetime) -> tuple[str, ...]:
    """Children of the scope who live, the unborn included: the youngest first, those who are born before those who are not."""
    found = [p for p in scope.persons if _younger(world.people.get(p), _AGES[Home.CHILD], now)]
    return tuple(sorted(found, key=lambda p: (-_born(world.people[p]), p)))


def look_at(rule: PatternRule, message: Message) -> datetime | None:
    """When time alone may make this message count: something that should follow it did not."""
    due = [message.occurred + line.after for line in rule.evidence if line.missing and message.event in line.events]
    return min(due, default=None)


# --- one event ----------------------------------------------------------------------------------------------------


def _piece(
    rule: PatternRule,
    line: EvidenceRule,
    one: Happening,
    scope: Scope,
    world: World,
    told: Sequence[Happening],
    now: datetime,
) -> Piece | None:
    message = one.message
    if not _is_of(line, message, one.function):
        return None
    persons = frozenset(
        p
        for p in message.subjects
        if p in scope.persons
        and _says(line, message, p)
        and _old_enough(line, world.people.get(p), one.at)
        and (rule.untreated is None or not _treated(world, p, rule.untreated))
        and (rule.count not in BY_ADDRESS or p in one.places)
        and not (line.missing is not None and _came(line, world.people.get(p), one, told, now))
        and (line.father_unnamed is None or _father_unnamed(line.father_unnamed, p, scope, world, one, told))
    )
    born = frozenset(known.born for p in persons if (known := world.people.get(p)) is not None)
    return Piece(happening=one, line=line, persons=persons, born=born) if persons else None


def _is_of(line: EvidenceRule, message: Message, function: Function) -> bool:
    return (
        message.event in line.events
        and (not line.kinds or message.kind in line.kinds)
        and message.kind not in line.without_kinds
        and (not line.senders or function in line.senders)
    )


def _says(line: EvidenceRule, message: Message, person: str | None) -> bool:
    """Whether it states one of the facts, about this person or about everybody; None: about anybody."""
    if not line.stated and line.values is None:
        return True
    return any(_counts(line, fact) for fact in message.facts if person is None or fact.about in (None, person))


def _counts(line: EvidenceRule, fact: Fact) -> bool:
    if fact.code in line.stated and fact.value is not False and fact.value != "":
        return True
    return line.values is not None and _word(fact.value) in line.values.get(fact.code, ())


def _word(value: FactValue) -> str:
    if isinstance(value, Coding):
        return value.code
    return str(value).lower() if isinstance(value, bool) else str(value)


def _old_enough(line: EvidenceRule, person: KnownPerson | None, at: datetime) -> bool:
    if line.from_age is None:
        return True
    return person is not None and person.born is not None and at >= _birth(person) + line.from_age


def _treated(world: World, person: str, function: Function) -> bool:
    return any(
        i.person_id == person and i.function is function and i.state is InvolvementState.CONFIRMED
        for i in world.involvements
    )


def _came(
    line: EvidenceRule, person: KnownPerson | None, one: Happening, known: Sequence[Happening], now: datetime
) -> bool:
    """Whether what should follow came in time, or may still come, or is known to have come without having been told."""
    until = one.at + line.after
    if person is None or now < until:
        return True
    came = [
        o.at for o in known if o.message.event is line.missing and person.id in o.message.subjects and o.at >= one.at
    ]
    if not came and line.missing is Event.GP_REGISTRATION:
        return person.practice is not None
    return any(at <= until for at in came)


def _father_unnamed(
    rule: Naming, person: str, scope: Scope, world: World, one: Happening, told: Sequence[Happening]
) -> bool:
    """Whether by then nobody had named the father of a child whom it is about. Somebody of whom only the role is known is not named."""
    named = {
        p.key
        for o in told
        if o.at <= one.at and o.message.event in rule.events and o.function in rule.senders
        for p in o.message.people
    }
    fathers = (fathers_of(world, child) for child in _children_then(person, scope, world, one.at))
    return any(not any(f in named and f in world.people and world.people[f].resolved for f in of) for of in fathers)


def _children_then(person: str, scope: Scope, world: World, at: datetime) -> list[str]:
    """The child itself; of a woman whom she was expecting then."""
    known = world.people.get(person)
    if _younger(known, _AGES[Home.CHILD], at):
        return [person]
    return [child.id for child in children_of(world, person) if child.id in scope.persons and _expected(child, at)]


def _expected(child: KnownPerson, at: datetime) -> bool:
    living = child.state is PersonState.LIVING and child.born is not None and _birth(child) > at
    return living or child.state is PersonState.UNBORN


# --- counting -----------------------------------------------------------------------------------------------------


def _days(found: Sequence[Piece]) -> int:
    return len({piece.happening.at.date() for piece in found})


def _delays(found: Sequence[Piece]) -> int:
    return len({(born, piece.line.name) for piece in found for born in piece.born})


def _practitioners(found: Sequence[Piece]) -> int:
    names = (piece.happening.message.author for piece in found)
    return len({" ".join(who.name.casefold().split()) for who in names if who is not None and who.name})


def _moves(found: Sequence[Piece]) -> int:
    lived: dict[str, list[str]] = defaultdict(list)
    for piece in found:
        for person in piece.persons & piece.happening.places.keys():
            lived[person].append(piece.happening.places[person])
    # The first address that is heard of was moved to as well: it is of an event that says so.
    return max((1 + sum(one != other for one, other in pairwise(at)) for at in lived.values()), default=0)


def _places(found: Sequence[Piece]) -> int:
    """Two where agencies contradict each other; a family that moved was told of at its old address, then at its new one."""
    told: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for piece in found:
        for person in piece.persons & piece.happening.places.keys():
            told[person].append((piece.happening.agency, piece.happening.places[person]))
    return 2 if any(_disputed(at) for at in told.values()) else 1


def _disputed(told: Sequence[tuple[str, str]]) -> bool:
    """Whether an agency goes on to tell an address after another agency told a different one."""
    for index, (agency, place) in enumerate(told):
        first = next(at for at, (_, known) in enumerate(told) if known == place)
        if any(by != agency and other != place for by, other in told[first:index]):
            return True
    return False


_COUNTS: Final = {
    Count.DAYS: _days,
    Count.DELAYS: _delays,
    Count.PRACTITIONERS: _practitioners,
    Count.MOVES: _moves,
    Count.PLACES: _places,
}


# --- centiles as reported -----------------------------------------------------------------------------------------


def _fallen(rule: CentileRule, found: Sequence[Piece]) -> bool:
    """Whether the last centile of a child lies under the line, or so many spaces below the highest before it."""
    told: dict[str, list[Decimal]] = defaultdict(list)
    for piece in found:
        for person in sorted(piece.persons):
            told[person] += _centiles(piece.happening.message, person)
    return any(_low(rule, centiles) for centiles in told.values() if centiles)


def _low(rule: CentileRule, centiles: Sequence[Decimal]) -> bool:
    last, before = centiles[-1], max(centiles)
    if last < rule.below:
        return True
    allowed = next(fall.spaces for fall in rule.falls if fall.below is None or before < fall.below)
    return _space(rule, before) - _space(rule, last) >= allowed


def _space(rule: CentileRule, centile: Decimal) -> int:
    """How many lines of the chart lie under it: a space is from one line to the next."""
    return sum(line <= centile for line in rule.lines)


def _centiles(message: Message, person: str) -> list[Decimal]:
    own = (f for f in message.facts if f.code == "centile" and f.about in (None, person))
    return [fact.value if isinstance(fact.value, Decimal) else Decimal(str(fact.value)) for fact in own]


# --- who lives there ----------------------------------------------------------------------------------------------


def _younger(person: KnownPerson | None, than: timedelta, now: datetime) -> bool:
    if person is None:
        return False
    if person.state is PersonState.UNBORN:
        return True
    return person.state is PersonState.LIVING and person.born is not None and now < _birth(person) + than


def _birth(person: KnownPerson) -> datetime:
    assert person.born is not None
    return datetime.combine(person.born, time(), UTC)


def _born(person: KnownPerson) -> int:
    return person.born.toordinal() if person.born is not None else 0


def reporters(found: Iterable[Piece]) -> Iterator[str]:
    """Who reported any of it, by name."""
    for piece in found:
        author = piece.happening.message.author
        if author is not None and author.name:
            yield author.name
