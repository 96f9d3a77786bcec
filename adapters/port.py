"""What every adapter offers and what may come of it: outcomes of reading a native event, and of pushing to a team.

How one agency's format is read lives in that agency's own module; nothing here knows any format.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from schemas.message import Message
from schemas.problem import Problem


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


Translation: TypeAlias = Notifications | Quarantine | Ignored


class Adapter(Protocol):
    """Reads one kind of agency's events as its systems send them."""

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


@dataclass(frozen=True, slots=True)
class Taken:
    """The receiver confirmed that it has the message."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The receiver answered, and not with success."""

    status: int
    """HTTP status of the answer."""
    retry_after: float | None = None
    """Seconds the receiver asked us to wait."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No connection came about, so nothing was sent: trying again cannot deliver twice."""

    reason: str
    """Kind of failure in our words (`name-not-found`, `refused`, `tls`), never an address."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """It was sent and no answer came: the receiver may or may not have it, and the same id goes out again."""


PushOutcome: TypeAlias = Taken | Refused | Unreachable | Unanswered
