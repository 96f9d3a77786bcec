"""When time next brings something about, kind by kind, in one statement: the clock asks this before each pass, and mostly for nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session

from broker.storage import direct
from broker.storage.person_tables import PRACTITIONER, TASK
from broker.storage.prepared import Query
from broker.storage.tables import metadata


def _earliest(at: sa.Column[Any]) -> sa.ScalarSelect[Any]:
    """The condition is that of the partial index which answers it."""
    return sa.select(sa.func.min(at)).where(at.is_not(None)).scalar_subquery()


_TIMES: Final[Mapping[str, sa.Column[Any]]] = {
    "expect": metadata.tables["expectation"].c.looks_at,
    "pattern-look": metadata.tables["patternlook"].c.at,
    "pattern-due": metadata.tables["patterndue"].c.at,
    "hand-back": PRACTITIONER.c.hands_back_at,
    "stand-in": TASK.c.covers_at,
    "escalate": TASK.c.climbs_at,
}
_NEXT = Query(sa.select(*(_earliest(at).label(name.replace("-", "_")) for name, at in _TIMES.items())))


def read(session: Session) -> Mapping[str, datetime]:
    """The earliest time of each kind that has one to keep."""
    [found] = direct.rows(session, _NEXT)
    return {name: at for name, at in zip(_TIMES, found, strict=True) if at is not None}


def earliest(session: Session, *kinds: str) -> datetime | None:
    """The earliest time of these kinds; None when none of them has one to keep."""
    times = read(session)
    return min((times[kind] for kind in kinds if kind in times), default=None)
