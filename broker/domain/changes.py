"""What a message or an answer changes about people and households, as values; what each does to a world lives in `effects.py`, to rows in storage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeAlias

from broker.domain.states import MembershipState, PersonState
from schemas.codes import Function, RelationshipKind, Standing
from schemas.message import PostalAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Revise:
    """The stored persons and households that the other changes touch, with the version each was read at.

    Storage locks them, refuses when one has moved on, and raises them. A household stands here when something changed
    that routing reads: who belongs to it, where it is, who works with a member, whether a member lives.
    """

    people: Mapping[str, int]
    households: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddPerson:
    """Somebody not known before."""

    person_id: str
    state: PersonState
    born: date | None = None
    expected: date | None = None
    family: str | None = None
    given: tuple[str, ...] = ()
    gender: str | None = None
    practice: str | None = None
    birth_order: int | None = None
    resolved: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePerson:
    """What is now known of somebody; what is None or empty stays as it was."""

    person_id: str
    born: date | None = None
    expected: date | None = None
    family: str | None = None
    given: tuple[str, ...] = ()
    gender: str | None = None
    practice: str | None = None
    birth_order: int | None = None
    resolved: bool | None = None

    def says(self) -> Mapping[str, object]:
        """The fields that change, by name."""
        values = {name: getattr(self, name) for name in _DETAILS}
        return {name: value for name, value in values.items() if value is not None and value != ()}


_DETAILS = ("born", "expected", "family", "given", "gender", "practice", "birth_order", "resolved")


@dataclass(frozen=True, slots=True, kw_only=True)
class BecomeChild:
    """An unborn person was born; what else is known comes by `UpdatePerson`."""

    person_id: str
    born: date


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPregnancy:
    """An unborn person will not be born (principle 14: no more is said)."""

    person_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDied:
    """Somebody died, on that day if it is known."""

    person_id: str
    on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLives:
    """A death had been notified in error."""

    person_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealPerson:
    """Never to be linked, merged or re-keyed again (principle 11)."""

    person_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePersons:
    """`gone` turned out to be `into`: everything that hangs on it moves, and it keeps a pointer."""

    gone: str
    into: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertIdentifier:
    """An identifier as the sending team asserts it. `binding` makes it the one by which others find the person."""

    person_id: str
    system: str
    value: str
    valid: bool
    verified: bool | None
    binding: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRelationship:
    """`person_id` is the `kind` of `to`."""

    person_id: str
    kind: RelationshipKind
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHousehold:
    """A household that was not there before."""

    household_id: str
    area_id: str | None = None
    refuge: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SetArea:
    """Where a household is, as far as the directory's areas say; None: in none of them."""

    household_id: str
    area_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMembership:
    """Somebody belongs to a household, or is said to (`proposed`) until a person confirms it."""

    household_id: str
    person_id: str
    standing: Standing
    state: MembershipState
    since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmMembership:
    """A person confirmed what was proposed, or another statement did."""

    household_id: str
    person_id: str
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectMembership:
    """A person said no to what was proposed."""

    household_id: str
    person_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndMembership:
    """Somebody no longer belongs to a household."""

    household_id: str
    person_id: str
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertAddress:
    """A current address as the sending team holds it. `place` is the keyed hash of its normalised form."""

    person_id: str
    address: PostalAddress = field(repr=False)
    place: str
    area_id: str | None
    protected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAddress:
    """An address a team holds is no longer current."""

    person_id: str
    place: str
    held_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectAddress:
    """That address of that person is protected, whoever holds it."""

    person_id: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvolvement:
    """A team began to work with somebody, on the evidence of an event."""

    team_id: str
    person_id: str
    function: Function
    since: datetime
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewInvolvement:
    """New evidence of an involvement. `revives` when it had lapsed or was unconfirmed, so that routing sees a change."""

    team_id: str
    person_id: str
    at: datetime
    evidence: str
    revives: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EndInvolvement:
    """A team no longer works with somebody."""

    team_id: str
    person_id: str
    at: datetime


Change: TypeAlias = (
    Revise
    | AddPerson
    | UpdatePerson
    | BecomeChild
    | EndPregnancy
    | PersonDied
    | PersonLives
    | SealPerson
    | MergePersons
    | AssertIdentifier
    | AddRelationship
    | OpenHousehold
    | SetArea
    | OpenMembership
    | ConfirmMembership
    | RejectMembership
    | EndMembership
    | AssertAddress
    | EndAddress
    | ProtectAddress
    | OpenInvolvement
    | RenewInvolvement
    | EndInvolvement
)
