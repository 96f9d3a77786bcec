"""What an event's specification asks for and a message lacks."""

from collections.abc import Iterable, Iterator

from schemas.events import places
from schemas.events.ages import is_child
from schemas.events.facts import FACTS
from schemas.events.specification import EventSpec, Level, Whom
from schemas.message import Message, Person
from schemas.problem import Problem, Severity

_WITHOUT_PREVIOUS = {"sealed", "resolved"}
"""Of a sealed record nothing may name old and new together (principle 11); of one that was only a number there is no old."""

_ELEMENTS = {
    "address": "address",
    "birth_date": "birthDate",
    "practice": "generalPractitioner",
    "deceased": "deceased",
}


def missing(message: Message, spec: EventSpec) -> Iterator[Problem]:
    """Subjects, kind, facts, persons' details, household, relationships and references that are not there."""
    if not message.subjects:
        yield from _lacking(spec.subject_level, places.focus(spec.focus), "names nobody")
    yield from _kind(message, spec)
    yield from _facts(message, spec)
    yield from _details(message, spec)
    yield from _household(message, spec)
    yield from _relationships(message, spec)
    if message.reference is None:
        yield from _lacking(spec.reference, places.REFERENCE, "the earlier message")
    if spec.addressed and not _addressed(message, spec):
        asked = ", or the message that this one answers" if spec.answers else ""
        yield Problem(places.DESTINATION, f"is required: a team, or by the kind a function{asked}", "required")


def _addressed(message: Message, spec: EventSpec) -> bool:
    if message.to or message.kind is not None:
        return True
    return spec.answers and message.reference is not None


def _lacking(level: Level, path: str, what: str = "") -> Iterator[Problem]:
    if level is not Level.OPTIONAL:
        severity: Severity = "error" if level is Level.REQUIRED else "warning"
        yield Problem(path, f"is {level.value}" + (f": {what}" if what else ""), "required", severity)


def _kind(message: Message, spec: EventSpec) -> Iterator[Problem]:
    place = places.focus(spec.focus)
    if spec.kinds is None:
        if message.kind is not None:
            yield Problem(place, "has a kind, which this event does not use", "not-supported", "warning")
    elif message.kind is None:
        yield from _lacking(spec.kinds.level, place, f"its kind, a code of {spec.kinds.values.id}")
    elif message.kind not in spec.kinds.values.codes:
        yield Problem(place, f"has a kind that is no code of {spec.kinds.values.id}", "code-invalid")


def _facts(message: Message, spec: EventSpec) -> Iterator[Problem]:
    for code in spec.required:
        yield from _fact(message, spec, code, Level.REQUIRED)
    for code in (*spec.expected, *spec.expected_for.get(message.kind or "", ())):
        yield from _fact(message, spec, code, Level.EXPECTED)
    if spec.required_one_of:
        yield from _one_of(message, spec.required_one_of, Level.REQUIRED)
    if spec.expected_one_of and message.kind not in _WITHOUT_PREVIOUS:
        yield from _one_of(message, spec.expected_one_of, Level.EXPECTED)


def _one_of(message: Message, codes: tuple[str, ...], level: Level) -> Iterator[Problem]:
    if not any(fact.code in codes for fact in message.facts):
        yield from _lacking(level, places.fact(codes[0]), "one of " + ", ".join(codes))


def _fact(message: Message, spec: EventSpec, code: str, level: Level) -> Iterator[Problem]:
    about = {fact.about for fact in message.facts if fact.code == code}
    if FACTS[code].whom is not Whom.CHILD:
        if not about and not _said_otherwise(message, code):
            yield from _lacking(level, places.fact(code))
        return
    children = _children(message, spec)
    without = [child for child in children if child.key not in about and not (None in about and len(children) == 1)]
    if without:
        said = "" if len(children) == 1 else f"about each child; {len(without)} of {len(children)} have none"
        yield from _lacking(level, places.fact(code), said)


def _said_otherwise(message: Message, code: str) -> bool:
    """Whether an element of a person says what the fact would."""
    return code == "expected-date" and any(person.expected for person in message.people)


def _children(message: Message, spec: EventSpec) -> list[Person]:
    """The children whom a fact about children is wanted of: the subjects, or where a mother stands for them, hers."""
    children = [person for person in message.people if is_child(message, person)]
    subjects = [person for person in children if person.key in message.subjects]
    return subjects if subjects or not spec.relationships else children


def _details(message: Message, spec: EventSpec) -> Iterator[Problem]:
    for index, person in enumerate(message.people):
        if person.key in message.subjects:
            yield from _elements(index, person, spec.persons_have, Level.REQUIRED)
            yield from _elements(index, person, spec.persons_should_have, Level.EXPECTED)


def _elements(index: int, person: Person, names: Iterable[str], level: Level) -> Iterator[Problem]:
    for name in names:
        has = person.addresses if name == "address" else getattr(person, name)
        if has in (None, ()):
            yield from _lacking(level, places.person(index, _ELEMENTS[name]))


def _household(message: Message, spec: EventSpec) -> Iterator[Problem]:
    if message.household:
        return
    expected = spec.household is Level.OPTIONAL and message.kind in spec.household_expected_for
    yield from _lacking(Level.EXPECTED if expected else spec.household, places.HOUSEHOLD, "who lives there")


def _relationships(message: Message, spec: EventSpec) -> Iterator[Problem]:
    children = _children(message, spec)
    if spec.relationships and not children:
        yield from _lacking(Level.EXPECTED, places.focus("Patient"), "a child")
    for kind in spec.relationships:
        having = {relation.to for relation in message.relationships if relation.kind is kind}
        if any(child.key not in having for child in children):
            yield from _lacking(Level.EXPECTED, places.RELATIONSHIPS, f"the {kind.value} of each child")
