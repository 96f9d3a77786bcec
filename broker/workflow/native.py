"""What a team is told in its agency's own format instead of FHIR: receipts and answers to what came through an adapter, and our notifications.

Which standard has a form for what is the adapter's to say (`adapters.port`). Where it has none, FHIR is sent: nothing is left untold.
"""

from datetime import datetime
from typing import Final

from sqlmodel import Session

from adapters.port import Adapter, Receipt, Rendered, Reply
from broker.domain.answers import Move
from broker.domain.states import NotificationState, Purpose, View
from broker.storage import deliveries, notifications, tasks
from broker.storage.codec import Codec
from broker.storage.tables import Delivery, Notification
from broker.storage.task_values import Happened, Stored
from broker.workflow import intake
from broker.workflow.context import Context
from schemas.codes import Function, ResponseReason, TaskCode, TaskStatus
from schemas.message import Message
from schemas.problem import Problem

RECEIPT: Final = "receipt"
"""Cause of the message that says that an event has been taken."""

_ASKED: Final = (TaskCode.ACKNOWLEDGE, TaskCode.TRANSFER)
"""Tasks whose answer is the answer to the notification."""
_TAKEN_ON: Final = frozenset({TaskStatus.ACCEPTED, TaskStatus.COMPLETED})

_KINDS: Final = {
    Function.MIDWIFERY: "midwifery",
    Function.HEALTH_VISITING: "health-visiting",
    Function.FAMILY_NURSE_PARTNERSHIP: "health-visiting",
    Function.SCHOOL_NURSING: "health-visiting",
    Function.GENERAL_PRACTICE: "gp",
    Function.MENTAL_HEALTH: "cmht",
    Function.PROBATION: "probation",
}
"""The adapter that speaks as teams of a function do."""


def notification(ctx: Context, team_id: str, message: Message) -> Rendered | None:
    """A notification as its team may see it, where the team's format has a form for all that it says."""
    if team_id not in ctx.native:
        return None
    adapter = _adapter(_KINDS.get(ctx.directory.teams[team_id].function, ""))
    return adapter.render(message) if adapter is not None else None


def answer(
    session: Session, ctx: Context, delivery: Delivery, about: Notification, task: Stored, happened: Happened
) -> Rendered | None:
    """What a professional answered, as the business acknowledgement of what the sender sent.

    A standard knows one for each message, and a negative one ends it: so the first team that takes it on says yes, and only
    when every team has declined the last one says no. The rest is told in FHIR.
    """
    adapter = _of_sender(ctx, delivery, about)
    move = happened.move
    if adapter is None or task.row.code not in _ASKED or move not in (Move.ACCEPT, Move.DECLINE):
        return None
    if _speaks(session, ctx, about, move) != task.row.id:
        return None
    team = ctx.directory.teams.get(happened.team_id or "")
    given = happened.detail.get("reason")
    reply = Reply(
        id=delivery.id,
        at=happened.at,
        accepted=move == Move.ACCEPT,
        reason=ResponseReason(given) if given else None,
        by=team.ods_code if team is not None else None,
    )
    return adapter.respond(reply, _original(ctx.codec, about), about.content_type)


def _speaks(session: Session, ctx: Context, about: Notification, move: str) -> str | None:
    """The task whose answer is told: the first that was accepted; of declined ones the last, once there is no other."""
    asked = tasks.about(session, ctx.codec, about.id, _ASKED)
    status = _TAKEN_ON if move == Move.ACCEPT else frozenset({TaskStatus.REJECTED})
    answered = [
        (event.at, one.row.id)
        for one in asked
        if one.row.status in status
        for event in tasks.events(session, ctx.codec, one.row.id)
        if event.move == move
    ]
    if move == Move.ACCEPT:
        return min(answered)[1] if answered else None
    everybody = {one for _, one in answered} == {task.row.id for task in asked}
    return max(answered)[1] if answered and everybody else None


def receipt(ctx: Context, delivery: Delivery, about: Notification) -> Rendered | None:
    """That an event has been taken; of one that was refused, why."""
    adapter = _of_sender(ctx, delivery, about)
    if adapter is None:
        return None
    original = _original(ctx.codec, about)
    problems: tuple[Problem, ...] = ()
    if about.state is NotificationState.REFUSED:
        # Reading is pure: the problems are those of the day it came.
        problems = intake.read_native(adapter, original, about.content_type, {}, about.received_at).problems
    said = Receipt(id=delivery.id, at=delivery.created_at, problems=problems)
    return adapter.respond(said, original, about.content_type)


def acknowledge(
    session: Session, ctx: Context, incoming: intake.Incoming, about: str, team_id: str, now: datetime
) -> None:
    """A message to the sender that its event has been taken, where it is told in its own format and asks for that."""
    adapter = _adapter(incoming.via) if team_id in ctx.native else None
    if adapter is None:
        return
    if adapter.respond(Receipt(id=about, at=now), incoming.raw, incoming.content_type) is None:
        return
    row = tasks.message_row(
        notification_id=about,
        team_id=team_id,
        cause=RECEIPT,
        purpose=Purpose.INFORMATION,
        view=View.FULL,
        reason_code=RECEIPT,
        reason="Your system asks for an acknowledgement of receipt.",
        policy_version=ctx.policy.version,
        now=now,
    )
    deliveries.insert(session, [row])


def _of_sender(ctx: Context, delivery: Delivery, about: Notification) -> Adapter | None:
    """The adapter through which the team's own event came, where the team is told in its format."""
    own = about.sender_team_id == delivery.team_id
    return _adapter(about.via) if own and delivery.team_id in ctx.native else None


def _adapter(kind: str) -> Adapter | None:
    # Whoever composes FHIR alone pays nothing for the readers of all formats.
    from adapters.registry import ADAPTERS

    return ADAPTERS.get(kind)


def _original(codec: Codec, about: Notification) -> bytes:
    return notifications.raw_of(codec, about)
