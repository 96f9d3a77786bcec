"""The open tasks of `synthetic` with dates to keep: most of them later, some of them now; for timing the clock."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session

LATER = timedelta(days=30)
PAST = timedelta(hours=3)
"""How long ago what is due was due: the first rung of the usual ladder has come, the next has not."""


def set_dates(session: Session, due: int, now: datetime) -> None:
    """Nobody has answered any task; so many of them are due, all others in a month."""
    session.execute(
        text(
            "UPDATE task SET status = 'requested', reason_code = NULL, answered_at = NULL, level = 0, rungs = 3,"
            " due_at = :later, climbs_at = :later"
        ),
        {"later": now + LATER},
    )
    session.execute(
        text(
            "UPDATE task SET due_at = :past, climbs_at = :past WHERE id IN (SELECT id FROM task ORDER BY id LIMIT :due)"
        ),
        {"past": now - PAST, "due": due},
    )
