"""Receipts from teams' queues and from MESH: each says that a team's system has a message, which is delivered then as by its mailbox, and nothing more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from broker.domain.caller import Caller
from broker.domain.receipt import Receipt
from broker.storage import audit, canaries, channel_health
from broker.storage.audit import Entry
from broker.storage.tables import Delivery
from broker.workflow import deliver
from broker.workflow.context import Context

BY_QUEUE = "baton-receipts"
"""Client name in the audit of whoever sends receipts; which team's user it was, RabbitMQ vouches for."""
BY_MESH = "mesh-tracking"
"""The same of MESH, which says what the team's mailbox acknowledged."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a batch of receipts came to."""

    first: int
    """Delivered by it, or a test message that came through."""
    again: int
    """Said before, or the message was withdrawn meanwhile."""
    unknown: int
    """No message of ours; nothing can come of them, so they are taken off the queue."""
    refused: int
    """Another team's message."""


def record(
    session: Session, ctx: Context, receipts: Sequence[Receipt], now: datetime, *, client: str = BY_QUEUE
) -> Counted:
    """Write down what these say. Sent again, or by several processes at once, they change nothing more.

    `client`: who brings them, for the audit.
    """
    owners = _owners(session, {one.message_id for one in receipts})
    known = [one for one in receipts if one.message_id in owners]
    others = [one for one in receipts if one.message_id not in owners]
    tests = [one for one in others if canaries.came_through(session, one.message_id, now, one.team)]
    foreign = [one for one in known if one.team not in (None, owners[one.message_id])]
    own = sorted({one.message_id for one in known if one.team in (None, owners[one.message_id])})
    first = deliver.has_arrived(session, ctx, own, now)
    refused = [_entry(client, one.message_id, one.team, outcome="failure") for one in foreign]
    audit.record_each(session, [*(_entry(client, id_, owners[id_]) for id_ in first), *refused], now=now)
    channel_health.heard(session, {owners[id_] for id_ in first}, now)
    return Counted(len(first) + len(tests), len(own) - len(first), len(others) - len(tests), len(foreign))


def _owners(session: Session, ids: set[str]) -> dict[str, str]:
    """Whose these messages are; what a team was never told is no message."""
    rows = session.execute(
        sa.select(col(Delivery.id), col(Delivery.team_id)).where(
            col(Delivery.id).in_(ids), col(Delivery.number).is_not(None)
        )
    )
    return {id_: team for id_, team in rows}  # noqa: C416 - rows are not pairs to a type checker


def _entry(client: str, delivery_id: str, team: str | None, *, outcome: str = "success") -> Entry:
    return Entry(
        action="acknowledge",
        entity="delivery",
        entity_id=delivery_id,
        caller=Caller(client=client, team=team),
        outcome=outcome,
    )
