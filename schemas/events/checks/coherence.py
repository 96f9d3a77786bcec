"""Whether the parts of a message fit each other: keys, roles, relationships."""

import re
from collections import Counter
from collections.abc import Iterator

from schemas.codes import RelationshipKind
from schemas.events import places
from schemas.events.ages import age
from schemas.events.specification import EventSpec, Whom
from schemas.message import Message, Person, Relationship
from schemas.problem import Problem

# Age of criminal responsibility in England; nobody younger is under supervision, on a mental health ward of
# their own, or pregnant as a matter of routine.
YOUNGEST_ADULT_ROLE = 10

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_GENDERS = frozenset({None, "male", "female", "other", "unknown"})
_PARENTS = frozenset({RelationshipKind.MOTHER, RelationshipKind.FATHER, RelationshipKind.PARENT})


def incoherent(message: Message, spec: EventSpec) -> Iterator[Problem]:
    """Doubled and dangling keys, subjects of the wrong kind, relationships that cannot be."""
    people = {person.key: index for index, person in enumerate(message.people)}
    yield from _forms(message)
    yield from _keys(message, people)
    yield from _subjects(message, spec, people)
    yield from _relationships(message, people)


def _forms(message: Message) -> Iterator[Problem]:
    """What R4's structure demands of a Bundle, for messages that an adapter made and no Bundle brought."""
    if not _ID.fullmatch(message.id):
        yield Problem(f"{places.HEADER}.id", "must be an id: up to 64 letters, digits, hyphens and dots", "value")
    for index, person in enumerate(message.people):
        if not _ID.fullmatch(person.key):
            yield Problem(
                places.person(index, "id"), "must be an id: up to 64 letters, digits, hyphens and dots", "value"
            )
        if person.gender not in _GENDERS:
            yield Problem(places.person(index, "gender"), "is no administrative gender of R4", "code-invalid")


def _keys(message: Message, people: dict[str, int]) -> Iterator[Problem]:
    if len(people) < len(message.people):
        yield Problem(places.focus("Patient"), "stands twice under one key", "duplicate")
    named = (
        (places.focus("Patient"), message.subjects),
        (places.HOUSEHOLD, tuple(member.person for member in message.household)),
        (
            places.RELATIONSHIPS,
            tuple(key for relation in message.relationships for key in (relation.person, relation.to)),
        ),
        (places.focus("Observation"), tuple(fact.about for fact in message.facts if fact.about is not None)),
    )
    for path, keys in named:
        if any(key not in people for key in keys):
            yield Problem(path, "refers to nobody in the message", "not-found")
    members = Counter(member.person for member in message.household)
    if any(count > 1 for count in members.values()):
        yield Problem(places.HOUSEHOLD, "names a person twice", "duplicate")


def _subjects(message: Message, spec: EventSpec, people: dict[str, int]) -> Iterator[Problem]:
    if len(message.subjects) > 1 and not spec.many:
        yield Problem(places.focus(spec.focus), "is about one person; send a message for each", "not-supported")
    for key in message.subjects:
        if key in people:
            yield from _subject(message, spec.subject, people[key])


def _subject(message: Message, rule: Whom, index: int) -> Iterator[Problem]:
    person = message.people[index]
    years = None if person.birth_date is None else age(person.birth_date, message.occurred.date())
    if rule is Whom.CHILD and years is not None and years >= 18:
        yield Problem(places.person(index), "is an adult, and the event is about a child", "business-rule")
    if rule in (Whom.ADULT, Whom.MOTHER) and (person.unborn or (years is not None and years < YOUNGEST_ADULT_ROLE)):
        yield Problem(places.person(index), "is a young child, and the event is about an adult", "business-rule")
    if rule is Whom.MOTHER and person.gender == "male":
        yield Problem(places.person(index, "gender"), "is unlikely of who is pregnant", "value", "warning")


def _relationships(message: Message, people: dict[str, int]) -> Iterator[Problem]:
    stated = {(relation.person, relation.to) for relation in message.relationships if relation.kind in _PARENTS}
    for relation in message.relationships:
        if relation.person == relation.to:
            yield Problem(places.RELATIONSHIPS, "relates somebody to themselves", "invariant")
        elif (relation.to, relation.person) in stated and relation.kind in _PARENTS:
            yield Problem(places.RELATIONSHIPS, "makes two people each other's parent", "invariant")
        elif relation.person in people and relation.to in people:
            yield from _unlikely(message, relation, people)
    if len(set(message.relationships)) < len(message.relationships):
        yield Problem(places.RELATIONSHIPS, "states a relationship twice", "duplicate", "warning")


def _unlikely(message: Message, relation: Relationship, people: dict[str, int]) -> Iterator[Problem]:
    elder = message.people[people[relation.person]]
    younger = message.people[people[relation.to]]
    if relation.kind in _PARENTS and _too_close(elder, younger):
        yield Problem(
            places.person(people[relation.person], "birthDate"),
            "is unlikely of a parent of that child",
            "value",
            "warning",
        )
    if relation.kind is RelationshipKind.MOTHER and elder.gender == "male":
        yield Problem(places.person(people[relation.person], "gender"), "is unlikely of a mother", "value", "warning")


def _too_close(elder: Person, younger: Person) -> bool:
    if elder.birth_date is None or younger.birth_date is None:
        return False
    return age(elder.birth_date, younger.birth_date) < YOUNGEST_ADULT_ROLE
