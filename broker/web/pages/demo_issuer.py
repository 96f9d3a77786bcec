"""The issuer of the demonstration: whoever opens it chooses who to be. It is there with `--demo` alone, and all its people are invented."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from broker.web.pages.issuers import DEMONSTRATION, Asking, NotSignedIn

LASTS: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Given:
    subject: str
    challenge: str
    nonce: str
    until: datetime


@dataclass(slots=True)
class DemoIssuer:
    """Codes are kept in memory: the demonstration is one process."""

    name: str = DEMONSTRATION
    _codes: dict[str, _Given] = field(default_factory=dict)

    def address(self, asking: Asking, now: datetime) -> str:  # noqa: ARG002 - as the seam has it
        """Its page, here."""
        asked = {"state": asking.state, "nonce": asking.nonce, "code_challenge": asking.challenge}
        return f"/app/demo/people?{urlencode(asked)}"

    def choose(self, subject: str, challenge: str, nonce: str, now: datetime) -> str:
        """Somebody was chosen: the code with which the browser goes back."""
        code = secrets.token_urlsafe(32)
        self._codes = {held: given for held, given in self._codes.items() if given.until > now}
        self._codes[code] = _Given(subject, challenge, nonce, now + LASTS)
        return code

    def subject(self, code: str, asking: Asking, now: datetime, said: str = "") -> str:  # noqa: ARG002 - as the seam has it
        """Whoever was chosen; a code is good once, for a minute, and for the sign-in that asked for it."""
        given = self._codes.pop(code, None)
        if given is None or given.until <= now:
            raise NotSignedIn("the code is not known, or too old")
        if given.challenge != asking.challenge or given.nonce != asking.nonce:
            raise NotSignedIn("the code belongs to another sign-in")
        return given.subject
