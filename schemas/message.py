"""What one message says, as plain values; how it looks in FHIR R4 lives in `schemas.bundle`, what each event requires in `schemas.events`.

Adapters yield a `Message`, the broker decides over a `Message`, and every recipient gets a reduced `Message` rendered to FHIR.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

from schemas.codes import Event, LawfulBasis, Priority, RelationshipKind, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """One asserted identifier; `verified` is what the sender says of it (PDS trace), None when it says nothing."""

    system: str
    value: str
    verified: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostalAddress:
    """An address as the sender holds it; `protected` means it must never be copied on (sharing principle 10)."""

    lines: tuple[str, ...] = ()
    postcode: str | None = None
    protected: bool = False
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody the message names. `unborn` persons have an `expected` date and no birth date."""

    key: str
    identifiers: tuple[Identifier, ...] = ()
    family: str | None = None
    given: tuple[str, ...] = ()
    birth_date: date | None = None
    birth_order: int | None = None
    gender: str | None = None
    unborn: bool = False
    expected: date | None = None
    deceased: datetime | date | bool | None = None
    addresses: tuple[PostalAddress, ...] = ()
    practice: str | None = None
    """ODS code of the general practice the person is registered with, according to the sender."""
    protected: bool = False
    """The sender marks the whole identity as protected (adoption, witness protection, gender reassignment)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """`person` is the `kind` of `to`; both are keys of persons in the message."""

    person: str
    kind: RelationshipKind
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdMember:
    """One line of a statement about who lives together."""

    person: str
    standing: Standing = Standing.LIVES
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """A coded value."""

    system: str
    code: str
    display: str | None = None


FactValue: TypeAlias = str | bool | int | Decimal | date | datetime | Coding


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact the message yields; its category stands in `schemas.events.FACTS`."""

    code: str
    value: FactValue
    about: str | None = None
    """Key of the person it is about; None when about the event as a whole."""
    unit: str | None = None
    """UCUM unit of a number: `g`, `cm`, `wk`."""
    at: datetime | date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Professional:
    """The named person behind a message, as the sending agency asserts it."""

    name: str | None = None
    role: str | None = None
    identifier: Identifier | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedParty:
    """Somebody whose agencies must not be told: whoever works with `person`, and the agency that employs them."""

    person: str
    """Key of the person."""
    employer: str | None = None
    """Directory id of an agency that employs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message in its own words. Keys refer to `people`; times are aware datetimes in UTC."""

    id: str
    event: Event
    sender: str | None
    """Sending team's directory id; None when the message leaves it to the caller's credentials."""
    occurred: datetime
    sent: datetime | None = None
    kind: str | None = None
    """Sub-kind of the event: `ContactKind`, `ConcernKind`, or what the event's specification lists."""
    subjects: tuple[str, ...]
    people: tuple[Person, ...]
    relationships: tuple[Relationship, ...] = ()
    household: tuple[HouseholdMember, ...] = ()
    facts: tuple[Fact, ...] = ()
    author: Professional | None = None
    basis: LawfulBasis | None = None
    priority: Priority = Priority.ROUTINE
    to: tuple[str, ...] = ()
    """Teams the sender addresses by id (referral, transfer, information-request); routing adds the rest."""
    reference: str | None = None
    """MessageHeader.id of the earlier message this one withdraws, answers or replaces."""
    conversation: str | None = None
    labels: frozenset[str] = frozenset()
    """Security labels as codes (`meta.security` of any part, the strictest), e.g. `NOPAT`, `held-for-release`, `R`."""
    kept_from: tuple[RestrictedParty, ...] = ()
    """Not to any agency of these persons, whatever a rule or the sender's address says (sharing principle 8)."""

    @property
    def weighed(self) -> frozenset[str]:
        """Keys of the persons round whom things must be known to decide who is told."""
        return frozenset((*self.subjects, *(party.person for party in self.kept_from)))

    def person(self, key: str) -> Person:
        """The person with that key; KeyError when the message names nobody so."""
        for person in self.people:
            if person.key == key:
                return person
        raise KeyError(key)
