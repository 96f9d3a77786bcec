"""Short ways to say what an example says."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from schemas.codes import Event, LawfulBasis, RelationshipKind, Standing
from schemas.events import FACTS, FactType, coded
from schemas.examples.cast import fixed_id
from schemas.message import Fact, FactValue, HouseholdMember, Message, Person, Professional, Relationship


def tell(
    name: str,
    event: Event,
    sender: str,
    occurred: datetime,
    *,
    subjects: Sequence[Person],
    people: Sequence[Person] = (),
    **said: Any,  # noqa: ANN401 - any other part of Message, typed there
) -> Message:
    """A message called `name`, sent twenty minutes after the event; the subjects come first among its people."""
    said.setdefault("basis", LawfulBasis.DIRECT_CARE)
    return Message(
        id=fixed_id(name),
        event=event,
        sender=sender,
        occurred=occurred,
        sent=occurred + timedelta(minutes=20),
        subjects=tuple(person.key for person in subjects),
        people=(*subjects, *people),
        **said,
    )


def when(year: int, month: int, day: int, hour: int = 10, minute: int = 0) -> datetime:
    """A time in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def fact(code: str, value: FactValue | float, about: Person | None = None, at: date | None = None) -> Fact:
    """A fact, in the unit its specification gives; a float becomes the decimal it is written as."""
    spec = FACTS[code]
    exact: FactValue = Decimal(str(value)) if spec.type is FactType.QUANTITY or isinstance(value, float) else value
    return Fact(code=code, value=exact, unit=spec.unit, about=None if about is None else about.key, at=at)


def choice(code: str, value: str, about: Person | None = None) -> Fact:
    """A fact that is a code of its value set."""
    return Fact(code=code, value=coded(code, value), about=None if about is None else about.key)


def mother(person: Person, *children: Person) -> tuple[Relationship, ...]:
    """She is the mother of each."""
    return related(RelationshipKind.MOTHER, person, *children)


def father(person: Person, *children: Person) -> tuple[Relationship, ...]:
    """He is the father of each."""
    return related(RelationshipKind.FATHER, person, *children)


def related(kind: RelationshipKind, person: Person, *others: Person) -> tuple[Relationship, ...]:
    """The person is the kind of each of the others."""
    return tuple(Relationship(person=person.key, kind=kind, to=other.key) for other in others)


def together(*people: Person, since: date | None = None) -> tuple[HouseholdMember, ...]:
    """They live in one household."""
    return tuple(HouseholdMember(person=person.key, since=since) for person in people)


def to_join(person: Person) -> HouseholdMember:
    """The person is going to live there."""
    return HouseholdMember(person=person.key, standing=Standing.WILL_LIVE)


def gone(person: Person, until: date) -> HouseholdMember:
    """The person lived there and has left."""
    return HouseholdMember(person=person.key, standing=Standing.LEFT, until=until)


MIDWIFE = Professional(name="Alison Frost", role="midwife")
SUPPORT_WORKER = Professional(name="Denise Holt", role="maternity-support-worker")
HEALTH_VISITOR = Professional(name="Farah Malik", role="health-visitor")
SANDWELL_HEALTH_VISITOR = Professional(name="Joanne Pike", role="health-visitor")
DOCTOR = Professional(name="Dr Anil Mehta", role="general-practitioner")
PAEDIATRICIAN = Professional(name="Dr Helen Ross", role="paediatrician")
PSYCHIATRIST = Professional(name="Dr Owen Price", role="consultant-psychiatrist")
CARE_COORDINATOR = Professional(name="Marcia Grant", role="care-coordinator")
LONDON_OFFICER = Professional(name="Peter Lowe", role="probation-practitioner")
OFFICER = Professional(name="Sandra Bishop", role="probation-practitioner")
SOCIAL_WORKER = Professional(name="Imran Aziz", role="social-worker")
