"""A small invented area for tests of people and households: its teams, its families, and messages passing through matching and settling.

`Town` keeps its world in memory; the same messages against the databases are in tests/integration/test_people.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count

from broker.domain import matching
from broker.domain.changes import Revise
from broker.domain.households import Settlement, settle
from broker.domain.matching import Matches
from broker.domain.places import normalise
from broker.domain.rules import Policy
from broker.domain.states import MembershipState, PersonState
from broker.domain.world import Directory, KnownPerson, Team, World
from schemas.codes import Event, Function, RelationshipKind, Standing
from schemas.identifiers import CRN, NHS_NUMBER, local_system, synthetic_nhs_number
from schemas.message import Coding, Fact, HouseholdMember, Identifier, Message, Person, PostalAddress, Relationship
from tests.default_policy import default_policy

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TODAY = NOW.date()


def _team(name: str, agency: str, function: Function, **more: object) -> Team:
    return Team(id=name, agency_id=agency, function=function, name=name, **more)


TEAMS = {
    team.id: team
    for team in (
        _team("midwives", "trust", Function.MIDWIFERY, area_id="north"),
        _team("visitors", "trust", Function.HEALTH_VISITING, area_id="north"),
        _team("trust-lead", "trust", Function.SAFEGUARDING_LEAD),
        _team("south-visitors", "southtrust", Function.HEALTH_VISITING, area_id="south"),
        _team("practice", "gp", Function.GENERAL_PRACTICE, ods_code="M85001", area_id="north"),
        _team("other-practice", "gp2", Function.GENERAL_PRACTICE, ods_code="M85002", area_id="south"),
        _team("cmht", "mind", Function.MENTAL_HEALTH, area_id="north"),
        _team("probation", "hmpps", Function.PROBATION, area_id="north"),
        _team("probation-london", "hmpps", Function.PROBATION, area_id="south"),
        _team("prison", "prisons", Function.PRISON),
        _team("children", "council", Function.CHILDRENS_SOCIAL_CARE, area_id="north"),
        _team("children-lead", "council", Function.SAFEGUARDING_LEAD),
        _team("records", "records", Function.CHILD_HEALTH_INFORMATION),
        _team("refuge", "shelter", Function.DOMESTIC_ABUSE),
        _team("police", "police", Function.POLICE),
    )
}
DIRECTORY = Directory(
    teams=TEAMS,
    coverage={("north", Function.HEALTH_VISITING): "visitors", ("south", Function.HEALTH_VISITING): "south-visitors"},
    areas_by_outward={"B70": "north", "NW1": "south"},
)


def policy() -> Policy:
    """The default policy."""
    return default_policy()


def nhs(n: int, *, verified: bool | None = True) -> Identifier:
    """The n-th synthetic NHS number."""
    return Identifier(system=NHS_NUMBER, value=synthetic_nhs_number(n), verified=verified)


def faulty(n: int) -> Identifier:
    """An NHS number whose check digit is wrong."""
    value = synthetic_nhs_number(n)
    return Identifier(system=NHS_NUMBER, value=value[:-1] + str((int(value[-1]) + 1) % 10))


def local(agency: str, value: str) -> Identifier:
    """An agency's own number."""
    return Identifier(system=local_system(agency), value=value)


def crn(value: str) -> Identifier:
    """A case reference number of probation."""
    return Identifier(system=CRN, value=value)


def mother_of(mother: str, *children: str) -> tuple[Relationship, ...]:
    """She is the mother of each."""
    return tuple(Relationship(person=mother, kind=RelationshipKind.MOTHER, to=child) for child in children)


def father_of(father: str, *children: str) -> tuple[Relationship, ...]:
    """He is the father of each."""
    return tuple(Relationship(person=father, kind=RelationshipKind.FATHER, to=child) for child in children)


def lives(*persons: str, standing: Standing = Standing.LIVES, since: date | None = None) -> tuple[HouseholdMember, ...]:
    """Lines of a statement of who lives together."""
    return tuple(HouseholdMember(person=person, standing=standing, since=since) for person in persons)


def home(text: str = "10 High Street", postcode: str | None = "B70 6AA", **more: object) -> PostalAddress:
    """An address of one line."""
    return PostalAddress(lines=(text,), postcode=postcode, **more)


def fact(code: str, value: str | int | date | Coding, about: str | None = None) -> Fact:
    """One fact."""
    return Fact(code=code, value=value, about=about)


MOTHER = Person(
    key="m", identifiers=(nhs(1),), family="Ash", given=("Mary",), birth_date=date(1998, 4, 1), gender="female"
)
FATHER = Person(
    key="f", identifiers=(nhs(2),), family="Birch", given=("Frank",), birth_date=date(1996, 6, 2), gender="male"
)
GRANDMOTHER = Person(key="mgm", identifiers=(nhs(3),), family="Ash", given=("Grace",), birth_date=date(1970, 1, 3))
GRANDFATHER = Person(key="mgf", identifiers=(nhs(4),), family="Ash", given=("George",), birth_date=date(1968, 1, 4))
CHILD = Person(key="c", identifiers=(nhs(5),), family="Ash", given=("Cara",), birth_date=TODAY - timedelta(days=400))
BABY = Person(key="b", identifiers=(nhs(6),), family="Ash", given=("Baby",), birth_date=TODAY)
TWIN = Person(key="t", identifiers=(nhs(7),), family="Ash", given=("Baby",), birth_date=TODAY)
EXPECTED = TODAY + timedelta(days=120)

_ids = count(1)


def message(event: Event, *people: Person, **more: object) -> Message:
    """A message about the first of these people, now, unless `more` says otherwise."""
    said: dict[str, object] = {
        "id": f"message-{next(_ids)}",
        "event": event,
        "sender": None,
        "occurred": NOW,
        "subjects": tuple(person.key for person in people[:1]),
        "people": people,
    }
    return Message(**{**said, **more})


def living_at(person: Person, *addresses: PostalAddress) -> Person:
    """The person with these addresses."""
    return replace(person, addresses=addresses)


def moved(person: Person, *addresses: PostalAddress, **more: object) -> Message:
    """Somebody's address is said to have changed."""
    return message(Event.CHANGE_OF_ADDRESS, living_at(person, *addresses), **more)


def booking(mother: Person = MOTHER, expected: date | None = EXPECTED, *, fetuses: int = 1, **more: object) -> Message:
    """A pregnancy is booked."""
    facts = [fact("number-of-fetuses", fetuses)] + ([fact("expected-date", expected)] if expected else [])
    return message(Event.PREGNANCY_BOOKING, mother, **{"facts": tuple(facts), **more})


def birth(*babies: Person, mother: Person | None = MOTHER, **more: object) -> Message:
    """Babies are born."""
    keys = tuple(baby.key for baby in babies)
    people = (*babies, mother) if mother else babies
    relationships = mother_of(mother.key, *keys) if mother else ()
    return message(Event.BIRTH, *people, **{"subjects": keys, "relationships": relationships, **more})


def contact(child: Person = CHILD, *others: Person, **more: object) -> Message:
    """A planned contact."""
    return message(Event.CHILD_CONTACT, child, *others, **{"kind": "other", **more})


def statement(*members: tuple[HouseholdMember, ...], people: tuple[Person, ...], **more: object) -> Message:
    """Who lives together."""
    household = tuple(line for lines in members for line in lines)
    return message(Event.HOUSEHOLD_UPDATE, *people, **{"household": household, **more})


@dataclass
class Town:
    """A world in memory that messages change."""

    world: World = World(people={}, households={})  # noqa: RUF009 - a frozen value
    now: datetime = NOW
    sent: list[Settlement] = field(default_factory=list)
    matched: Matches = Matches(ids={}, new=frozenset())  # noqa: RUF009 - a frozen value
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def new_id(self) -> str:
        """Ids that sort in the order they were given."""
        return f"id-{next(self.ids):04d}"

    def send(self, said: Message, by: str = "visitors") -> Settlement:
        """A team sends the message; everybody known is a candidate, which is more than storage would offer."""
        sender = TEAMS[by]
        candidates = list(self.world.people.values())
        self.matched = matching.match(replace(said, sender=by), candidates, self.world, sender, self.new_id)
        settled = settle(
            matching.rekey(said, self.matched.ids),
            self.matched,
            self.world,
            sender=sender,
            directory=DIRECTORY,
            policy=policy(),
            now=self.now,
            place=normalise,
            new_id=self.new_id,
        )
        self.world = settled.world
        self.sent.append(settled)
        return settled

    def id(self, key: str) -> str:
        """Whom the key of the last message means."""
        return self.matched.ids[key]

    def person(self, key: str) -> KnownPerson:
        """The same, as known now."""
        return self.world.people[self.id(key)]

    def homes(self, person_id: str) -> list[set[str]]:
        """Members of each household the person currently belongs to."""
        return [set(self.world.members_of(home)) for home in self.world.households_of(person_id)]

    def standing(self, person_id: str) -> list[Standing]:
        """How the person stands to their households."""
        return [
            m.standing
            for m in self.world.memberships
            if m.person_id == person_id and m.state is MembershipState.CURRENT
        ]

    def living(self) -> list[KnownPerson]:
        """Everybody who was not merged."""
        return [person for person in self.world.people.values() if person.state is not PersonState.MERGED]


def revision(settled: Settlement) -> Revise:
    """What the settlement says it revises; it stands in front."""
    first = settled.changes[0]
    assert isinstance(first, Revise)
    return first


def codes(settled: Settlement) -> list[str]:
    """Task codes that were asked for, sorted."""
    return sorted(task.code.value for task in settled.tasks)
