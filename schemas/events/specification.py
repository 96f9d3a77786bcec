"""The words in which facts and events are specified; the specifications stand in the modules beside this one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.codes import CANONICAL, SYSTEMS, Category, Event, RelationshipKind


class Level(StrEnum):
    """What becomes of a message that lacks something."""

    REQUIRED = "required"  # refused (422): it could not be routed, or would say nothing
    EXPECTED = "expected"  # routed at once; the sender gets a warning and a `data-quality` task
    OPTIONAL = "optional"


class FactType(StrEnum):
    """Which values a fact takes, as types of `schemas.message.FactValue`."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    QUANTITY = "quantity"  # Decimal in the fact's unit
    DATE = "date"
    DATETIME = "datetime"  # a date where the time is not known
    CODE = "code"  # Coding of the fact's own value set
    CONCEPT = "concept"  # Coding of any system (SNOMED CT), or text
    TEXT = "text"
    # What is known, in words; or false: "asked, and nothing is known". Silence is neither (F5).
    STATEMENT = "statement"


class Whom(StrEnum):
    """Whom an event or a fact can be about."""

    CHILD = "child"  # born or unborn
    MOTHER = "mother"  # somebody pregnant or newly delivered, of any age
    ADULT = "adult"  # nobody's patient as a child; probation and CMHTs meet sixteen-year-olds, so no age limit of 18
    ANY = "any"


class Time(StrEnum):
    """Which time of the focus is the time of the event."""

    START = "start"  # the only one, or the start of its period
    END = "end"  # the end of its period
    HEADER = "header"  # none: the focus began earlier, or has no time


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """A closed list of codes with what each is called; published as a CodeSystem and a ValueSet of the same id."""

    id: str
    title: str
    codes: Mapping[str, str]
    system: str = ""

    def __post_init__(self) -> None:
        """The system follows from the id unless it is somebody else's."""
        object.__setattr__(self, "system", self.system or f"{CANONICAL}/CodeSystem/{self.id}")


def values_of(members: type[StrEnum], title: str) -> Values:
    """A value set of `schemas.codes` as `Values`, its codes named by themselves."""
    system = SYSTEMS[members]
    return Values(
        id=system.rsplit("/", 1)[-1],
        title=title,
        codes={member.value: member.value.replace("-", " ").capitalize() for member in members},
        system=system,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FactSpec:
    """One kind of fact.

    `category` decides who may see it; `adult_category`, where given, when it is said of an adult: what is care of a
    child is an adult's own health record (docs/sharing.md, principles 4 and 5). `unit` is UCUM. Outside `low..high` a
    number is taken but questioned. `also` are codes of other systems read as the same fact.
    """

    code: str
    text: str
    category: Category
    type: FactType
    adult_category: Category | None = None
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    binding: Values | None = None
    whom: Whom = Whom.ANY
    also: tuple[tuple[str, str], ...] = ()
    cites: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """The sub-kinds of an event, and whether one must be named."""

    values: Values
    level: Level = Level.OPTIONAL


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSpec:
    """What a message of one event must, should and may say.

    Facts of `required`, `expected` and `optional` are codes of FACTS; a fact about children is wanted for each child.
    `required_one_of` is content with any one. `expected_for` adds expected facts for a kind. `persons_have` and
    `persons_should_have` name elements of each subject (`address`, `birth_date`, `practice`, `deceased`).
    `relationships` are what somebody in the message should be to each child. `addressed` events must name a team
    or, by kind, a function; those that may be `answers` need not where they refer to what they answer. `ending_kinds` are kinds whose time is the end of the focus. `exhaustive` events pass on
    nothing but what is listed.
    """

    event: Event
    text: str
    cites: tuple[str, ...] = ()
    focus: str
    subject: Whom
    subject_level: Level = Level.REQUIRED
    many: bool = False
    kinds: Kinds | None = None
    required: tuple[str, ...] = ()
    required_one_of: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()
    expected_one_of: tuple[str, ...] = ()
    expected_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    persons_have: tuple[str, ...] = ()
    persons_should_have: tuple[str, ...] = ()
    relationships: tuple[RelationshipKind, ...] = ()
    household: Level = Level.OPTIONAL
    household_expected_for: tuple[str, ...] = ()
    reference: Level = Level.OPTIONAL
    addressed: bool = False
    answers: bool = False
    time: Time = Time.START
    ending_kinds: tuple[str, ...] = ()
    exhaustive: bool = False

    def facts(self) -> tuple[str, ...]:
        """Every fact code named, each once, the needed first."""
        of_kinds = tuple(code for codes in self.expected_for.values() for code in codes)
        named = self.required + self.required_one_of + self.expected + self.expected_one_of + of_kinds + self.optional
        return tuple(dict.fromkeys(named))
