"""What can go wrong, named by what its reader must do next; status codes live in `web/outcomes.py`.

    BatonError
    ├── Unauthenticated   get a token
    ├── Forbidden         ask for the scope
    ├── NotFound          look elsewhere: it is not there, or not for you
    ├── Unreadable        mend the format
    ├── Invalid           mend what it says
    ├── Conflict          look at what happened meanwhile; `allowed` says what can still be done
    ├── Stale             read again, then decide again
    ├── TooEarly          wait a moment and send the same again
    ├── TooMany           wait for as long as `wait` says, and go slower
    ├── TooSlow           send it again, faster
    ├── TooLarge          send less
    ├── Unsupported       send another media type
    ├── NotAcceptable     ask for another media type
    ├── Away              come back: the database does not answer
    │   └── Unsure        read whether it was done, then come back
    └── Misconfigured     mend the settings

The docstring of an error is its message unless one is given.
"""

from collections.abc import Sequence
from datetime import timedelta

from schemas.problem import Problem


class BatonError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None, *, problems: Sequence[Problem] = ()) -> None:
        """`message` never contains a value that a caller sent."""
        super().__init__(message or (type(self).__doc__ or "").strip())
        self.problems = tuple(problems)


class Unauthenticated(BatonError):
    """Credentials are missing, expired or revoked."""


class Forbidden(BatonError):
    """The caller's scopes do not allow this."""


class NotFound(BatonError):
    """There is nothing here for this caller."""


class Unreadable(BatonError):
    """The content could not be read."""


class Invalid(BatonError):
    """The content was understood but cannot be used."""


class Conflict(BatonError):
    """This is no longer possible."""

    def __init__(
        self, message: str | None = None, *, allowed: Sequence[str] = (), problems: Sequence[Problem] = ()
    ) -> None:
        """`allowed`: the moves that are still possible."""
        super().__init__(message, problems=problems)
        self.allowed = tuple(allowed)


class Stale(BatonError):
    """It was changed by somebody else since it was read."""


class TooEarly(BatonError):
    """The same message is still being handled."""


class TooMany(BatonError):
    """Too many calls: wait, and go slower."""

    def __init__(self, message: str | None = None, *, wait: timedelta) -> None:
        """`wait`: until the next will be taken."""
        super().__init__(message)
        self.wait = wait


class TooSlow(BatonError):
    """The body did not come in time."""


class TooLarge(BatonError):
    """The content is larger than is accepted."""


class Unsupported(BatonError):
    """This media type is not read here."""


class NotAcceptable(BatonError):
    """The answer cannot be given in the media type that was asked for."""


class Away(BatonError):
    """The database does not answer just now, and nothing was kept: send the same again shortly."""


class Unsure(Away):
    """It is not known whether this was kept. A message may be sent again as it is; for anything else, read first."""


class Misconfigured(BatonError):
    """A setting is missing or wrong."""
