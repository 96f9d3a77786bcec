"""Who is whose mother or child, as a message says it and as the world knows it; where anybody lives is for `households.py`."""

from collections.abc import Mapping

from broker.domain.states import PersonState
from broker.domain.world import KnownPerson, World
from schemas.codes import ContactKind, Event, RelationshipKind
from schemas.message import Message

PREGNANCY_EVENTS = frozenset({Event.PREGNANCY_BOOKING, Event.PREGNANCY_NOTIFICATION, Event.PREGNANCY_END})


def mothers(message: Message) -> Mapping[str, tuple[str, ...]]:
    """Child's key → keys of whoever is its mother, as the message says or, of a pregnancy, implies."""
    said: dict[str, tuple[str, ...]] = {}
    for r in message.relationships:
        if r.kind is RelationshipKind.MOTHER:
            said[r.to] = (*said.get(r.to, ()), r.person)
    pregnant = pregnant_subject(message)
    implied = {p.key: (pregnant,) for p in message.people if p.unborn} if pregnant is not None else {}
    return implied | said


def pregnant_subject(message: Message) -> str | None:
    """Key of the one whose pregnancy the message speaks of; None when of none, or of several."""
    carrying = {r.person for r in message.relationships if r.kind is RelationshipKind.MOTHER and _unborn(message, r.to)}
    if carrying:
        return next(iter(carrying)) if len(carrying) == 1 else None
    antenatal = message.event is Event.CHILD_CONTACT and message.kind == ContactKind.ANTENATAL
    if message.event not in PREGNANCY_EVENTS and not antenatal:
        return None
    grown = [key for key in message.subjects if not message.person(key).unborn]
    return grown[0] if len(grown) == 1 else None


def _unborn(message: Message, key: str) -> bool:
    return any(p.key == key and p.unborn for p in message.people)


def children_of(world: World, mother_id: str) -> tuple[KnownPerson, ...]:
    """Her children, born and unborn, in the order of their birth, then by id."""
    ids = {r.to for r in world.relationships if r.kind is RelationshipKind.MOTHER and r.person_id == mother_id}
    found = [world.people[id_] for id_ in ids if id_ in world.people]
    return tuple(sorted(found, key=lambda child: (child.birth_order or 0, child.id)))


def unborn_of(world: World, mother_id: str) -> tuple[KnownPerson, ...]:
    """Whom she is expecting."""
    return tuple(child for child in children_of(world, mother_id) if child.state is PersonState.UNBORN)


def mothers_of(world: World, child_id: str) -> tuple[str, ...]:
    """Ids of whoever is said to be the child's mother."""
    kind = RelationshipKind.MOTHER
    return tuple(sorted({r.person_id for r in world.relationships if r.kind is kind and r.to == child_id}))


def related(world: World, person_id: str, kind: RelationshipKind) -> tuple[str, ...]:
    """Ids of whoever is said to be the `kind` of the person."""
    return tuple(sorted({r.person_id for r in world.relationships if r.kind is kind and r.to == person_id}))
