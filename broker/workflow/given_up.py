"""A wire that kept a message for a team says that nobody collected it: a person is told, and it is tried again a day later (invariant 3)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from broker.domain.states import AttemptOutcome
from broker.storage import outbox
from broker.storage.outbox import Tried
from broker.storage.tables import Delivery
from broker.workflow import undeliverable
from broker.workflow.context import Context

NOT_COLLECTED = "not-collected"
"""What the attempt says of it."""


def given_up(session: Session, ctx: Context, delivery_ids: Sequence[str], now: datetime, daily: timedelta) -> list[str]:
    """Park these, each with its `undeliverable` task; those of which it was not known. Said again, or after all delivered, nothing happens."""
    parked = outbox.not_delivered(session, delivery_ids, due=now + daily)
    tried = [Tried(delivery_id=id_, outcome=AttemptOutcome.REFUSED, detail=NOT_COLLECTED) for id_ in parked]
    outbox.attempted(session, tried, now=now)
    for id_ in parked:
        undeliverable.parked(session, ctx, id_, now)
    return parked


def reported(session: Session, ctx: Context, delivery_id: str, now: datetime, daily: timedelta) -> bool:
    """The same of one by the id that its report bears; False when no message of ours has that id."""
    if session.get(Delivery, delivery_id) is None:
        return False
    given_up(session, ctx, [delivery_id], now, daily)
    return True
