"""Which known person each person of a message is; what the message then changes lives in `households.py`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from broker.domain import identifying
from broker.domain.identifying import birth_agrees
from broker.domain.kinship import children_of, mothers, related
from broker.domain.likeness import (
    NEVER,
    may_be_same,
    one_and_the_same,
    order_agrees,
    same_baby,
    same_particulars,
    says_nothing,
    surely,
)
from broker.domain.names import same_name
from broker.domain.pregnancy_match import (
    birth_date,
    expected_date,
    is_that_pregnancy,
    may_be_born_as,
    same_expected,
)
from broker.domain.states import PersonState
from broker.domain.world import KnownPerson, Team, World
from schemas.codes import Event, RelationshipKind
from schemas.message import Fact, HouseholdMember, Message, Person

DoubtKind: TypeAlias = Literal["identity", "duplicate", "restricted"]

_OPENING = frozenset({Event.PREGNANCY_BOOKING, Event.PREGNANCY_NOTIFICATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What a person must decide about who somebody is.

    identity: the person of the message may be one of the candidates. duplicate: it is somebody known, and the
    candidates may be the same. restricted: it carries a number of a sealed or protected identity; nothing is linked.
    """

    kind: DoubtKind
    key: str
    candidates: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """Message key → person id for everybody named; `new` are the keys of those not known before."""

    ids: Mapping[str, str]
    new: frozenset[str]
    doubts: tuple[Doubt, ...] = ()


def match(
    message: Message, candidates: Sequence[KnownPerson], world: World, sender: Team, new_id: Callable[[], str]
) -> Matches:
    """Who everybody in the message is. `world` holds the candidates' households, members and relations."""
    run = _Run(message, _pool(candidates, world), world, sender)
    run.by_identifier()
    run.by_household()
    run.by_pregnancy()
    run.by_household()
    run.by_role()
    return run.matches(new_id)


def _pool(candidates: Sequence[KnownPerson], world: World) -> Mapping[str, KnownPerson]:
    """Everybody who may be meant, by id; those who turned out to be somebody else are not."""
    everybody = {person.id: person for person in (*candidates, *world.people.values())}
    return {id_: person for id_, person in everybody.items() if person.state is not PersonState.MERGED}


@dataclass(slots=True)
class _Run:
    """One message being matched. Each step finds more, and the later ones build on whom the earlier ones found."""

    message: Message
    known: Mapping[str, KnownPerson]
    world: World
    sender: Team
    ids: dict[str, str] = field(default_factory=dict)
    doubts: list[Doubt] = field(default_factory=list)

    def open(self) -> Iterator[Person]:
        """Those not found yet."""
        return (person for person in self.message.people if person.key not in self.ids)

    def free(self, person: Person, known: KnownPerson) -> bool:
        """Nobody else in the message is that person, unless nothing tells the two apart."""
        others = [self.message.person(key) for key, id_ in self.ids.items() if id_ == known.id]
        return all(one_and_the_same(person, other) for other in others)

    def take(self, person: Person, known: KnownPerson) -> None:
        self.ids[person.key] = known.id

    def doubt(self, kind: DoubtKind, person: Person, candidates: Sequence[KnownPerson], reason: str) -> None:
        if candidates:
            ids = tuple(sorted(known.id for known in candidates))
            self.doubts.append(Doubt(kind=kind, key=person.key, candidates=ids, reason=reason))

    def by_identifier(self) -> None:
        for person in self.message.people:
            found = identifying.find(self._numbered(person), list(self.known.values()), self.sender)
            who = found.who if found.who is not None and self.free(person, found.who) else None
            if who is not None:
                self.take(person, who)
            elif found.who is not None:
                self.doubt("identity", person, [found.who], "the same number stands for two persons of one message")
            self.doubt("duplicate", person, found.also, "its numbers belong to different persons")
            self.doubt("identity", person, found.doubtful, "the number is known with other particulars")
            self.doubt("restricted", person, found.restricted, "the identity is sealed or protected")

    def _numbered(self, person: Person) -> Person:
        """The person as its numbers are looked up: with those it had before, and open to be found when it is to be sealed."""
        before = identifying.previous_numbers(self.message, person.key)
        sealing = self.message.event is Event.IDENTIFIER_CHANGE and self.message.kind == "sealed"
        return replace(person, identifiers=person.identifiers + before, protected=person.protected and not sealing)

    def by_household(self) -> None:
        """Somebody of the same name in a household of somebody found, until nobody more is found."""
        found_one = True
        while found_one:
            found_one = False
            nearby = self._nearby()
            for person in self.open():
                known = self._named_so(person, nearby)
                if known is not None:
                    self.take(person, known)
                    found_one = True

    def _nearby(self) -> list[KnownPerson]:
        """Members of the households of those found, and their relations."""
        found = set(self.ids.values())
        homes = {home for id_ in found for home in self.world.households_of(id_)}
        near = {member for home in homes for member in self.world.members_of(home)}
        near |= {r.person_id for r in self.world.relationships if r.to in found}
        near |= {r.to for r in self.world.relationships if r.person_id in found}
        return [self.known[id_] for id_ in sorted(near) if id_ in self.known]

    def _named_so(self, person: Person, nearby: Sequence[KnownPerson]) -> KnownPerson | None:
        if person.protected or person.unborn or self._is_newborn(person):
            return None
        named = [k for k in nearby if same_particulars(person, k) and self.free(person, k)]
        return named[0] if len(named) == 1 else None

    def _is_newborn(self, person: Person) -> bool:
        """A baby of a birth whose mother is named: twins share name and date, so the pregnancy decides."""
        return self.message.event is Event.BIRTH and person.key in mothers(self.message)

    def _mother(self, person: Person) -> str | None:
        """The first of the mothers named for the person who is known."""
        known = (self.ids.get(mother) for mother in mothers(self.message).get(person.key, ()))
        return next((id_ for id_ in known if id_ is not None), None)

    def by_pregnancy(self) -> None:
        """Unborn persons and babies, by their mother."""
        for person in list(self.open()):
            mother = self._mother(person)
            if mother is None or (person.protected and not person.unborn):
                continue
            children = [child for child in children_of(self.world, mother) if child.state not in NEVER]
            known = self._unborn(person, children) if person.unborn else self._baby(person, children)
            if known is not None:
                self.take(person, known)

    def _unborn(self, person: Person, children: Sequence[KnownPerson]) -> KnownPerson | None:
        on, opening = self.message.occurred.date(), self.message.event in _OPENING
        expected = expected_date(self.message, person)
        fits = [
            child
            for child in children
            if is_that_pregnancy(child, expected, on, opening=opening)
            and order_agrees(person, child)
            and self.free(person, child)
        ]
        fits.sort(key=lambda c: (not same_expected(expected, c.expected), c.state is not PersonState.UNBORN))
        return fits[0] if fits else None

    def _baby(self, person: Person, children: Sequence[KnownPerson]) -> KnownPerson | None:
        """A baby is a child its mother is known to have had, or the one she was expecting; extra babies are new."""
        taken = set(self.ids.values())
        left = [child for child in children if child.id not in taken and order_agrees(person, child)]
        born_on = birth_date(self.message, person)
        born = [child for child in left if born_on is not None and same_baby(person, child, born_on)]
        unborn = [child for child in left if born_on is not None and may_be_born_as(child, born_on)]
        alike = [child for child in born if not unborn or surely(person, child)]
        if len(alike) == 1:
            return alike[0]
        self.doubt("identity", person, born, "it may be a twin that was reported before")
        return unborn[0] if unborn else None

    def by_role(self) -> None:
        """A mother or father of whom nothing but that is said is the one already known; a mere mention repeats itself."""
        for person in list(self.open()):
            holders = self._in_same_role(person) if says_nothing(person) else self._mentions(person)
            if len(holders) == 1 and self.free(person, holders[0]):
                self.take(person, holders[0])

    def _in_same_role(self, person: Person) -> list[KnownPerson]:
        roles = (RelationshipKind.MOTHER, RelationshipKind.FATHER)
        said = [
            r for r in self.message.relationships if r.person == person.key and r.kind in roles and r.to in self.ids
        ]
        ids = {id_ for r in said for id_ in related(self.world, self.ids[r.to], r.kind)}
        return [self.known[id_] for id_ in sorted(ids) if id_ in self.known]

    def _mentions(self, person: Person) -> list[KnownPerson]:
        """Those of the same name and birth, if all there is of them is a mention: no number, no household, no team.

        Two mentions are linked at no risk, because nothing is reached through them; without this every message that
        names the person would add another one.
        """
        if person.protected or person.unborn:
            return []
        alike = [k for k in self.known.values() if same_particulars(person, k) and birth_agrees(person, k)]
        hangs = {m.person_id for m in self.world.memberships} | {i.person_id for i in self.world.involvements}
        return alike if all(not k.identifiers and k.id not in hangs for k in alike) else []

    def matches(self, new_id: Callable[[], str]) -> Matches:
        new = [person for person in self.message.people if person.key not in self.ids]
        for person in (*new, *self._resolved_now()):
            self.doubt("identity", person, self._namesakes(person), "somebody of that name and date of birth is known")
        ids = dict(self.ids) | {person.key: new_id() for person in new}
        return Matches(ids=ids, new=frozenset(person.key for person in new), doubts=_merged(self.doubts))

    def _resolved_now(self) -> list[Person]:
        """Those of whom only a case number was known until this message said who they are."""
        found = [person for person in self.message.people if person.key in self.ids]
        return [person for person in found if not self.known[self.ids[person.key]].resolved]

    def _namesakes(self, person: Person) -> list[KnownPerson]:
        """Others with the family name and date of birth, who may be the same person."""
        if person.protected or person.unborn:
            return []
        taken = set(self.ids.values())
        return [
            k
            for k in self.known.values()
            if k.id not in taken and may_be_same(person, k) and not self._twins(person, k)
        ]

    def _twins(self, person: Person, k: KnownPerson) -> bool:
        """Children of one mother and one day, told apart by their order or their own names."""
        mother = self._mother(person)
        if mother is None or k.id not in {child.id for child in children_of(self.world, mother)}:
            return False
        return not order_agrees(person, k) or not same_name(person, k)


def rekey(message: Message, ids: Mapping[str, str]) -> Message:
    """The message with every key replaced by its person id; persons who turned out to be one stand once."""

    def key(old: str) -> str:
        return ids.get(old, old)

    related_to = (replace(r, person=key(r.person), to=key(r.to)) for r in message.relationships)
    return replace(
        message,
        subjects=tuple(dict.fromkeys(key(subject) for subject in message.subjects)),
        people=_people(message.people, key),
        relationships=tuple(dict.fromkeys(r for r in related_to if r.person != r.to)),
        household=_household(message.household, key),
        facts=tuple(_fact(fact, key) for fact in message.facts),
        kept_from=tuple(replace(party, person=key(party.person)) for party in message.kept_from),
    )


def _people(people: Sequence[Person], key: Callable[[str], str]) -> tuple[Person, ...]:
    once: dict[str, Person] = {}
    for person in people:
        id_ = key(person.key)
        first = once.get(id_)
        once[id_] = replace(person, key=id_) if first is None else _folded(first, person)
    return tuple(once.values())


def _folded(first: Person, again: Person) -> Person:
    """Two mentions of one person in one message: the first, with the numbers and addresses of both."""
    return replace(
        first,
        identifiers=tuple(dict.fromkeys(first.identifiers + again.identifiers)),
        addresses=tuple(dict.fromkeys(first.addresses + again.addresses)),
        family=first.family or again.family,
        given=first.given or again.given,
        birth_date=first.birth_date or again.birth_date,
        practice=first.practice or again.practice,
        protected=first.protected or again.protected,
    )


def _household(members: Sequence[HouseholdMember], key: Callable[[str], str]) -> tuple[HouseholdMember, ...]:
    once = {key(m.person): replace(m, person=key(m.person)) for m in reversed(members)}
    return tuple(reversed(once.values()))


def _fact(fact: Fact, key: Callable[[str], str]) -> Fact:
    return fact if fact.about is None else replace(fact, about=key(fact.about))


def _merged(doubts: Sequence[Doubt]) -> tuple[Doubt, ...]:
    """One doubt for each kind and person, with all candidates."""
    once: dict[tuple[DoubtKind, str], Doubt] = {}
    for doubt in doubts:
        first = once.get((doubt.kind, doubt.key))
        both = (*(first.candidates if first else ()), *doubt.candidates)
        once[doubt.kind, doubt.key] = replace(first or doubt, candidates=tuple(sorted(set(both))))
    return tuple(once.values())
