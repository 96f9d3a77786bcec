"""Every table with its keys and checks; queries live beside this file, one module a noun."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from broker.domain import handovers
from broker.domain.states import (
    AttemptOutcome,
    ChannelKind,
    DeliveryState,
    ExpectationState,
    HeldBy,
    InvolvementState,
    LookupState,
    MembershipState,
    MessageFormat,
    NotificationState,
    PersonState,
    PolicyState,
    Purpose,
    Unheld,
    View,
)
from broker.domain.terms import Nation
from broker.storage.types import Json, UtcDateTime, enum_type
from schemas.codes import Event, Function, Priority, RelationshipKind, Standing, TaskCode, TaskStatus

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING)


class Table(SQLModel):
    """Base of all tables: one metadata with a naming convention, so that migrations have stable names."""

    metadata: ClassVar[MetaData] = metadata


_NULL: dict[str, Any] = {"default": None, "nullable": True}
_NOT_NULL: dict[str, Any] = {"nullable": False}


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows of which `where` holds, on both databases."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


def _when(*, nullable: bool = False, index: bool = False) -> Any:  # noqa: ANN401 - SQLModel's Field returns Any
    return Field(sa_type=UtcDateTime, index=index, **(_NULL if nullable else _NOT_NULL))


def _sealed(*, nullable: bool = False) -> Any:  # noqa: ANN401 - as above
    """Bytes that only the codec reads."""
    return Field(sa_type=LargeBinary, **(_NULL if nullable else _NOT_NULL))


def _ref(target: str, *, nullable: bool = False, index: bool = True) -> Any:  # noqa: ANN401 - as above
    return Field(foreign_key=target, index=index, **(_NULL if nullable else _NOT_NULL))


def _late_ref(target: str) -> Any:  # noqa: ANN401 - as above
    """A reference checked at commit: rows about people are written before the notification that caused them."""
    return Field(
        default=None, sa_column_args=[ForeignKey(target, deferrable=True, initially="DEFERRED")], max_length=36
    )


# --- directory ------------------------------------------------------------------------------------------------


class Agency(Table, table=True):
    """An organisation: a trust, a practice, a probation provider, a council."""

    id: str = Field(primary_key=True, max_length=64)
    name: str
    ods_code: str | None = None


class Area(Table, table=True):
    """A local authority area: its calendar, its coverage, its partnership."""

    id: str = Field(primary_key=True, max_length=64)
    name: str
    nation: Nation = Field(
        default=Nation.ENGLAND, sa_type=enum_type(Nation, "nation"), sa_column_kwargs={"server_default": "england"}
    )
    """Whose bank holidays it keeps."""


class AreaPostcode(Table, table=True):
    """Which area a postcode district (outward code) lies in."""

    outward: str = Field(primary_key=True, max_length=4)
    area_id: str = _ref("area.id")


class Team(Table, table=True):
    """The unit of routing, delivery, access and exclusion."""

    id: str = Field(primary_key=True, max_length=64)
    agency_id: str = _ref("agency.id")
    function: Function = Field(sa_type=enum_type(Function, "function"), index=True)
    name: str
    ods_code: str | None = Field(default=None, index=True)
    area_id: str | None = _ref("area.id", nullable=True)
    telephone: str | None = None
    closed_at: datetime | None = _when(nullable=True)
    executive: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """It is that of the executive who answers for safeguarding in its agency."""
    hours: str | None = None
    """When somebody is there, as `domain.hours` reads it; None: never closed, as far as anybody has said."""
    honours_marks: bool = True
    """False when its system cannot keep a mark "not to be shown to patient or family": it gets pointers only."""


class Coverage(Table, table=True):
    """The team that provides a universal or statutory function in an area."""

    area_id: str = Field(foreign_key="area.id", primary_key=True)
    function: Function = Field(sa_column=Column(enum_type(Function, "coverage_function"), primary_key=True))
    team_id: str = _ref("team.id")


class Channel(Table, table=True):
    """How a team is told. The mailbox is always there; this row adds a push."""

    team_id: str = Field(foreign_key="team.id", primary_key=True)
    kind: ChannelKind = Field(sa_type=enum_type(ChannelKind, "channel_kind"))
    url: str | None = None
    """Where a webhook takes messages; an e-mail's `mailto:` address."""
    secret: bytes | None = _sealed(nullable=True)
    changed_at: datetime = _when()
    disabled_at: datetime | None = _when(nullable=True)
    """Nothing is pushed while this is set; what is due waits, is shown as a dead letter and goes out when it is enabled again."""
    rate_per_second: float | None = None
    """Most pushes a second that its system can take; None for no limit."""
    format: MessageFormat = Field(
        default=MessageFormat.FHIR,
        sa_type=enum_type(MessageFormat, "message_format"),
        sa_column_kwargs={"server_default": "fhir"},
    )


class ChannelHealth(Table, table=True):
    """How a team's push is doing: what holds it back, and what last came through, real or test."""

    team_id: str = Field(foreign_key="team.id", primary_key=True)
    failures: int = 0
    """Tries in a row that did not come through."""
    failing_since: datetime | None = _when(nullable=True)
    paused_until: datetime | None = _when(nullable=True)
    """The circuit breaker: until then nothing is claimed for the team, then one try decides. Nothing is dropped, no try used up."""
    send_from: datetime | None = _when(nullable=True)
    """The rate limit's theoretical arrival time (GCRA): from then on the team's share is whole again."""
    delivered_at: datetime | None = _when(nullable=True)
    """When its system last said that it has a message."""
    canary_id: str | None = Field(default=None, max_length=36)
    """The test message that was sent last."""
    canary_sent_at: datetime | None = _when(nullable=True)
    canary_at: datetime | None = _when(nullable=True)
    """When a test message last came through."""
    looked_at: datetime | None = _when(nullable=True)
    """When its system last asked for its mailbox, to the minute."""


class Client(Table, table=True):
    """A system that calls, bound to one team and a set of scopes."""

    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    name: str = Field(primary_key=True, max_length=64)
    team_id: str | None = _ref("team.id", nullable=True)
    jwks: dict[str, Any] = Field(sa_type=Json)
    scopes: str
    revoked_at: datetime | None = _when(nullable=True)
    issuer: str | None = None
    """An issuer outside whose access tokens are this client's; None: it signs for itself, with `jwks`."""
    subject: str | None = None
    """What that issuer calls it."""
    certificate_bound: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """It gets tokens by a connection with its certificate alone, and they are good by that certificate alone."""


class AccessToken(Table, table=True):
    """A bearer token we gave out, by its hash."""

    digest: str = Field(primary_key=True, max_length=64)
    client_name: str = _ref("client.name")
    scopes: str
    expires_at: datetime = _when(index=True)
    certificate: str | None = Field(default=None, max_length=43)
    """SHA-256 of the certificate without which it is no good (RFC 8705)."""


class UsedAssertion(Table, table=True):
    """A client assertion already used: `jti` kept until it expires, so that none is used twice."""

    client_name: str = Field(foreign_key="client.name", primary_key=True)
    jti: str = Field(primary_key=True, max_length=128)
    expires_at: datetime = _when(index=True)


# --- people and households --------------------------------------------------------------------------------------


PERSON_UNBORN = "person.state = 'unborn'"
"""Who is expected: the condition of `ix_person_expected`, to be asked for in these very words."""

PERSON_KNOWN = "person.erased_at IS NULL AND person.merged_into IS NULL"
"""Of whom something is known by itself: the condition of `ix_person_review`, to be asked for in these very words."""


class Person(Table, table=True):
    """Somebody a notification is about or who lives with them, an unborn child included. `details` is sealed JSON (names, dates)."""

    __table_args__ = (
        CheckConstraint("(state = 'merged') = (merged_into IS NOT NULL)", name="merged_has_target"),
        _partial("ix_person_expected", "expected", where="state = 'unborn'"),
        Index("ix_person_born", "born"),
        _partial("ix_person_review", "review_at", "created_at", where="erased_at IS NULL AND merged_into IS NULL"),
        _partial("ix_person_merged", "merged_into", where="merged_into IS NOT NULL"),
    )

    id: str = Field(primary_key=True, max_length=36)
    state: PersonState = Field(sa_type=enum_type(PersonState, "person_state"))
    born: date | None = None
    expected: date | None = None
    name_blind: str | None = Field(default=None, index=True, max_length=64)
    """Keyed hash of family name and date of birth, for finding possible duplicates."""
    details: bytes = _sealed()
    resolved: bool = True
    """False when only a case number is known, as probation sends it, until somebody says who it is."""
    merged_into: str | None = _ref("person.id", nullable=True, index=False)
    version: int = 1
    created_at: datetime = _when()
    review_at: datetime | None = _when(nullable=True)
    """When it is looked at again whether their time is over; None: it never was."""
    erased_at: datetime | None = _when(nullable=True)
    """When what was known of them was taken away, at the end of their retention: the row stays, empty."""


class Identifier(Table, table=True):
    """An identifier of a person as an agency asserted it at a time."""

    __table_args__ = (
        _partial("uq_identifier_binding", "system", "blind", unique=True, where="binding"),
        Index("ix_identifier_lookup", "system", "blind"),
    )

    id: str = Field(primary_key=True, max_length=36)
    person_id: str = _ref("person.id")
    system: str
    blind: str = Field(max_length=64)
    value: bytes = _sealed()
    verified: bool | None = None
    valid: bool
    """False when its check digit fails: kept, flagged, and matching nobody by itself."""
    binding: bool
    """True for the one assertion by which others find the person."""
    asserted_by: str = _ref("team.id", index=False)
    asserted_at: datetime = _when()
    ended_at: datetime | None = _when(nullable=True)


class Relationship(Table, table=True):
    """`person` is the `kind` of `to_person`, according to a team."""

    __table_args__ = (UniqueConstraint("person_id", "kind", "to_person_id"),)

    id: str = Field(primary_key=True, max_length=36)
    person_id: str = _ref("person.id")
    kind: RelationshipKind = Field(sa_type=enum_type(RelationshipKind, "relationship_kind"))
    to_person_id: str = _ref("person.id")
    asserted_by: str = _ref("team.id", index=False)
    asserted_at: datetime = _when()


class Household(Table, table=True):
    """Who lives together or shares care of a child. Its version rises with every change that routing depends on."""

    id: str = Field(primary_key=True, max_length=36)
    area_id: str | None = _ref("area.id", nullable=True, index=False)
    refuge: bool = False
    version: int = 1
    created_at: datetime = _when()


class Membership(Table, table=True):
    """A person in a household from when to when, according to whom. One current row for a person and household."""

    __table_args__ = (
        _partial(
            "uq_membership_open", "household_id", "person_id", unique=True, where="state IN ('current', 'proposed')"
        ),
        CheckConstraint("until IS NULL OR since IS NULL OR until >= since", name="until_after_since"),
    )

    id: str = Field(primary_key=True, max_length=36)
    household_id: str = _ref("household.id")
    person_id: str = _ref("person.id")
    standing: Standing = Field(sa_type=enum_type(Standing, "standing"))
    state: MembershipState = Field(sa_type=enum_type(MembershipState, "membership_state"))
    since: date | None = None
    until: date | None = None
    asserted_by: str = _ref("team.id", index=False)
    asserted_at: datetime = _when()
    notification_id: str | None = _late_ref("notification.id")
    ended_at: datetime | None = _when(nullable=True)
    """When it was recorded that it had ended; None of what ended before migration 0025."""


class Address(Table, table=True):
    """An address of a person as one agency holds it, with its history."""

    __table_args__ = (Index("ix_address_place", "place_blind"),)

    id: str = Field(primary_key=True, max_length=36)
    person_id: str = _ref("person.id")
    place_blind: str = Field(max_length=64)
    """Keyed hash of the normalised address: a change of format is no move."""
    value: bytes = _sealed()
    area_id: str | None = _ref("area.id", nullable=True, index=False)
    protected: bool = False
    asserted_by: str = _ref("team.id", index=False)
    asserted_at: datetime = _when()
    ended_at: datetime | None = _when(nullable=True)


class Involvement(Table, table=True):
    """A team working with a person, in which function, on what evidence."""

    __table_args__ = (_partial("uq_involvement_open", "team_id", "person_id", unique=True, where="state <> 'ended'"),)

    id: str = Field(primary_key=True, max_length=36)
    team_id: str = _ref("team.id")
    person_id: str = _ref("person.id")
    function: Function = Field(sa_type=enum_type(Function, "involvement_function"))
    state: InvolvementState = Field(sa_type=enum_type(InvolvementState, "involvement_state"))
    since: datetime = _when()
    renewed_at: datetime = _when()
    ended_at: datetime | None = _when(nullable=True)
    evidence: str
    """Event code that opened or last renewed it."""
    notification_id: str | None = _late_ref("notification.id")


class Responsibility(Table, table=True):
    """One period in which one team, or for a reason nobody, was responsible for a person in a function.

    It begins where its predecessor ends, and ends only where a successor begins: each names the other, and the reference
    to the predecessor carries its end. So no moment is without an answer and none has two.
    """

    __table_args__ = (
        _partial("uq_responsibility_now", "person_id", "function", unique=True, where="until IS NULL"),
        _partial("uq_responsibility_first", "person_id", "function", unique=True, where="previous_id IS NULL"),
        UniqueConstraint("previous_id"),
        UniqueConstraint("id", "previous_id"),
        UniqueConstraint("id", "person_id", "function", "until"),
        ForeignKeyConstraint(
            ["previous_id", "person_id", "function", "since"],
            ["responsibility.id", "responsibility.person_id", "responsibility.function", "responsibility.until"],
        ),
        ForeignKeyConstraint(
            ["next_id", "id"],
            ["responsibility.id", "responsibility.previous_id"],
            deferrable=True,
            initially="DEFERRED",
        ),
        Index("ix_responsibility_person", "person_id", "function"),
        Index("ix_responsibility_notification", "notification_id"),
        CheckConstraint("(until IS NULL) = (next_id IS NULL)", name="ends_at_a_successor"),
        CheckConstraint("(team_id IS NULL) = (unheld IS NOT NULL)", name="holder_or_reason"),
        CheckConstraint("until IS NULL OR until >= since", name="until_after_since"),
        CheckConstraint(
            "function IN ('midwifery', 'health-visiting', 'general-practice', 'mental-health', 'probation')",
            name="function_is_held",
        ),
    )

    id: str = Field(primary_key=True, max_length=36)
    person_id: str = _ref("person.id", index=False)
    function: Function = Field(sa_type=enum_type(Function, "responsibility_function"))
    team_id: str | None = _ref("team.id", nullable=True)
    unheld: Unheld | None = Field(default=None, sa_type=enum_type(Unheld, "unheld"))
    """Why nobody holds it; None while somebody does."""
    since: datetime = _when()
    """When it was recorded: nothing is backdated."""
    until: datetime | None = _when(nullable=True)
    occurred_at: datetime | None = _when(nullable=True)
    """When it happened, according to what made it known; may lie before `since`."""
    held_by: HeldBy = Field(sa_type=enum_type(HeldBy, "held_by"))
    """What made it so: a registration, an accepted transfer, an end."""
    notification_id: str | None = _late_ref("notification.id")
    task_id: str | None = _ref("task.id", nullable=True, index=False)
    """The line of the transfer that was confirmed."""
    previous_id: str | None = Field(default=None, max_length=36)
    next_id: str | None = Field(default=None, max_length=36)


# --- messages -----------------------------------------------------------------------------------------------------


class Notification(Table, table=True):
    """One received message: raw bytes kept, what it says beside it, and the first answer for when it comes again."""

    __table_args__ = (
        _partial("uq_notification_identity", "sender_team_id", "message_id", unique=True, where="state <> 'refused'"),
        _partial("uq_notification_refused", "sender_team_id", "content_hash", unique=True, where="state = 'refused'"),
        _partial("ix_notification_kept", "event", "received_at", where="shredded_at IS NULL"),
    )

    id: str = Field(primary_key=True, max_length=36)
    sender_team_id: str = _ref("team.id", index=False)
    message_id: str | None = Field(default=None, max_length=64)
    """MessageHeader.id, or the key an adapter documents; None when it could not be read."""
    via: str = "fhir"
    """How it came: `fhir` or the adapter's kind."""
    state: NotificationState = Field(sa_type=enum_type(NotificationState, "notification_state"))
    event: Event | None = Field(default=None, sa_type=enum_type(Event, "event"), index=True)
    kind: str | None = None
    priority: Priority = Field(default=Priority.ROUTINE, sa_type=enum_type(Priority, "priority"))
    occurred_at: datetime | None = _when(nullable=True)
    received_at: datetime = _when(index=True)
    raw: bytes = _sealed()
    content_type: str
    content_hash: str = Field(max_length=64)
    """Keyed hash of the content without Bundle.id, meta and timestamp."""
    content: bytes | None = _sealed(nullable=True)
    """What it says: the message value as sealed JSON, person keys replaced by person ids."""
    standing: str
    """What could be made of it: usable, unreadable, unroutable or ignored; the answer's status follows from it."""
    answer: bytes = _sealed()
    policy_version: str
    decided_on: dict[str, int] = Field(default_factory=dict, sa_type=Json)
    """Version of each household the routing decision read."""
    reference_id: str | None = _ref("notification.id", nullable=True)
    """The earlier notification this one withdraws, answers or replaces."""
    withdrawn_at: datetime | None = _when(nullable=True)
    shredded_at: datetime | None = _when(nullable=True)
    """When what it said was destroyed, at the end of its retention."""
    data_key: bytes | None = _sealed(nullable=True)
    """The key of `raw`, `content` and `answer`, wrapped, bound to id, sender and message id; None of before messages had keys, or shredded."""


class LegalHold(Table, table=True):
    """That what is about a person, or one message, is kept beyond its retention until somebody lifts it. `details` is sealed JSON (the reasons)."""

    __table_args__ = (
        CheckConstraint("(person_id IS NULL) <> (notification_id IS NULL)", name="person_or_notification"),
        CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="lifted_by_somebody"),
        _partial("ix_legalhold_person", "person_id", where="lifted_at IS NULL"),
        _partial("ix_legalhold_notification", "notification_id", where="lifted_at IS NULL"),
    )

    id: str = Field(primary_key=True, max_length=64)
    person_id: str | None = _ref("person.id", nullable=True, index=False)
    notification_id: str | None = _ref("notification.id", nullable=True, index=False)
    details: bytes = _sealed()
    placed_by: str
    placed_at: datetime = _when()
    lifted_by: str | None = None
    lifted_at: datetime | None = _when(nullable=True)


class SubjectRequest(Table, table=True):
    """That a person asks for what is held about them: made by one, reviewed by another. `details` is sealed JSON (who asks, why, what was decided)."""

    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'released', 'refused')", name="state"),
        CheckConstraint("(state = 'waiting') = (decided_by IS NULL)", name="decided_by_somebody"),
        CheckConstraint("decided_by IS NULL OR decided_by <> made_by", name="two_people"),
        CheckConstraint("export IS NULL OR state = 'released'", name="released_has_export"),
    )

    id: str = Field(primary_key=True, max_length=36)
    person_id: str = _ref("person.id")
    state: str
    details: bytes = _sealed()
    made_by: str
    made_at: datetime = _when(index=True)
    decided_by: str | None = None
    decided_at: datetime | None = _when(nullable=True)
    export: bytes | None = _sealed(nullable=True)
    """What was released, for as long as it is there to be fetched."""


class Rereading(Table, table=True):
    """A refused notification that was read again, because what reads it was mended: how often, and what became of it."""

    notification_id: str = Field(foreign_key="notification.id", primary_key=True, max_length=36)
    attempts: int
    at: datetime = _when()
    """When it was last read."""
    standing: str
    """What could be made of it then."""
    faults: list[list[str]] = Field(default_factory=list, sa_type=Json)
    """Path and reason of each error that it had then, in our own words."""
    became_id: str | None = _ref("notification.id", nullable=True, index=False)
    """The notification that it was taken as; None while it still cannot be read."""


class Subject(Table, table=True):
    """Who a notification is about; `named` persons only stand in it."""

    notification_id: str = Field(foreign_key="notification.id", primary_key=True)
    person_id: str = Field(foreign_key="person.id", primary_key=True, index=True)
    named: bool = False
    """False: the event is about this person. True: the message only names them."""


class Lookup(Table, table=True):
    """A question to a record elsewhere that a message leaves open: who a case number belongs to, or what an event points to.

    Written with the message, asked by a worker, and at most one is open for each team, client and thing asked for.
    """

    __table_args__ = (
        _partial("uq_lookup_open", "team_id", "client", "blind", unique=True, where="state = 'waiting'"),
        _partial("ix_lookup_next", "next_at", where="next_at IS NOT NULL"),
        CheckConstraint("(state = 'waiting') = (next_at IS NOT NULL)", name="waiting_is_asked"),
        CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name="waiting_has_no_end"),
    )

    id: str = Field(primary_key=True, max_length=36)
    notification_id: str = _ref("notification.id")
    """The message that left it open."""
    team_id: str = _ref("team.id", index=False)
    """On whose behalf: the team that sent it, whose word the answer is."""
    client: str = Field(max_length=64)
    """Which configured client is asked."""
    blind: str = Field(max_length=64)
    """Keyed hash of what is asked for."""
    asks: bytes = _sealed()
    """Sealed JSON: the identifier, or the address that the event gives."""
    state: LookupState = Field(sa_type=enum_type(LookupState, "lookup_state"))
    asked_at: datetime = _when()
    """When the message was accepted."""
    next_at: datetime | None = _when(nullable=True)
    """When it is asked next; while it is under way, when another worker may."""
    attempts: int = 0
    last: str = ""
    """What the last try came to, in words of ours."""
    told_at: datetime | None = _when(nullable=True)
    """When somebody was told that it stays unanswered."""
    kept_id: str | None = Field(default=None, max_length=36)
    """The record as a notification, where it could not be read."""
    ended_at: datetime | None = _when(nullable=True)


class Delivery(Table, table=True):
    """One notification for one team: told, held or withheld, because. This row is the outbox."""

    __table_args__ = (
        UniqueConstraint("notification_id", "team_id", "cause"),
        UniqueConstraint("team_id", "number"),
        _partial("ix_delivery_due", "team_id", "next_attempt_at", "number", where="next_attempt_at IS NOT NULL"),
        _partial(
            "ix_delivery_unnumbered",
            "team_id",
            where="number IS NULL AND state NOT IN ('withheld', 'held', 'cancelled')",
        ),
        _partial("ix_delivery_withheld", "created_at", "id", where="state = 'withheld'"),
        _partial("ix_delivery_waiting", "team_id", "number", where="state IN ('ready', 'sending', 'parked', 'sent')"),
        CheckConstraint("state <> 'sending' OR lease_until IS NOT NULL", name="sending_has_lease"),
        CheckConstraint("state <> 'delivered' OR delivered_at IS NOT NULL", name="delivered_has_time"),
        CheckConstraint("state NOT IN ('withheld', 'held') OR number IS NULL", name="only_told_is_numbered"),
    )

    id: str = Field(primary_key=True, max_length=36)
    notification_id: str | None = _ref("notification.id", nullable=True, index=False)
    """None: it tells of a task that is about no message (what the watchdog found, an emergency, a channel that fails)."""
    team_id: str = _ref("team.id", index=False)
    cause: str = ""
    """'' for the notification itself; `task:{id}` for a task of ours; `outcome:{task id}:{n}` for an outcome told to its requester; `escalated:{task id}:{n}` for one told because nobody answered; `alert:{task id}:{n}` for what still has not come; `grown:{task id}:{n}` for a pattern that has new evidence; `flag:{flag id}` and `flag-ended:{flag id}`; `withdrawn`; `unnamed:{task id}`, always withheld, for children whom a transfer does not name to its receiver until that task's owner agrees."""
    state: DeliveryState = Field(sa_type=enum_type(DeliveryState, "delivery_state"))
    purpose: Purpose = Field(sa_type=enum_type(Purpose, "purpose"))
    view: View = Field(sa_type=enum_type(View, "view"))
    reason_code: str
    """Which rule decided, e.g. `involved-with-child`, `universal-service`, `addressed`, `adult-only-function`."""
    reason: str
    """The same for people; without names."""
    policy_version: str
    known_to_sender: bool = False
    """Whether the sender may know that this team is a recipient (sharing principle 9)."""
    number: int | None = None
    """Mailbox number, gap-free per team, given after the commit."""
    created_at: datetime = _when()
    next_attempt_at: datetime | None = _when(nullable=True)
    """When a worker next has something to do with it; None when it waits in the mailbox alone, or is over."""
    lease_until: datetime | None = _when(nullable=True)
    attempts: int = 0
    sent_at: datetime | None = _when(nullable=True)
    delivered_at: datetime | None = _when(nullable=True)


class Attempt(Table, table=True):
    """One try to hand a delivery to its channel."""

    id: str = Field(primary_key=True, max_length=36)
    delivery_id: str = _ref("delivery.id")
    at: datetime = _when()
    outcome: AttemptOutcome = Field(sa_type=enum_type(AttemptOutcome, "attempt_outcome"))
    detail: str = ""
    wire_id: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """What the wire that took it calls it, where it can be asked what became of it (MESH)."""


class MailboxNumber(Table, table=True):
    """The last mailbox number given for a team."""

    team_id: str = Field(foreign_key="team.id", primary_key=True)
    last: int = 0


def _words(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


_NO_HANDOVER = f"code NOT IN ({_words(handovers.CODES)}) OR requester_team_id IS NULL"
HANDOVER = f"NOT ({_NO_HANDOVER})"
"""Which tasks are handovers. Written as one negation, so that SQLite does not take its parts for reasons to use other indexes."""
HANDOVER_OPEN = f"NOT ({_NO_HANDOVER} OR status NOT IN ({_words(handovers.UNANSWERED)}))"
"""Which of them no professional has answered: the condition of `ix_handover_open`, to be asked for in these very words."""


OF_TRANSFER = f"code IN ({_words((TaskCode.TRANSFER, TaskCode.CONFIRM_CHILD))})"
"""Which tasks are transfers or lines of them: the condition of `ix_task_of_transfer`, so that a person's other tasks are not looked at."""

TASK_OF_HOME = "task.notification_id IS NULL AND task.household_id IS NOT NULL"
"""Which tasks are about a household and no message: the condition of `ix_task_of_home`, to be asked for in these very words."""

TASK_UNCLIMBED = "climbs_at IS NULL AND due_at IS NOT NULL AND status NOT IN ('completed', 'rejected', 'cancelled', 'entered-in-error')"
"""Which open tasks have a date to keep and no next step: the condition of `ix_task_unclimbed`, to be asked for in these very words."""

TASK_UNTIMED = "deliver_by IS NOT NULL AND undelivered_at IS NULL AND delivered_at IS NULL AND opened_at IS NULL AND status = 'requested' AND (climbs_at IS NULL OR climbs_at > deliver_by)"
"""Which tasks have a time by which to be delivered and no step by then: the condition of `ix_task_untimed`, to be asked for in these very words.

None should be, so that the index is empty and costs nobody anything.
"""

TASK_PAST_STEP = (
    "climbs_at IS NOT NULL AND status NOT IN ('completed', 'rejected', 'cancelled', 'entered-in-error')"
    " AND (climbs_at > coalesce(progress_by, due_at)"
    " OR (climbs_at > remind_at AND (status <> 'accepted' OR code = 'agreed-action'))"
    " OR (climbs_at > open_by AND opened_at IS NULL AND status IN ('requested', 'received')))"
)
"""Open tasks at which the clock looks next only past one of their times: the condition of `ix_task_past_step`, to be asked for in these very words.

Of those that climb, and of those whose team was told that nobody has opened them, that is as it should be; whether it is so is counted out for each.
"""


class Task(Table, table=True):
    """Something a team must do by a time."""

    __table_args__ = (
        _partial(
            "ix_task_open",
            "owner_team_id",
            "due_at",
            where="status NOT IN ('completed', 'rejected', 'cancelled', 'entered-in-error')",
        ),
        _partial("ix_handover_open", "authored_at", "id", where=HANDOVER_OPEN),
        UniqueConstraint("dedupe_key"),
        CheckConstraint("status <> 'rejected' OR reason_code IS NOT NULL", name="rejected_has_reason"),
        _partial("ix_task_climbs", "climbs_at", where="climbs_at IS NOT NULL"),
        _partial("ix_task_unclimbed", "due_at", where=TASK_UNCLIMBED),
        _partial("ix_task_untimed", "deliver_by", where=TASK_UNTIMED),
        _partial("ix_task_past_step", "climbs_at", where=TASK_PAST_STEP),
        _partial("ix_task_covers", "covers_at", where="covers_at IS NOT NULL"),
        _partial("ix_task_of_transfer", "person_id", where=OF_TRANSFER),
        _partial("ix_task_of_home", "household_id", where="notification_id IS NULL AND household_id IS NOT NULL"),
        CheckConstraint("code <> 'agreed-action' OR due_at IS NOT NULL", name="agreed_action_has_due_date"),
    )

    id: str = Field(primary_key=True, max_length=36)
    code: TaskCode = Field(sa_type=enum_type(TaskCode, "task_code"))
    status: TaskStatus = Field(sa_type=enum_type(TaskStatus, "task_status"))
    business_status: str | None = None
    owner_team_id: str = _ref("team.id")
    requester_team_id: str | None = _ref("team.id", nullable=True)
    """The team that waits for the answer; None when Baton itself asks."""
    notification_id: str | None = _ref("notification.id", nullable=True)
    delivery_id: str | None = _ref("delivery.id", nullable=True, index=False)
    part_of: str | None = _ref("task.id", nullable=True)
    person_id: str | None = _ref("person.id", nullable=True)
    household_id: str | None = _ref("household.id", nullable=True, index=False)
    priority: Priority = Field(sa_type=enum_type(Priority, "task_priority"))
    reason_code: str | None = None
    """Coded reason of a decline or outcome."""
    dedupe_key: str | None = None
    """Names the one situation this task is for, so that it is raised once."""
    content: bytes = _sealed()
    """Sealed JSON: description, what it means here, notes, options, who holds it."""
    policy_version: str
    cites: str = ""
    authored_at: datetime = _when(index=True)
    due_at: datetime | None = _when(nullable=True)
    level: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How many rungs it has climbed because nobody answered."""
    climbs_at: datetime | None = _when(nullable=True)
    """When the clock must look at it next: to remind, because it is not delivered or nobody has opened it, or for the next rung; None when nothing is to come."""
    clocks: str | None = None
    """Its clocks as they were when it was raised (`domain.clocks`); None: of before they were kept, those of the policy in force."""
    rungs: int | None = None
    """How many rungs its ladder has."""
    deliver_within: str | None = None
    """How long its message may take to its team's system, as the policy had it when it was raised."""
    deliver_by: datetime | None = _when(nullable=True)
    """By when the team's system was to have it."""
    undelivered_at: datetime | None = _when(nullable=True)
    """When somebody was told that it had not."""
    open_by: datetime | None = _when(nullable=True)
    """By when somebody of the team was to have opened it."""
    remind_at: datetime | None = _when(nullable=True)
    """When the team is to be reminded; None when it has been, or need not be."""
    covers_at: datetime | None = _when(nullable=True)
    """When who stands in out of hours is to be told, if it is not answered; None when they have been, or need not be."""
    progress_by: datetime | None = _when(nullable=True)
    """Of an acknowledgement with agreed actions: by when it lapses unless one of them gets on."""
    delivered_at: datetime | None = _when(nullable=True)
    opened_at: datetime | None = _when(nullable=True)
    answered_at: datetime | None = _when(nullable=True)
    """When a professional acknowledged or declined."""
    changed_at: datetime = _when(index=True)
    version: int = 1


class TaskEvent(Table, table=True):
    """One move of a task: who, when, what. `detail` is sealed JSON."""

    __table_args__ = (UniqueConstraint("task_id", "version"),)

    id: str = Field(primary_key=True, max_length=36)
    task_id: str = _ref("task.id", index=False)
    version: int
    move: str
    at: datetime = _when()
    team_id: str | None = _ref("team.id", nullable=True, index=False)
    client_name: str | None = None
    detail: bytes = _sealed()


class Escalation(Table, table=True):
    """One rung that a task climbed: who was told when, or that nobody could be."""

    __table_args__ = (UniqueConstraint("task_id", "due_at", "level"),)

    id: str = Field(primary_key=True, max_length=36)
    task_id: str = _ref("task.id", index=False)
    level: int
    due_at: datetime = _when()
    """The due date that passed; an extension begins the ladder anew."""
    rung: str
    """Whom the ladder names (`domain.clocks.Target`); at level 0 and below what came before it: `opening`, `reminder`, `out-of-hours`."""
    team_id: str | None = _ref("team.id", nullable=True)
    """None: nobody was reachable on this rung."""
    channel: ChannelKind | None = Field(default=None, sa_type=enum_type(ChannelKind, "escalation_channel"))
    """How the team is told beside its mailbox; None where nobody was, and of before it was kept."""
    at: datetime = _when()


class Expectation(Table, table=True):
    """Something that should come about a person, from whom and by when; what was decided stays as it was decided."""

    __table_args__ = (
        UniqueConstraint("rule", "person_id", "anchor"),
        _partial("ix_expectation_looks", "looks_at", where="looks_at IS NOT NULL"),
        _partial("ix_expectation_open", "person_id", where="state IN ('waiting', 'missed')"),
        CheckConstraint("(state IN ('waiting', 'missed')) = (looks_at IS NOT NULL)", name="open_is_looked_at"),
        CheckConstraint("(state IN ('waiting', 'missed')) = (ended_at IS NULL)", name="open_has_no_end"),
        CheckConstraint("state <> 'missed' OR (alerts > 0 AND task_id IS NOT NULL)", name="missed_has_task"),
        CheckConstraint("(state IN ('met', 'met-late')) = (met_by IS NOT NULL)", name="met_by_something"),
        CheckConstraint("state <> 'met' OR alerts = 0", name="met_in_time_was_not_missed"),
    )

    id: str = Field(primary_key=True, max_length=36)
    rule: str = Field(max_length=64)
    """Its name in the policy."""
    person_id: str = _ref("person.id", index=False)
    anchor: str = ""
    """The notification that it follows, where each has one of its own; '' where there is one in a life."""
    notification_id: str = _ref("notification.id")
    """What made it expected."""
    owed_by: str
    """A team's id, or a function of which the team is found when it is asked."""
    state: ExpectationState = Field(sa_type=enum_type(ExpectationState, "expectation_state"))
    since: str
    """What its date counts from: event, birth or pregnancy."""
    after_seconds: int = Field(sa_type=BigInteger, nullable=False)
    not_before: datetime | None = _when(nullable=True)
    due_at: datetime = _when()
    looks_at: datetime | None = _when(nullable=True)
    """When the clock looks next: when it is due, then at each further alert."""
    alerts: int = 0
    """How often its team was asked for it."""
    task_id: str | None = _ref("task.id", nullable=True)
    met_by: str | None = _ref("notification.id", nullable=True)
    ended_because: str | None = None
    policy_version: str
    opened_at: datetime = _when()
    ended_at: datetime | None = _when(nullable=True)


class Practitioner(Table, table=True):
    """Somebody of a team, as its agency tells us: who holds what was agreed, and when they are not there. `details` is sealed JSON (name, role)."""

    __table_args__ = (_partial("ix_practitioner_hands_back", "hands_back_at", where="hands_back_at IS NOT NULL"),)

    team_id: str = Field(foreign_key="team.id", primary_key=True)
    id: str = Field(primary_key=True, max_length=64)
    details: bytes = _sealed()
    cover_id: str | None = Field(default=None, max_length=64)
    """Who of the same team does their work meanwhile."""
    absent_from: datetime | None = _when(nullable=True)
    absent_until: datetime | None = _when(nullable=True)
    shift_ends: datetime | None = _when(nullable=True)
    """Of bank staff: when they go."""
    left_at: datetime | None = _when(nullable=True)
    hands_back_at: datetime | None = _when(nullable=True)
    """When what they hold next goes back to the team; None when it has, or need not."""


class Account(Table, table=True):
    """Somebody who signs in to the pages. What they may do in a team comes from the team's own list of its people (`Seat`)."""

    id: str = Field(primary_key=True, max_length=64)
    subject_blind: str = Field(unique=True, max_length=64)
    """Keyed hash of the issuer and of its name for this person."""
    details: bytes = _sealed()
    """Sealed JSON: the name."""
    scopes: str = ""
    """Of auditors and administrators, who sit in no team."""
    issuer: str | None = None
    """Who says that it is them; None of accounts of earlier releases, which the one issuer of then speaks for."""
    revoked_at: datetime | None = _when(nullable=True)


class Seat(Table, table=True):
    """Which of a team's people an account is; one account may be somebody in several teams."""

    __table_args__ = (
        ForeignKeyConstraint(["team_id", "practitioner_id"], ["practitioner.team_id", "practitioner.id"]),
    )

    account_id: str = Field(foreign_key="account.id", primary_key=True, max_length=64)
    team_id: str = Field(primary_key=True, max_length=64)
    practitioner_id: str = Field(max_length=64, nullable=False)


class PageSession(Table, table=True):
    """One sign-in to the pages, by the hash of its cookie; it ends by being deleted."""

    digest: str = Field(primary_key=True, max_length=64)
    account_id: str = _ref("account.id")
    team_id: str | None = Field(default=None, max_length=64)
    """The team they act for at present; None: as auditor or administrator."""
    begun_at: datetime = _when()
    seen_at: datetime = _when(index=True)
    proved_at: datetime | None = _when(nullable=True)
    """When their issuer last made sure, at our word, that it is still them."""


class BreakGlass(Table, table=True):
    """For a while somebody reads one household that their team does not work with: who, why, until when. Insert-only."""

    __table_args__ = (Index("ix_breakglass_live", "account_id", "household_id", "until"),)

    id: str = Field(primary_key=True, max_length=36)
    account_id: str = _ref("account.id", index=False)
    team_id: str = _ref("team.id", index=False)
    household_id: str = _ref("household.id")
    reason: str
    """`domain.break_glass.Reason`."""
    details: bytes = _sealed()
    """Sealed JSON: who they are by name and role, and why in their words."""
    begun_at: datetime = _when()
    until: datetime = _when()


class Audit(Table, table=True):
    """Who did, read or was refused what, when. Insert-only but for `unsealed`; no personal data, ids only."""

    __table_args__ = (
        Index("ix_audit_team", "team_id", "at", "id"),
        _partial("ix_audit_search", "at", where="action = 'search'"),
        _partial("ix_audit_unsealed", "at", "id", where="unsealed"),
    )

    id: str = Field(primary_key=True, max_length=36)
    at: datetime = _when(index=True)
    action: str
    """`receive`, `read`, `search`, `disclose`, `decide`, `answer`, `refuse`, `administer`."""
    outcome: str = "success"
    client_name: str | None = None
    team_id: str | None = None
    entity: str
    """Kind of thing: notification, task, person, household, delivery, team, client …"""
    entity_id: str | None = Field(default=None, index=True)
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    unsealed: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    """Waits for the sealer, which finds it by this however late its transaction committed. No part of what is sealed."""


class AuditLeaf(Table, table=True):
    """The place of one audit row in the Merkle tree, with the hash of what it said when it was sealed."""

    position: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    """Counts up from 0 without gaps."""
    audit_id: str = Field(foreign_key="audit.id", unique=True, nullable=False)
    hash: bytes


class AuditSeal(Table, table=True):
    """One signed tree head: the tree as it was after a batch."""

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    """Counts up from 1 without gaps."""
    size: int = Field(sa_type=BigInteger, unique=True, nullable=False)
    root: bytes
    peaks: bytes
    """Hashes of the perfect subtrees, the largest first: all that the next batch needs of those before it."""
    at: datetime = _when()
    complete: bool
    """Whether nothing that was committed was left for the next batch."""
    key: str = Field(max_length=16)
    """Which key signed: the beginning of the public key's SHA-256."""
    signature: bytes


class Pattern(Table, table=True):
    """Events that together are a reason to talk, in one household or about one person; open until somebody has.

    At most one is open for each rule and scope. It is closed by a recorded discussion, or ends with the last child that it was about.
    """

    __table_args__ = (
        CheckConstraint("(household_id IS NULL) <> (person_id IS NULL)", name="household_or_person"),
        CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name="closed_has_outcome"),
        _partial(
            "uq_pattern_open_household",
            "household_id",
            "rule",
            unique=True,
            where="closed_at IS NULL AND household_id IS NOT NULL",
        ),
        _partial(
            "uq_pattern_open_person",
            "person_id",
            "rule",
            unique=True,
            where="closed_at IS NULL AND person_id IS NOT NULL",
        ),
        Index("ix_pattern_household", "household_id"),
        Index("ix_pattern_person", "person_id"),
    )

    id: str = Field(primary_key=True, max_length=36)
    rule: str = Field(max_length=64)
    """Its name in the policy."""
    household_id: str | None = _ref("household.id", nullable=True, index=False)
    person_id: str | None = _ref("person.id", nullable=True, index=False)
    policy_version: str
    opened_at: datetime = _when()
    told_at: datetime = _when()
    """When its teams were last told of it; new evidence is told again only after a while."""
    closed_at: datetime | None = _when(nullable=True)
    outcome: str | None = Field(default=None, max_length=40)
    """What the discussion came to; `no-longer-current` or `merged` when there was none to be had."""


class PatternEvidence(Table, table=True):
    """A notification that counts towards a pattern."""

    pattern_id: str = Field(foreign_key="pattern.id", primary_key=True)
    notification_id: str = Field(foreign_key="notification.id", primary_key=True, index=True)
    added_at: datetime = _when()
    withdrawn_at: datetime | None = _when(nullable=True)
    """When its sender took it back: it is shown to nobody any more."""


class PatternTask(Table, table=True):
    """A task by which a team was asked about a pattern."""

    pattern_id: str = Field(foreign_key="pattern.id", primary_key=True)
    task_id: str = Field(foreign_key="task.id", primary_key=True, unique=True)


class PatternFlag(Table, table=True):
    """That a team holds a flag about a person because a pattern is open; withdrawn when it is closed."""

    __table_args__ = (
        _partial(
            "uq_patternflag_open", "pattern_id", "person_id", "team_id", unique=True, where="withdrawn_at IS NULL"
        ),
        Index("ix_patternflag_held", "team_id", "person_id"),
    )

    id: str = Field(primary_key=True, max_length=36)
    pattern_id: str = _ref("pattern.id", index=False)
    person_id: str = _ref("person.id")
    team_id: str = _ref("team.id", index=False)
    notification_id: str = _ref("notification.id", index=False)
    """The last event when it was raised; its messages hang on it."""
    opened_at: datetime = _when()
    withdrawn_at: datetime | None = _when(nullable=True)


class PatternLook(Table, table=True):
    """When the clock looks at a person again, because something that should follow an event may not have come by then."""

    rule: str = Field(primary_key=True, max_length=64)
    person_id: str = Field(foreign_key="person.id", primary_key=True)
    at: datetime = _when(index=True)


class PatternDue(Table, table=True):
    """A notification of which it is still to be seen what it makes of those before it: written with it, gone once that is done."""

    notification_id: str = Field(foreign_key="notification.id", primary_key=True, max_length=36)
    at: datetime = _when(index=True)
    changed: list[str] = Field(default_factory=list, sa_type=Json)
    """Households that changed by it."""


class Revision(Table, table=True):
    """A number that rises with every change of what processes keep in memory (the directory)."""

    name: str = Field(primary_key=True, max_length=64)
    number: int = 0


class KeyEpoch(Table, table=True):
    """A key-encryption key that was made active; the highest is the one under which is sealed. The keys themselves are never in the database."""

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    fingerprint: bytes
    """By which a process sees that the key it has under this number is the same."""
    activated_at: datetime = _when()
    done_at: datetime | None = _when(nullable=True)
    """When every row had been brought over to it."""
    progress: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    """Place (`table.column`) → the key of the last row that was brought over in this pass."""
    unreadable: int = 0
    """Rows that could not be opened and stay as they are."""
    forgotten_at: datetime | None = _when(nullable=True)
    """When its key was destroyed."""


class PolicyVersion(Table, table=True):
    """A policy that somebody proposed, with its effect on the last month; at most one is in force. Rows stay: decisions name their version."""

    __table_args__ = (
        _partial("uq_policy_version_active", "state", where="state = 'active'", unique=True),
        CheckConstraint("decided_by IS NULL OR state = 'rejected' OR decided_by <> proposed_by", name="two_people"),
    )

    id: str = Field(primary_key=True, max_length=36)
    version: str = Field(unique=True, max_length=64)
    text: str
    reason: str
    state: PolicyState = Field(sa_type=enum_type(PolicyState, "policy_state"))
    base_version: str = Field(max_length=64)
    """The version in force when it was proposed, against which it was simulated."""
    effect: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    """`workflow.policy_change.effect`: ids and counts, no personal data."""
    proposed_by: str = Field(max_length=128)
    proposed_at: datetime = _when()
    decided_by: str | None = Field(default=None, max_length=128)
    decided_at: datetime | None = _when(nullable=True)
    decision: str = ""
    """Why it was turned down."""


class Lease(Table, table=True):
    """Leases of single-runner work (mailbox sequencer, sealer, clock) by name."""

    name: str = Field(primary_key=True, max_length=64)
    holder: str
    until: datetime = _when()


class Pulse(Table, table=True):
    """When work that repeats itself was last done, and what it found: of the watchdog, of the clock, and of each gateway."""

    name: str = Field(primary_key=True, max_length=64)
    at: datetime = _when()
    found: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    """Of the watchdog: check → how many it found, and since when without a pass that found none."""
    late_seconds: float = 0.0
    """Of the clock: how late the oldest thing was, the worst of one catching up."""
    late_at: datetime | None = _when(nullable=True)
    """When it was so late."""
