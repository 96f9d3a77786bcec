"""What every adapter offers and what may come of it: reading a native event, answering it in its own standard, pushing to a team.

How one agency's format is read lives in that agency's own module; nothing here knows any format.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias, runtime_checkable

from schemas.codes import ResponseReason
from schemas.message import Identifier, Message
from schemas.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A record elsewhere that an event leaves something to: asked for after it was accepted, of a client that is configured."""

    client: str
    """Which client answers, by its name in the settings: `probation-person`, `pds`. Nothing is asked while none of that name is set."""
    subject: Identifier | None = None
    """Whose record it is: the client makes its own address of it."""
    reference: str | None = None
    """The address that the event gives, without `subject`. Fetched only where it lies below the client's own base."""
    completes: bool = False
    """The record says more of this event, whoever it is about. Else it says who `subject` is, and who is known is not asked about."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a client answered, as it came."""

    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Notifications:
    """The event was read. One event may say several things: a sentence moved ends one supervision and starts another."""

    messages: tuple[Message, ...]
    """At least one. Their ids are valid FHIR ids and the same whenever the same event is read again."""
    warnings: tuple[Problem, ...]
    """What was repaired, assumed or left out; none of severity error."""
    key: str
    """What makes it the same event again, at most 64 characters; each adapter's docstring says of what it is made."""
    content_key: str
    """Digest of all the event says, without how it was carried. Same `key`, other `content_key`: not the same message."""
    lookups: tuple[Lookup, ...] = ()
    """What the messages leave open. They are routed by what they say, and again when it is known."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """The event was read, and what it says stands in a record elsewhere: it is kept, and told when the record has been read."""

    lookup: Lookup
    key: str
    """As that of Notifications; no message that `complete` makes has it as its id."""
    content_key: str
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The event could not be read, wholly or with enough certainty to tell anybody. At least one problem is an error."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """The event was understood and is none of Baton's business; each adapter lists these by type, with the reason."""

    reason: str
    """One sentence for the sender, without anything that came in."""
    key: str
    content_key: str


Translation: TypeAlias = Notifications | Pointer | Quarantine | Ignored
Completion: TypeAlias = Notifications | Quarantine | Ignored


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of an event as such: an infrastructure acknowledgement."""

    id: str
    """Of the answering message: a FHIR id, the same whenever this answer is made again."""
    at: datetime
    problems: tuple[Problem, ...] = ()
    """Errors that kept it from being used; none where it is on disk and was decided on."""
    by: str | None = None
    """ODS code of the organisation that answers, where it has one and the sender may know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a professional answered to what the event told: a business acknowledgement."""

    id: str
    """As of a receipt."""
    at: datetime
    accepted: bool
    reason: ResponseReason | None = None
    """Why, where the answer gives a coded reason."""
    by: str | None = None
    """As of a receipt."""


Acknowledgement: TypeAlias = Receipt | Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A message in an agency's own format."""

    body: bytes
    content_type: str
    """Media type with its character set: `application/fhir+xml; charset=utf-8`."""
    workflow: str | None = None
    """MESH workflow id by which its standard sends it; None: that of whatever the mailbox sends."""


class Adapter(Protocol):
    """Reads one kind of agency's events as its systems send them, and writes what these can read."""

    @property
    def kind(self) -> str:
        """Its name in `POST /adapters/{kind}/events`."""
        ...

    def translate(self, body: bytes, content_type: str | None, headers: Mapping[str, str]) -> Translation:
        """What the event says. Pure and total: the same bytes give the same answer, and no input raises.

        Args:
            body: the event as it came; the caller keeps it and has capped its size.
            content_type: the Content-Type header's value.
            headers: the other headers, names in lower case.

        `Message.sender` stays None: which team sends is known from the caller's credentials.
        """
        ...

    def render(self, message: Message) -> Rendered | None:  # noqa: ARG002 - none has one until it says so
        """Our notification in the agency's own format; None where that has no form for all that the message says.

        Pure: what is rendered and then translated yields the same message. `message` is the recipient's reduced copy.
        """
        return None

    def respond(self, answer: Acknowledgement, original: bytes, content_type: str) -> Rendered | None:  # noqa: ARG002 - as render
        """The answer to an event in its own standard; None where the event asks for none, or the standard has none.

        Pure and total, as `translate`. `original` is the event as it came, whatever became of it.
        """
        return None


@runtime_checkable
class Completing(Protocol):
    """Beside `Adapter`: an adapter that leaves something to a lookup."""

    def complete(self, body: bytes, content_type: str, lookup: Lookup, record: Record) -> Completion:
        """What the event says together with the record that its lookup brought. Pure and total, and without further lookups.

        A message whose id the sender has used is told already and left as it is; the others are taken as if it had sent
        them when the record came. Quarantine: the record cannot be read, or is of somebody else.
        """
        ...


@dataclass(frozen=True, slots=True)
class Taken:
    """The receiver confirmed that it has the message."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The receiver answered, and not with success."""

    status: int
    """HTTP status of the answer; of a mail server, its reply code."""
    retry_after: float | None = None
    """Seconds the receiver asked us to wait."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No connection came about, so nothing was sent: trying again cannot deliver twice."""

    reason: str
    """Kind of failure in our words (`name-not-found`, `refused`, `tls`), never an address."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """It was sent and no answer came (yet): the receiver may or may not have it, and without one the same id goes out again."""

    receipt_follows: bool = False
    """A wire has taken it, and the receiver's word comes later by another way: a receipt of a queue, a look into the mailbox."""
    within_seconds: float | None = None
    """How long the wire itself keeps it and says what became of it; None: it is sent again by the usual ladder."""
    wire_id: str = ""
    """What the wire calls it, where it can be asked what became of it."""


PushOutcome: TypeAlias = Taken | Refused | Unreachable | Unanswered


@dataclass(frozen=True, slots=True)
class Found:
    """A service answered a lookup with this record."""

    record: Record


@dataclass(frozen=True, slots=True)
class NotKnown:
    """There is no such record."""


@dataclass(frozen=True, slots=True)
class Several:
    """There is more than one, or it has moved: for a person to look at."""


@dataclass(frozen=True, slots=True)
class NotOurs:
    """The address that the message gives is not this service's, so it was not fetched."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """It did not answer, or not so that it can be used: it is asked again."""

    why: str
    """A status or a kind of failure, never an address."""


Answer: TypeAlias = Found | NotKnown | Several | NotOurs | NoAnswer
"""What comes of one lookup."""
