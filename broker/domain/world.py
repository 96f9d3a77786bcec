"""What is known when a decision is taken, as plain values: the directory, people, households, who works with whom.

Storage fills these (`broker.storage.people`, `broker.storage.directory`); domain rules read them and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from broker.domain.hours import Hours
from broker.domain.states import InvolvementState, MembershipState, PersonState
from broker.domain.terms import EVERY_WEEKDAY, Calendar
from schemas.codes import Function, RelationshipKind, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A team of the directory."""

    id: str
    agency_id: str
    function: Function
    name: str
    ods_code: str | None = None
    area_id: str | None = None
    telephone: str | None = None
    closed: bool = False
    honours_marks: bool = True
    executive: bool = False
    """It is that of the executive who answers for safeguarding in its agency."""
    hours: Hours | None = None
    """When somebody is there; None: nobody has said that it is ever closed."""
    calendar: Calendar = field(default=EVERY_WEEKDAY, compare=False, repr=False)
    """The working days of its area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Agencies' teams and which team provides what where. A snapshot; `version` changes when any of it does."""

    teams: Mapping[str, Team]
    coverage: Mapping[tuple[str, Function], str]
    """(area id, function) → team id."""
    areas_by_outward: Mapping[str, str] = field(default_factory=dict)
    """Postcode district → area id."""
    version: int = 0
    _executives: Mapping[str, Team] = field(init=False, repr=False, compare=False)
    _practices: Mapping[str, Team] = field(init=False, repr=False, compare=False)
    _leads: Mapping[str, Team] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Look-ups made ready: a country has thousands of practices, and every message asks for some."""
        practices = {
            team.ods_code: team
            for team in self.teams.values()
            if team.ods_code and team.function is Function.GENERAL_PRACTICE
        }
        executives = [t for t in self.teams.values() if t.executive and not t.closed]
        open_leads = [
            t
            for t in self.teams.values()
            if t.function is Function.SAFEGUARDING_LEAD and not t.closed and not t.executive
        ]
        object.__setattr__(self, "_practices", practices)
        object.__setattr__(self, "_executives", {team.agency_id: team for team in reversed(executives)})
        object.__setattr__(self, "_leads", {team.agency_id: team for team in reversed(open_leads)})

    def provider(self, area_id: str | None, function: Function) -> Team | None:
        """The open team that provides `function` in the area; None when the directory names none."""
        team = self.teams.get(self.coverage.get((area_id or "", function), ""))
        return None if team is None or team.closed else team

    def practice(self, ods_code: str | None) -> Team | None:
        """The general practice with that ODS code."""
        return self._practices.get(ods_code or "")

    def safeguarding_lead(self, agency_id: str) -> Team | None:
        """The safeguarding lead's team of an agency."""
        return self._leads.get(agency_id)

    def executive(self, agency_id: str) -> Team | None:
        """The team of the executive who answers for safeguarding in an agency."""
        return self._executives.get(agency_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIdentifier:
    """An identifier somebody asserted; `asserted_by` is a team id."""

    system: str
    value: str
    valid: bool
    verified: bool | None
    asserted_by: str
    agency: str = ""
    """Agency of the asserting team."""
    binding: bool = False
    """The one assertion by which others find the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAddress:
    """A current address as one team holds it. `place` is the keyed hash of its normalised form."""

    place: str
    area_id: str | None
    protected: bool
    asserted_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPerson:
    """A stored person."""

    id: str
    state: PersonState
    born: date | None = None
    expected: date | None = None
    family: str | None = None
    given: tuple[str, ...] = ()
    gender: str | None = None
    resolved: bool = True
    practice: str | None = None
    """ODS code of the registered general practice, when known."""
    identifiers: tuple[KnownIdentifier, ...] = ()
    addresses: tuple[KnownAddress, ...] = ()
    birth_order: int | None = None
    """1 for the first of twins; None for single births and when nobody said."""
    also_born: tuple[date, ...] = ()
    """Dates of birth under which a person was known who turned out to be this one."""
    also_known: tuple[str, ...] = ()
    """Names (`matching.name_of`) of the same."""
    version: int = 1

    def age_days(self, now: datetime) -> int | None:
        """Age in whole days at `now`; None when the date of birth is not known."""
        return None if self.born is None else (now.date() - self.born).days


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRelationship:
    """`person_id` is the `kind` of `to`."""

    person_id: str
    kind: RelationshipKind
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownHousehold:
    """A household with the version that a decision reads."""

    id: str
    version: int
    area_id: str | None = None
    refuge: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMembership:
    """A person in a household. Only `current` ones route."""

    household_id: str
    person_id: str
    standing: Standing
    state: MembershipState
    since: date | None = None
    until: date | None = None
    asserted_by: str = ""
    asserted_at: datetime | None = field(default=None, compare=False)
    """When it was first said."""
    ended_at: datetime | None = field(default=None, compare=False)
    """When it was said that it has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownInvolvement:
    """A team working with a person (not ended)."""

    team_id: str
    person_id: str
    function: Function
    state: InvolvementState
    since: datetime
    renewed_at: datetime
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything within one hop of some persons: their households, those households' members, and the teams of all of them."""

    people: Mapping[str, KnownPerson]
    households: Mapping[str, KnownHousehold]
    memberships: tuple[KnownMembership, ...] = ()
    relationships: tuple[KnownRelationship, ...] = ()
    involvements: tuple[KnownInvolvement, ...] = ()

    def households_of(self, person_id: str) -> tuple[str, ...]:
        """Households the person currently belongs to, in stable order."""
        return tuple(
            sorted(
                m.household_id
                for m in self.memberships
                if m.person_id == person_id and m.state is MembershipState.CURRENT
            )
        )

    def members_of(self, household_id: str) -> tuple[str, ...]:
        """Persons who currently belong to the household, in stable order."""
        return tuple(
            sorted(
                m.person_id
                for m in self.memberships
                if m.household_id == household_id and m.state is MembershipState.CURRENT
            )
        )
