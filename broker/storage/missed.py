"""What was expected about some persons and was asked for because it did not come in time; who may see it is decided elsewhere."""

from collections.abc import Collection

from sqlmodel import Session, col, select

from broker.domain.states import ExpectationState
from broker.storage.tables import Expectation

MISSED = (ExpectationState.MISSED, ExpectationState.MET_LATE, ExpectationState.ANSWERED)


def missed(session: Session, person_ids: Collection[str], rules: Collection[str]) -> list[Expectation]:
    """Those by these rules, the earliest due first. The rules are named so that the index by rule and person finds them."""
    if not person_ids or not rules:
        return []
    query = select(Expectation).where(
        col(Expectation.rule).in_(rules),
        col(Expectation.person_id).in_(person_ids),
        col(Expectation.state).in_(MISSED),
        col(Expectation.alerts) > 0,
    )
    return list(session.exec(query.order_by(col(Expectation.due_at), col(Expectation.id))))
