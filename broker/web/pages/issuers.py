"""The seam to whoever says who somebody is: an OpenID Connect issuer (code flow with PKCE), and what a sign-in keeps meanwhile."""

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, Protocol

DEMONSTRATION: Final = "demonstration"
"""What the built-in issuer of `--demo` calls itself."""


class NotSignedIn(Exception):
    """The issuer did not say who this is; the reason is for our log and names nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One sign-in under way: kept in the browser until it comes back, and by nobody else."""

    state: str
    nonce: str
    verifier: str
    back: str
    """Our address to which the issuer sends the browser back."""
    since: datetime | None = None
    """They are to sign in again, whatever the issuer remembers, no earlier than then; None: they may be signed in there already."""

    @property
    def challenge(self) -> str:
        """What the issuer is told of the verifier (RFC 7636, S256)."""
        return urlsafe_b64encode(sha256(self.verifier.encode()).digest()).decode().rstrip("=")


def ask(back: str, since: datetime | None = None) -> Asking:
    """A new sign-in."""
    return Asking(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(64),
        back=back,
        since=since,
    )


class Issuer(Protocol):
    """What a sign-in needs of an issuer."""

    @property
    def name(self) -> str:
        """Its own name: a subject is somebody only together with it."""

    def address(self, asking: Asking, now: datetime) -> str:
        """Where the browser goes. NotSignedIn when the issuer cannot be asked."""

    def subject(self, code: str, asking: Asking, now: datetime, said: str = "") -> str:
        """Its name for whoever came back with this code. NotSignedIn when it does not say.

        `said`: who the answer says that it is from (RFC 9207); '' when it does not.
        """
