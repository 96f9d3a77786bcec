"""Who counts as a second person where two are needed: nobody whom the first has just registered, or who has just registered the first."""

from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from broker.errors import Forbidden
from broker.storage import audit

SETTLED: Final = timedelta(days=7)
"""As long as an identity that was registered or changed stands in the audit before it counts: one administrator must not be two at once."""


def must_be(session: Session, first: str, second: str, now: datetime) -> None:
    """`first` and `second` as audits name callers. Forbidden when they are one, or one has set the other up within a week."""
    pairs = ((first, second), (second, first))
    if first == second or any(audit.has_set_up(session, by, whom, now - SETTLED) for by, whom in pairs):
        raise Forbidden(
            "Somebody else must do this, whom you have not registered or changed within a week, nor they you."
        )
