"""Children who are expected, or were born lately, and whom no general practice is known to have registered; who may see whom is decided elsewhere."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col

from broker.domain.states import PersonState, Unheld
from broker.storage.caseload import persons_of
from broker.storage.keyset import Position
from broker.storage.tables import PERSON_UNBORN, Person, Responsibility
from schemas.codes import Function


class BirthState(StrEnum):
    """Whether a child is born."""

    EXPECTED = "expected"
    BORN = "born"


class BirthSort(StrEnum):
    """The one order: by the day of birth, or on which it is expected."""

    DAY = "birth"


@dataclass(frozen=True, slots=True, kw_only=True)
class BirthQuery:
    """What is asked for."""

    now: datetime
    since: timedelta
    """Born at most so long ago."""
    state: BirthState | None = None
    team: str | None = None
    """Only of households in which this team works with somebody, or children it works with."""
    after: Position | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """A child without a practice that has said so."""

    person_id: str
    state: BirthState
    day: date
    """Of birth, or on which it is expected."""


_MIDNIGHT: Final = time(tzinfo=UTC)


def births(session: Session, query: BirthQuery) -> tuple[list[Birth], Position | None]:
    """One page, the earliest day first, and where the next begins."""
    expected = _columns(PersonState.UNBORN, col(Person.expected), BirthState.EXPECTED).where(sa.text(PERSON_UNBORN))
    born = _columns(PersonState.LIVING, col(Person.born), BirthState.BORN).where(
        col(Person.born) >= (query.now - query.since).date(), sa.not_(_registered())
    )
    wanted = {BirthState.EXPECTED: expected, BirthState.BORN: born}
    parts = [part.where(*_narrowed(query)) for state, part in wanted.items() if query.state in (None, state)]
    found = sa.union_all(*parts).subquery()
    statement = sa.select(found).order_by(found.c.day, found.c.id).limit(query.limit + 1)
    if query.after is not None:
        last = query.after.value.date()
        same = sa.and_(found.c.day == last, found.c.id > query.after.row_id)
        statement = statement.where(found.c.day >= last, sa.or_(found.c.day > last, same))
    rows = [Birth(person_id=id_, state=BirthState(state), day=day) for id_, state, day in session.execute(statement)]
    page = rows[: query.limit]
    more = len(rows) > query.limit
    return page, Position(datetime.combine(page[-1].day, _MIDNIGHT), page[-1].person_id) if more else None


def _columns(state: PersonState, day: Any, called: BirthState) -> sa.Select[Any, Any, Any]:  # noqa: ANN401 - a column
    shown = sa.select(col(Person.id).label("id"), sa.literal(called.value).label("state"), day.label("day"))
    return shown.where(col(Person.state) == state, day.is_not(None))


def _registered() -> sa.ColumnElement[bool]:
    """A practice is responsible, or one that the directory does not name."""
    row = Responsibility
    held = sa.select(col(row.id)).where(
        col(row.person_id) == col(Person.id),
        col(row.function) == Function.GENERAL_PRACTICE,
        col(row.until).is_(None),
        sa.or_(col(row.team_id).is_not(None), col(row.unheld) == Unheld.ELSEWHERE),
    )
    return held.exists()


def _narrowed(query: BirthQuery) -> list[sa.ColumnElement[bool]]:
    return [] if query.team is None else [col(Person.id).in_(persons_of(query.team))]
