"""Any message that teams of the town could send about its families, drawn from a source of chance; for properties and for both databases."""

from dataclasses import replace
from datetime import timedelta
from random import Random

from schemas.codes import Event, RelationshipKind, Standing
from schemas.message import Fact, HouseholdMember, Message, Person, PostalAddress, Relationship
from tests.town import (
    BABY,
    CHILD,
    EXPECTED,
    FATHER,
    GRANDFATHER,
    GRANDMOTHER,
    MOTHER,
    NOW,
    TEAMS,
    TODAY,
    TWIN,
    crn,
    fact,
    faulty,
    home,
    local,
    message,
    nhs,
)

OTHER_CHILD = replace(CHILD, key="s", identifiers=(nhs(8),), given=("Sid",), birth_date=TODAY - timedelta(days=2000))
UNBORN = Person(key="u", unborn=True, expected=EXPECTED)
CASE = Person(key="x", identifiers=(crn("X123456"),))
FAMILY = (MOTHER, FATHER, GRANDMOTHER, GRANDFATHER, CHILD, OTHER_CHILD, BABY, TWIN, UNBORN, CASE)
FORMS = (
    home("Flat 2, 10 High Street"),
    PostalAddress(lines=("FLAT 2", "10 HIGH ST.", "West Bromwich"), postcode="b706aa"),
    PostalAddress(lines=("Apartment 2", "10, High Street", "West Midlands"), postcode="B70  6AA"),
    PostalAddress(lines=("2/10 High St, B70 6AA",)),
)
"""One address in four forms."""
PLACES = (*FORMS, home("3 Elm Road", "NW1 1AA"), home("4 Elm Road", "NW1 1AA"))
EVENTS = (
    Event.PREGNANCY_BOOKING,
    Event.PREGNANCY_NOTIFICATION,
    Event.PREGNANCY_END,
    Event.BIRTH,
    Event.CHILD_CONTACT,
    Event.MEASUREMENT,
    Event.GP_REGISTRATION,
    Event.CHANGE_OF_ADDRESS,
    Event.IDENTIFIER_CHANGE,
    Event.DEATH,
    Event.SUPERVISION_START,
    Event.SUPERVISION_END,
    Event.HOUSEHOLD_UPDATE,
    Event.HOUSEHOLD_UPDATE,
    Event.INVOLVEMENT_END,
)
KINDS = {
    Event.IDENTIFIER_CHANGE: ("merge", "replaced", "unmerge", "sealed", None),
    Event.GP_REGISTRATION: ("registered", "removed", None),
    Event.DEATH: ("formal", "removal", None),
    Event.CHILD_CONTACT: ("antenatal", "other"),
}


def any_message(chance: Random, *, faithful: bool = False) -> tuple[Message, str]:
    """A message and its sender. `faithful`: everybody born carries their own numbers and particulars."""
    event = chance.choice(EVENTS)
    people = _people(chance, event, faithful=faithful)
    keys = [person.key for person in people]
    subjects = tuple(keys[: 1 if event is Event.BIRTH else chance.choice((1, 1, 2))])
    said = message(
        event,
        *people,
        id=f"any-{chance.randrange(10**9)}",
        subjects=subjects,
        kind=chance.choice(KINDS.get(event, (None,))),
        occurred=NOW + timedelta(days=chance.choice((0, 0, 1, 20, -3, 200))),
        relationships=_relationships(chance, keys),
        household=_household(chance, keys) if chance.random() < 0.6 else (),
        facts=_facts(chance, event, keys, faithful=faithful),
        labels=frozenset({"refuge"}) if chance.random() < 0.05 else frozenset(),
    )
    return said, chance.choice(sorted(TEAMS))


def _people(chance: Random, event: Event, *, faithful: bool) -> tuple[Person, ...]:
    chosen = chance.sample(FAMILY, chance.choice((1, 2, 3, 4)))
    if event is Event.BIRTH:
        born = [person for person in chosen if person in (BABY, TWIN, CHILD)] or [BABY]
        chosen = born + [person for person in chosen if person not in born and not person.unborn]
    return tuple(_told(chance, person, faithful=faithful) for person in chosen)


def _told(chance: Random, person: Person, *, faithful: bool) -> Person:
    """The person as somebody might tell of them: particulars missing, numbers wrong, an address in some form."""
    places = FORMS if faithful else PLACES
    addresses = (replace(chance.choice(places), protected=chance.random() < 0.1),) if chance.random() < 0.4 else ()
    person = replace(person, addresses=addresses)
    if faithful or person.unborn:
        return person
    numbers = (person.identifiers, person.identifiers, (), (faulty(chance.randrange(3)),), (nhs(chance.randrange(9)),))
    own = (local("trust", person.key),) if chance.random() < 0.3 else ()
    return replace(
        person,
        identifiers=(*chance.choice(numbers), *own),
        birth_date=chance.choice((person.birth_date, person.birth_date, None)),
        family=chance.choice((person.family, person.family, None)),
        deceased=True if chance.random() < 0.03 else None,
        protected=chance.random() < 0.04,
        practice=chance.choice((None, "M85001", "M85002")),
    )


def _relationships(chance: Random, keys: list[str]) -> tuple[Relationship, ...]:
    grown = [key for key in keys if key in ("m", "f", "mgm", "mgf", "x")]
    young = [key for key in keys if key in ("c", "s", "b", "t", "u")]
    kinds = (RelationshipKind.MOTHER, RelationshipKind.MOTHER, RelationshipKind.FATHER)
    said = [
        Relationship(person=one, kind=chance.choice(kinds), to=child)
        for one in grown
        for child in young
        if chance.random() < 0.5
    ]
    return tuple(said)


def _household(chance: Random, keys: list[str]) -> tuple[HouseholdMember, ...]:
    standings = (
        Standing.LIVES,
        Standing.LIVES,
        Standing.LIVES,
        Standing.SHARED_CARE,
        Standing.WILL_LIVE,
        Standing.LEFT,
    )
    days = (None, None, TODAY - timedelta(days=9), TODAY + timedelta(days=9))
    return tuple(
        HouseholdMember(person=key, standing=chance.choice(standings), since=chance.choice(days))
        for key in keys
        if chance.random() < 0.8
    )


def _facts(chance: Random, event: Event, keys: list[str], *, faithful: bool) -> tuple[Fact, ...]:
    said = []
    if event in (Event.PREGNANCY_BOOKING, Event.PREGNANCY_END) and chance.random() < 0.5:
        said.append(fact("number-of-fetuses", chance.choice((1, 2, 3))))
    if event is Event.PREGNANCY_BOOKING:
        said.append(fact("expected-date", EXPECTED + timedelta(days=chance.choice((0, 5, 90, 300)))))
    if event is Event.IDENTIFIER_CHANGE and not faithful:
        said.append(fact("previous-nhs-number", nhs(chance.randrange(9)).value, keys[0]))
    return tuple(said)
