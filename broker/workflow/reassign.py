"""Give a task to another team of the agency: what that team gets to see with it is no more than it may (sharing principle 2).

The safeguarding lead of the agency who takes over what climbed to them gets what the owner had, and no more: docs/decisions/0022.
"""

from typing import Final
from uuid import uuid4

from sqlmodel import Session, col, select

from broker.domain.answers import Move
from broker.domain.states import DeliveryState, Purpose, View
from broker.domain.tasks import allowed
from broker.errors import Conflict
from broker.storage import deliveries, tasks
from broker.storage.tables import Delivery, Task
from broker.workflow.answer_effects import Step
from schemas.codes import Function

NEVER_TOLD = frozenset({DeliveryState.WITHHELD, DeliveryState.HELD, DeliveryState.CANCELLED})


def hand_over(step: Step) -> str | None:
    """Send the new owner what it needs; the delivery that carries the task now, None when it has a message of its own.

    Conflict when the notification was decided not to be for that team, or its function is another than the owner's
    and it was not told: who works otherwise may know otherwise, and reassigning is no way round that decision. Only the
    agency's own safeguarding lead may take it on without having been told, who answers for what all of its teams do.
    """
    carrier = step.task.row.delivery_id
    if carrier is None:
        _own_message(step)
        return None
    before = step.session.get_one(Delivery, carrier)
    known = _told_before(step.session, before.notification_id, step.moved.owner)
    if known is not None:
        return known.id if known.state not in NEVER_TOLD else _refuse(step)
    if _taken_over(step):
        return _same_again(step, before, *_TAKEN_OVER)
    teams = step.ctx.directory.teams
    if teams[step.moved.owner].function is not teams[step.task.row.owner_team_id].function:
        _refuse(step)
    return _same_again(step, before, *_HANDED_ON)


_HANDED_ON: Final = ("reassigned", "A team of your agency with the same function gave you its task.")
_TAKEN_OVER: Final = ("taken-over", "You took over a task that a team of your agency had not answered.")


def _taken_over(step: Step) -> bool:
    """Whether the safeguarding lead of the owner's agency takes to itself what climbed to it."""
    lead = step.ctx.directory.teams[step.team]
    mine = step.moved.owner == step.team != step.task.row.owner_team_id
    return mine and lead.function is Function.SAFEGUARDING_LEAD


def _told_before(session: Session, notification_id: str | None, team_id: str) -> Delivery | None:
    return session.exec(
        select(Delivery).where(
            col(Delivery.notification_id) == notification_id,
            col(Delivery.team_id) == team_id,
            col(Delivery.cause) == "",
        )
    ).first()


def _refuse(step: Step) -> str:
    possible = allowed(step.task.now(), step.team) - {Move.REASSIGN}
    raise Conflict(
        "That team may not see what this task is about.", allowed=[move.value for move in Move if move in possible]
    )


def _same_again(step: Step, before: Delivery, code: str, reason: str) -> str:
    """The notification for the new owner, as the old one had it."""
    row: dict[str, object] = {
        "id": str(uuid4()),
        "notification_id": before.notification_id,
        "team_id": step.moved.owner,
        "state": DeliveryState.READY,
        "purpose": Purpose.ACTION,
        "view": before.view,
        "reason_code": code,
        "reason": reason,
        "policy_version": step.ctx.policy.version,
        "known_to_sender": before.known_to_sender,
        "created_at": step.now,
    }
    deliveries.insert(step.session, [row])
    return str(row["id"])


def _own_message(step: Step) -> None:
    """The task alone, as its first owner got it."""
    task: Task = step.task.row
    cause = f"task:{task.id}"
    if _has(step.session, task.notification_id, step.moved.owner, cause):
        return
    row = tasks.message_row(
        notification_id=task.notification_id,
        team_id=step.moved.owner,
        cause=cause,
        purpose=Purpose.ACTION,
        view=View.EXISTENCE,
        reason_code="reassigned",
        reason="A team of your agency gave you its task.",
        policy_version=step.ctx.policy.version,
        now=step.now,
    )
    deliveries.insert(step.session, [row])


def _has(session: Session, notification_id: str | None, team_id: str, cause: str) -> bool:
    query = select(Delivery.id).where(
        col(Delivery.notification_id) == notification_id,
        col(Delivery.team_id) == team_id,
        col(Delivery.cause) == cause,
    )
    return session.exec(query).first() is not None
