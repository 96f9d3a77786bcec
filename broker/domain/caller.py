"""Who is calling: a system bound to a team, or a person named by one; authorisation rules live in `sharing.py` and `web/auth.py`."""

from dataclasses import dataclass
from typing import Final

from schemas.message import Professional

PERSON: Final = "person:"
"""How `client` begins for somebody who signed in to the pages; what follows is the account's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A caller whose credentials were checked."""

    client: str
    team: str | None
    """Team id the client is bound to; None for clients that only administer or audit."""
    agency: str | None = None
    """The team's agency id."""
    scopes: frozenset[str] = frozenset()
    practitioner: Professional | None = None
    """The person a system answers for, as the agency asserts."""
    address: str | None = None
    """The network address that the call came from; for the audit alone."""

    def may(self, scope: str) -> bool:
        """Whether the scope was granted."""
        return scope in self.scopes
