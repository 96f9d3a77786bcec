"""A team's system reads a message of its mailbox, and says that it has it: each is a step, whoever asks; pages of it are storage's."""

from datetime import datetime

from sqlmodel import Session

from broker.domain.caller import Caller
from broker.storage import audit, outbox
from broker.workflow import acknowledge, outbound
from broker.workflow.context import Context


def fetch(session: Session, ctx: Context, caller: Caller, delivery_id: str, now: datetime) -> bytes:
    """The message as the team may see it now; that it was read is in the audit, and nothing more follows."""
    body = outbound.compose(session, ctx, delivery_id, now).body
    audit.record(session, action="read", entity="delivery", entity_id=delivery_id, caller=caller, now=now)
    return body


def has_arrived(session: Session, ctx: Context, caller: Caller, delivery_id: str, now: datetime) -> None:
    """The team's system says that it has it: the first time counts, and it means delivered and nothing more."""
    if outbox.delivered(session, delivery_id, now=now):
        acknowledge.mark_delivered(session, ctx.codec, delivery_id, now)
        audit.record(session, action="acknowledge", entity="delivery", entity_id=delivery_id, caller=caller, now=now)
