"""Withdraw a notification at its sender's word: what was not delivered stops, what was is recalled, open tasks end."""

from datetime import datetime
from uuid import uuid4

from sqlmodel import Session

from broker.domain.states import DeliveryState, Purpose, View
from broker.storage import deliveries, notifications, people, people_write
from broker.storage.tables import Notification
from broker.workflow import acknowledge, expect, patterns, transfer_review
from broker.workflow.context import Context


def withdraw(session: Session, ctx: Context, row: Notification, now: datetime) -> set[str]:
    """Take back a message at the word of the team that sent it; a second time changes nothing. Ids of the households that changed."""
    if row.withdrawn_at is not None:
        return set()
    notifications.withdraw(session, row.id, now)
    recalled = deliveries.withdraw(session, row.id, now)
    deliveries.insert(
        session,
        [
            {
                "id": str(uuid4()),
                "notification_id": row.id,
                "team_id": team_id,
                "cause": "withdrawn",
                "state": DeliveryState.READY,
                "purpose": Purpose.INFORMATION,
                "view": View.ENDED,
                "reason_code": "withdrawn",
                "reason": "You were told of this before, and its sender has taken it back.",
                "policy_version": ctx.policy.version,
                "known_to_sender": False,
                "created_at": now,
            }
            for team_id in recalled
        ],
    )
    acknowledge.cancel_for_notification(session, ctx, row.id, now)
    expect.taken_back(session, ctx, row.id, now)
    patterns.taken_back(session, ctx, row.id, now)
    homes = people_write.forget(session, row.id, now)
    transfer_review.review(session, ctx, people.members(session, homes), now)
    return homes
