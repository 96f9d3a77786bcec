"""A team's system reads a message of its mailbox, and says that it has it: each is a step, whoever asks; pages of it are storage's."""

from datetime import datetime

from sqlmodel import Session

from broker.domain.caller import Caller
from broker.storage import audit, channel_health
from broker.workflow import deliver, outbound
from broker.workflow.context import Context
from broker.workflow.outbound import Composed


def fetch(session: Session, ctx: Context, caller: Caller, delivery_id: str, now: datetime) -> Composed:
    """The message as the team may see it now; that it was read is in the audit, and nothing more follows."""
    composed = outbound.compose(session, ctx, delivery_id, now)
    detail = {} if composed.patients is None else {audit.PATIENTS: list(composed.patients)}
    audit.record(
        session, action="read", entity="delivery", entity_id=delivery_id, caller=caller, now=now, detail=detail
    )
    return composed


def has_arrived(session: Session, ctx: Context, caller: Caller, delivery_id: str, now: datetime) -> None:
    """The team's system says that it has it: the first time counts, and it means delivered and nothing more."""
    if deliver.has_arrived(session, ctx, [delivery_id], now):
        audit.record(session, action="acknowledge", entity="delivery", entity_id=delivery_id, caller=caller, now=now)
        if caller.team is not None:
            channel_health.heard(session, [caller.team], now)
