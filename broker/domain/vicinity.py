"""Who lives round the subjects of a message, who among them is a child, and who works with them; who is told is not decided here."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Final

from broker.domain.kinship import unborn_of
from broker.domain.rules import About, EventRules
from broker.domain.states import GONE, InvolvementState, MembershipState, PersonState
from broker.domain.world import KnownPerson, World
from schemas.codes import RelationshipKind, Standing
from schemas.events.ages import is_child as said_to_be_child
from schemas.message import Message

ADULT_DAYS: Final = 6574
"""Days from which somebody is no child: 18 years, leap days counted down."""

_PARENTS: Final = frozenset({RelationshipKind.MOTHER, RelationshipKind.FATHER, RelationshipKind.PARENT})
_PREGNANCY: Final = frozenset({PersonState.UNBORN, PersonState.PREGNANCY_ENDED})


def routed_households(world: World, subjects: Iterable[str], sender_id: str) -> tuple[str, ...]:
    """The households of these persons through which a message goes on, in stable order.

    A shared child carries nothing from one separated parent's household to the other's (principle 10): where somebody
    lives goes before where a child is cared for in turn, and between homes of separated parents only that one counts
    with whose other members the sender works.
    """
    return tuple(sorted({household for subject in subjects for household in _routed(world, subject, sender_id)}))


def _routed(world: World, subject: str, sender_id: str) -> list[str]:
    current = [m for m in world.memberships if m.person_id == subject and m.state is MembershipState.CURRENT]
    homes = [m.household_id for m in current if m.standing is not Standing.SHARED_CARE]
    if not homes:
        homes = [m.household_id for m in current]
        apart = len(homes) > 1
    else:
        apart = len(homes) > 1 and _separated(world, subject, homes)
    if not apart:
        return homes
    theirs = {i.person_id for i in world.involvements if i.team_id == sender_id and i.person_id != subject}
    return [home for home in homes if theirs.intersection(world.members_of(home))]


def _separated(world: World, child: str, homes: list[str]) -> bool:
    """Whether two of the homes have each a parent of the child and none in common."""
    parents = {r.person_id for r in world.relationships if r.to == child and r.kind in _PARENTS}
    there = [found for home in homes if (found := parents.intersection(world.members_of(home)))]
    return any(one.isdisjoint(other) for index, one in enumerate(there) for other in there[index + 1 :])


def clients_of(world: World, team_id: str, among: Collection[str]) -> frozenset[str]:
    """Which of these persons the team works with, whether confirmed or not."""
    return frozenset(
        i.person_id
        for i in world.involvements
        if i.team_id == team_id and i.person_id in among and i.state is not InvolvementState.ENDED
    )


def has_come(message: Message, world: World, rules: EventRules) -> bool:
    """Whether the child whom it says is expected has been born: then it need be told to nobody new.

    Persons are those named as unborn; without any, whoever the subjects expect.
    """
    if not rules.pregnancy or rules.quiet:
        return False
    named = [known for p in message.people if p.unborn and (known := world.people.get(p.key)) is not None]
    expected = named or [child for subject in message.subjects for child in unborn_of(world, subject)]
    return not any(child.state is PersonState.UNBORN for child in expected)


def protected_persons(message: Message, world: World) -> Iterator[str]:
    """Persons whose address is protected according to the message or to anybody who holds it (principle 10)."""
    for person in message.people:
        if person.protected or any(address.protected for address in person.addresses):
            yield person.key
    for known in world.people.values():
        if any(address.protected for address in known.addresses):
            yield known.id


def is_child(message: Message, world: World, person_id: str, now: datetime) -> bool | None:
    """Whether somebody is a child, unborn included: by what is stored, then by what the message says."""
    known = world.people.get(person_id)
    if known is not None:
        if known.state in _PREGNANCY:
            return True
        if known.born is not None:
            return (now.date() - known.born).days < ADULT_DAYS
    named = next((person for person in message.people if person.key == person_id), None)
    return None if named is None else said_to_be_child(message, named)


def children_among(message: Message, world: World, now: datetime) -> Iterator[str]:
    """Who is a child, of the persons known and the subjects."""
    for person_id in {*world.people, *message.subjects}:
        if is_child(message, world, person_id, now):
            yield person_id


def about_whom(message: Message, world: World, rules: EventRules) -> Iterator[str]:
    """The subjects; of a child's or pregnancy's event whose subject expects a child, that child too."""
    yield from message.subjects
    if rules.about is not About.CHILD:
        return
    for subject in message.subjects:
        for child in unborn_of(world, subject):
            yield child.id


def others(world: World, households: tuple[str, ...], subjects: frozenset[str], *, quiet: bool) -> Iterator[str]:
    """Whoever else lives there. A pregnancy that has ended is still theirs whom its end concerns."""
    for membership in world.memberships:
        person_id = membership.person_id
        if (
            membership.household_id not in households
            or membership.state is not MembershipState.CURRENT
            or person_id in subjects
        ):
            continue
        person = world.people.get(person_id)
        if person is None or person.state not in GONE or (quiet and person.state is PersonState.PREGNANCY_ENDED):
            yield person_id


def children_at_home(
    world: World, people: Iterable[str], children: frozenset[str], now: datetime
) -> Iterator[KnownPerson]:
    """Those of these people who are children and live, the unborn included."""
    for person_id in people:
        person = world.people.get(person_id)
        if person is not None and person_id in children and person.state not in GONE:
            age = person.age_days(now)
            if age is None or age < ADULT_DAYS:
                yield person
