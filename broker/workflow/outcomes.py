"""Tell the other side of a task what became of it: a message row for whoever waits; how it looks lives in `outbound`."""

from datetime import datetime

from sqlmodel import Session

from broker.domain.answers import Move
from broker.domain.states import Purpose, View
from broker.storage import deliveries, tasks
from broker.storage.codec import Codec
from broker.storage.task_values import EVERYTHING, Happened, Stored
from broker.workflow.context import Context

TOLD = frozenset(Move) - {Move.OPEN, Move.ASK}
"""Moves that the other side gets a message about. An opening is no outcome and shows on the task; a question is a task."""


def tell(session: Session, ctx: Context, task: Stored, to: str | None, version: int, now: datetime) -> None:
    """A message about what happened to the task at this version; none when nobody waits who may know."""
    if to is None:
        return
    notification_id = task.row.notification_id
    sender = tasks.senders(session, [notification_id]).get(notification_id) if notification_id else None
    row = tasks.message_row(
        notification_id=notification_id,
        team_id=to,
        cause=f"outcome:{task.row.id}:{version}",
        purpose=Purpose.INFORMATION,
        view=View.FULL if to == sender else View.EXISTENCE,  # the task alone goes to whoever did not send it
        reason_code="outcome",
        reason="The outcome of a task that your team has a part in.",
        policy_version=ctx.policy.version,
        now=now,
    )
    deliveries.insert(session, [row])


def others(task: Stored, mover: str) -> list[str]:
    """Who is told of a move: the requester of what the owner did, the owner of what the requester did, both of what a lead did."""
    sides = (task.row.owner_team_id, task.requester)
    return [team for team in sides if team is not None and team != mover]


def behind(session: Session, codec: Codec, cause: str) -> tuple[Stored, Happened] | None:
    """The task as it is now, and the event, that a delivery with this `cause` is about; None when it is about no task."""
    kind, _, rest = cause.partition(":")
    if kind not in ("task", "outcome", "escalated", "alert", "grown", *_AS_IT_IS):
        return None
    task_id, _, version = rest.partition(":")
    task = tasks.get(session, codec, task_id, EVERYTHING)
    if task is None:
        return None
    events = tasks.events(session, codec, task_id)
    if kind in _AS_IT_IS:
        return task, events[-1]
    return next((task, event) for event in events if event.version == int(version or 1))


_AS_IT_IS = ("reminded", "unopened")
"""Causes of messages that tell of no move."""
