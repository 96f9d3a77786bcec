"""What is expected of whom: opened once, met, ended or asked for, each on condition that it stands as it was read.

Of what comes and the clock that asks for it at the same moment one decides again: nothing is both met and asked for.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session, col, select, update

from broker.domain.expecting import Expected
from broker.domain.states import ExpectationState
from broker.storage import direct
from broker.storage.objects import Objects
from broker.storage.phrases import among
from broker.storage.prepared import Query
from broker.storage.store import Raced
from broker.storage.tables import Expectation, metadata

OPEN: Final = (ExpectationState.WAITING, ExpectationState.MISSED)
EXPECTATION: Final = metadata.tables["expectation"]
_IS_OPEN: Final = sa.text("expectation.state IN ('waiting', 'missed')")
"""In the words of `ix_expectation_open`: neither database uses a partial index for bound parameters."""
_OF: Final = EXPECTATION.c

_OPEN_ABOUT = Query(
    sa.select(EXPECTATION).where(among(_OF.person_id, "persons"), _IS_OPEN).order_by(_OF.due_at, _OF.id)
)
_SAME = Query(sa.select(_OF.rule, _OF.person_id, _OF.anchor).where(among(_OF.person_id, "persons")))


def due(session: Session, now: datetime, limit: int) -> list[Expectation]:
    """Those whose time has come, longest due first."""
    return _ROWS.read(session, _DUE, now=now, most=limit)


_ROWS = Objects(Expectation)
_DUE = Query(
    sa.select(EXPECTATION)
    .where(_OF.looks_at <= sa.bindparam("now", type_=_OF.looks_at.type))
    .order_by(_OF.looks_at, _OF.id)
    .limit(sa.bindparam("most", type_=sa.Integer()))
    .offset(0)
)


def open_about(session: Session, person_ids: Collection[str]) -> list[Expectation]:
    """Those still looked for about these persons, in the order in which they are due."""
    return _ROWS.read(session, _OPEN_ABOUT, persons=sorted(person_ids)) if person_ids else []


def caused_by(session: Session, notification_id: str) -> list[Expectation]:
    """Those that this notification opened and that are still looked for."""
    query = select(Expectation).where(Expectation.notification_id == notification_id, col(Expectation.state).in_(OPEN))
    return list(session.exec(query.order_by(col(Expectation.id))))


def met_by(session: Session, notification_id: str) -> list[Expectation]:
    """Those that this notification met."""
    return list(session.exec(select(Expectation).where(Expectation.met_by == notification_id)))


def of_task(session: Session, task_id: str) -> Expectation | None:
    """The one that a task asks for, while it is looked for."""
    query = select(Expectation).where(Expectation.task_id == task_id, col(Expectation.state).in_(OPEN))
    return session.exec(query).first()


def unknown(session: Session, found: Collection[Expected], notification_id: str) -> list[Expected]:
    """Those of them that were never opened, each once."""
    if not found:
        return []
    persons = sorted({one.person_id for one in found})
    known = {tuple(row) for row in direct.rows(session, _SAME, persons=persons)}
    fresh: dict[tuple[str, str, str], Expected] = {}
    for one in found:
        key = (one.rule.name, one.person_id, anchor(one, notification_id))
        if key not in known:
            fresh.setdefault(key, one)
    return list(fresh.values())


def anchor(one: Expected, notification_id: str) -> str:
    """What tells it from others of the same rule about the same person."""
    return notification_id if one.rule.anchored else ""


def add(session: Session, rows: Sequence[dict[str, object]]) -> None:
    """Open these, as `row` makes them."""
    direct.insert(session, EXPECTATION, rows)


def row(one: Expected, notification_id: str, owed_by: str, policy_version: str, now: datetime) -> dict[str, object]:
    """One that is waited for from now on."""
    return {
        "id": str(uuid4()),
        "rule": one.rule.name,
        "person_id": one.person_id,
        "anchor": anchor(one, notification_id),
        "notification_id": notification_id,
        "owed_by": owed_by,
        "state": ExpectationState.WAITING,
        "since": one.line.since,
        "after_seconds": int(one.line.after.total_seconds()),
        "not_before": one.not_before,
        "due_at": one.due_at,
        "looks_at": one.due_at,
        "alerts": 0,
        "met_by": None,
        "ended_at": None,
        "policy_version": policy_version,
        "opened_at": now,
    }


def met(notification_id: str, now: datetime) -> dict[str, Any]:
    """Values of a new row whose event had come before it was expected."""
    return {"state": ExpectationState.MET, "met_by": notification_id, "looks_at": None, "ended_at": now}


def meet(session: Session, one: Expectation, notification_id: str, now: datetime) -> None:
    """What was expected has come."""
    state = ExpectationState.MET_LATE if one.alerts else ExpectationState.MET
    _change(session, one, state=state, met_by=notification_id, looks_at=None, ended_at=now)


def end(session: Session, one: Expectation, state: ExpectationState, because: str, now: datetime) -> None:
    """Nobody looks for it any more."""
    _change(session, one, **_ended(state, because, now))


def move(session: Session, one: Expectation, due_at: datetime) -> None:
    """It is due at another time, by what is known now; one that was asked for already keeps the date of its next alert."""
    values: dict[str, Any] = {"due_at": due_at}
    if one.state == ExpectationState.WAITING:
        values["looks_at"] = due_at
    _change(session, one, **values)


def alert(session: Session, one: Expectation, task_id: str, next_at: datetime) -> None:
    """Its team is asked for it once more."""
    _change(session, one, state=ExpectationState.MISSED, alerts=one.alerts + 1, task_id=task_id, looks_at=next_at)


def look(session: Session, one: Expectation, at: datetime) -> None:
    """Look again then, and not before: it was put off with a reason."""
    _change(session, one, looks_at=at)


def wait_again(session: Session, one: Expectation, now: datetime) -> None:
    """What had met it was taken back: it is waited for as before."""
    state = ExpectationState.MISSED if one.alerts else ExpectationState.WAITING
    values = {"state": state, "met_by": None, "ended_at": None, "looks_at": max(one.due_at, now)}
    session.execute(update(Expectation).where(col(Expectation.id) == one.id).values(**values))


def _change(session: Session, one: Expectation, **values: Any) -> None:  # noqa: ANN401 - columns of the row
    """Raced when it is no longer as it was read."""
    given = {f"new_{name}": value for name, value in values.items()}
    as_read = {"id": one.id, "alerted": one.alerts, "looked": one.looks_at}
    if not direct.change(session, _changing(tuple(values)), **as_read, **given):
        raise Raced


@cache
def _changing(names: tuple[str, ...]) -> Query:
    unmoved = (
        _OF.id == sa.bindparam("id"),
        _OF.state.in_(OPEN),
        _OF.alerts == sa.bindparam("alerted"),
        _OF.looks_at == sa.bindparam("looked", type_=_OF.looks_at.type),
    )
    values = {name: sa.bindparam(f"new_{name}", type_=_OF[name].type) for name in names}
    return Query(sa.update(EXPECTATION).where(*unmoved).values(values))


def merge(session: Session, gone: str, into: str, now: datetime) -> None:
    """What was expected about the one is expected about the other; of two of a kind the survivor's goes on."""
    mine = select(Expectation.rule, Expectation.anchor).where(Expectation.person_id == into)
    kept = {tuple(found) for found in session.execute(mine)}
    theirs = select(Expectation).where(Expectation.person_id == gone).order_by(col(Expectation.id)).with_for_update()
    for one in session.exec(theirs.execution_options(populate_existing=True)).all():
        values: dict[str, Any] = {"person_id": into}
        if (one.rule, one.anchor) in kept:
            values["anchor"] = f"merged:{one.id}"
            if one.state in OPEN:
                values |= _ended(ExpectationState.ENDED, "merged", now)
        session.execute(update(Expectation).where(col(Expectation.id) == one.id).values(**values))


def _ended(state: ExpectationState, because: str, now: datetime) -> dict[str, Any]:
    return {"state": state, "ended_because": because, "looks_at": None, "ended_at": now}
