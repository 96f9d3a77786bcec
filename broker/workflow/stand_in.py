"""An urgent task that meets a closed team goes to who stands in too, and stays the sender's (F6); it goes on being the team's."""

from datetime import datetime
from typing import Final

from sqlmodel import Session, col, select

from broker.domain import out_of_hours, standing_in
from broker.domain.routing import Routing, Told
from broker.domain.situation import situation
from broker.domain.states import DeliveryState
from broker.domain.tasks import TERMINAL
from broker.domain.wanted import TaskWanted
from broker.domain.world import Team
from broker.storage import deliveries, escalations, notifications
from broker.storage.tables import Notification, Task
from broker.storage.task_values import Stored
from broker.storage.world import load_world
from broker.workflow import incidents, raising, route, said
from broker.workflow.context import Context
from schemas.codes import Priority, TaskCode, TaskStatus

AT_ONCE: Final = 100
"""Tasks in one pass."""
RUNG: Final = "out-of-hours"
_OPEN: Final = (TaskStatus.REQUESTED, TaskStatus.RECEIVED)
"""Not in hand: nobody has answered, asked back, or said that it takes longer."""


def look(session: Session, ctx: Context, now: datetime) -> int:
    """One pass of the clock; how many tasks it looked at."""
    found = escalations.to_cover(session, ctx.codec, now, AT_ONCE)
    for task in found:
        _look(session, ctx, task, now)
    return len(found)


def _look(session: Session, ctx: Context, task: Stored, now: datetime) -> None:
    about = notifications.hold_standing(session, [task.row.notification_id] if task.row.notification_id else [])
    escalations.keep_time(session, task, covers_at=None)
    owner = ctx.directory.teams[task.row.owner_team_id]
    if task.row.status not in _OPEN or not about or out_of_hours.there(owner, now):
        return
    told = _tell(session, ctx, task, owner, now)
    escalations.record(session, task, [(RUNG, told)], now, now, first_level=escalations.BEFORE[RUNG])
    if told is None:
        words = "An urgent task has met a team that is closed, and nobody could be told who stands in for it."
        incidents.nobody_to_tell(session, ctx, task, owner, words, RUNG, now)
    _stays_the_senders(session, ctx, task, owner, now)


def _tell(session: Session, ctx: Context, task: Stored, owner: Team, now: datetime) -> str | None:
    """The team that stands in and knows of it now; None when nobody may or can be told."""
    notification = session.get_one(Notification, task.row.notification_id or "")
    message = said.now(session, ctx.codec, notification)
    sender = ctx.directory.teams[notification.sender_team_id]
    met = situation(
        message, load_world(session, ctx.codec, message.weighed), ctx.policy, sender, now, directory=ctx.directory
    )
    before = deliveries.decisions(session, notification.id)
    refused = deliveries.refused_by_lead(session, notification.id)
    for cover, team in ctx.policy.out_of_hours.standing_in(owner, message.event, message.kind, ctx.directory, now):
        if team.id == sender.id or before.get(team.id, DeliveryState.WITHHELD) is not DeliveryState.WITHHELD:
            return team.id
        decided = standing_in.decided(met, cover, team, task.row.priority, ctx.policy)
        if isinstance(decided, Told) and decided.state is DeliveryState.READY and team.id not in refused:
            deliveries.drop_withheld(session, notification.id, [team.id], now=now)
            route.write(session, ctx, notification.id, message, _only(decided, ctx.policy.version), now)
            return team.id
    return None


def _only(told: Told, policy_version: str) -> Routing:
    return Routing(told=(told,), withheld=(), tasks=(), households={}, problems=(), policy_version=policy_version)


def _stays_the_senders(session: Session, ctx: Context, task: Stored, owner: Team, now: datetime) -> None:
    """Once for a message, and not where its sender has a conversation to hold already. Who may not know of the team is asked nothing."""
    sender, notification_id = task.requester, task.row.notification_id
    if sender is None or notification_id is None or task.row.code != TaskCode.ACKNOWLEDGE:
        return
    held = select(Task.id).where(
        Task.notification_id == notification_id,
        Task.owner_team_id == sender,
        Task.code == TaskCode.SUPPLY_INFORMATION,
        col(Task.status).not_in(TERMINAL),
    )
    if session.scalar(held.limit(1)) is not None:
        return
    wanted = TaskWanted(
        code=TaskCode.SUPPLY_INFORMATION,
        owner=sender,
        description=standing_in.for_the_sender([owner]),
        dedupe_key=f"out-of-hours:{notification_id}:{sender}",
        notification_id=notification_id,
        person_id=task.row.person_id,
        priority=task.row.priority,
        due_at=ctx.policy.deadlines[Priority.ASAP].after(now, ctx.directory.teams[sender].calendar),
        cites="F6",
    )
    raising.raise_tasks(session, ctx, [wanted], now)
