"""What must never be found in the database, whatever happens in a story: each kind counted by a query of its own."""

import sqlalchemy as sa
from sqlmodel import Session, col

from broker.domain.states import GONE, ExpectationState
from broker.domain.tasks import TERMINAL
from broker.storage import expectations
from broker.storage.tables import Escalation, Expectation, Person, Task


def broken(session: Session) -> dict[str, int]:
    """In words → how many there are."""
    return {
        "rungs were climbed after the task had ended": _count(session, _rungs_after_the_end()),
        "tasks were told of as not delivered after they had come or ended": _count(session, _undelivered_after_all()),
        "tasks ask for what nobody expects any more": _count(session, _asked_in_vain()),
        "expectations are of somebody of whom nothing may be expected": _count(session, _of_the_gone()),
        "expectations were met in time and asked for all the same": _count(session, _met_and_missed()),
    }


def _count(session: Session, query: sa.Select[str]) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0


def _rungs_after_the_end() -> sa.Select[str]:
    ended = sa.and_(col(Task.status).in_(TERMINAL), col(Escalation.at) > col(Task.changed_at))
    return sa.select(col(Escalation.id)).join(Task, col(Task.id) == col(Escalation.task_id)).where(ended)


def _undelivered_after_all() -> sa.Select[str]:
    came = col(Task.undelivered_at) > col(Task.delivered_at)
    ended = sa.and_(col(Task.status).in_(TERMINAL), col(Task.undelivered_at) > col(Task.changed_at))
    return sa.select(col(Task.id)).where(sa.or_(came, ended, col(Task.undelivered_at) > col(Task.answered_at)))


def _asked_in_vain() -> sa.Select[str]:
    over = sa.and_(col(Expectation.state).not_in(expectations.OPEN), col(Task.status).not_in(TERMINAL))
    return sa.select(col(Expectation.id)).join(Task, col(Task.id) == col(Expectation.task_id)).where(over)


def _of_the_gone() -> sa.Select[str]:
    gone = sa.and_(col(Expectation.state).in_(expectations.OPEN), col(Person.state).in_(GONE))
    return sa.select(col(Expectation.id)).join(Person, col(Person.id) == col(Expectation.person_id)).where(gone)


def _met_and_missed() -> sa.Select[str]:
    return sa.select(col(Expectation.id)).where(
        col(Expectation.state) == ExpectationState.MET, col(Expectation.alerts) > 0
    )
