"""When work that repeats itself was last done, one row each; what is made of it is `workflow.watchdog`'s and `web.operations`'."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from broker.storage.tables import Pulse

WATCHDOG: Final = "watchdog"
CLOCK: Final = "clock"
_GATEWAY: Final = "gateway:"
REMEMBERED: Final = timedelta(hours=1)
"""How long the worst lateness is shown, so that whoever looks every few minutes sees it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one check found in the last pass."""

    count: int
    since: datetime
    """The first pass in a row that found something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The last pass of the watchdog. `found` by check; what found nothing is left out."""

    at: datetime
    found: Mapping[str, Found] = field(default_factory=dict)


def watched(session: Session) -> Watched | None:
    """The last pass of the watchdog; None when there was none yet."""
    row = session.exec(select(Pulse).where(col(Pulse.name) == WATCHDOG)).first()
    if row is None:
        return None
    found = {
        check: Found(count=one["count"], since=datetime.fromisoformat(one["since"])) for check, one in row.found.items()
    }
    return Watched(at=row.at, found=found)


def watch(session: Session, what: Watched) -> None:
    """The watchdog has made a pass."""
    found = {check: {"count": one.count, "since": one.since.isoformat()} for check, one in what.found.items()}
    _put(session, WATCHDOG, at=what.at, found=found)


def late(session: Session, now: datetime) -> timedelta:
    """How late the oldest thing was that the clock did within the last hour."""
    row = session.exec(select(Pulse).where(col(Pulse.name) == CLOCK)).first()
    if row is None or row.late_at is None or row.late_at + REMEMBERED < now:
        return timedelta()
    return timedelta(seconds=row.late_seconds)


def was_late(session: Session, how_late: timedelta, now: datetime) -> bool:
    """The clock did something so late. Of one catching up the worst is kept; whether this is it."""
    worst = late(session, now)
    _put(session, CLOCK, at=now, late_seconds=max(how_late, worst).total_seconds(), late_at=now)
    return how_late > worst


def gateway_worked(session: Session, name: str, now: datetime) -> None:
    """A gateway has looked, or listens, and the database answers."""
    _put(session, f"{_GATEWAY}{name}", at=now)


def gateways(session: Session) -> Mapping[str, datetime]:
    """When each gateway that ever ran last worked, by name."""
    rows = session.exec(select(Pulse.name, Pulse.at).where(col(Pulse.name).startswith(_GATEWAY)))
    return {name.removeprefix(_GATEWAY): at for name, at in rows}


def _put(session: Session, name: str, **values: Any) -> None:  # noqa: ANN401 - columns of the row
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {"name": name, "found": {}, "late_seconds": 0.0, **values}
    session.execute(insert(Pulse).values(row).on_conflict_do_update(index_elements=["name"], set_=values))
