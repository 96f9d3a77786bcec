"""What a sender is answered: a response Bundle that says who is told as far as it may know, or an OperationOutcome."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

import orjson

from broker.domain import out_of_hours
from broker.domain.identities import RESTRICTED
from broker.domain.routing import Routing, Told
from broker.domain.states import DeliveryState, Purpose
from broker.domain.wanted import TaskWanted
from broker.workflow.context import Context
from broker.workflow.intake import Incoming
from schemas import bundle
from schemas.codes import Priority
from schemas.message import Message
from schemas.problem import Problem, operation_outcome

NO_REFERRAL = "Baton is not a referral: telephone urgent concerns about a child."
POINTED = "It is kept. What it says stands in a record elsewhere: that is asked for, and told when it has been read."
CLOSED = "It is closed now, and this stays yours: telephone whoever is on duty out of hours."


def accepted(
    message: Message,
    problems: Sequence[Problem],
    decided: Routing,
    settling: Sequence[TaskWanted],
    ctx: Context,
    now: datetime,
) -> bytes:
    """The response Bundle (code ok): warnings, then who is told and not told as far as the sender may know, and its own tasks."""
    told = [_told(ctx, row, now) for row in decided.told if row.known_to_sender]
    kept = [_withheld(ctx, row.team_id, row.reason) for row in decided.withheld if row.known_to_sender]
    own = [_task(ctx, task) for task in (*settling, *decided.tasks) if _own_agency(ctx, message, task)]
    outcome = operation_outcome([*problems, *told, *kept, *own, _information(NO_REFERRAL)])
    return orjson.dumps(
        bundle.response_bundle(message.id, "ok", outcome, id=str(uuid4()), timestamp=now, source=ctx.public_url)
    )


def not_used(incoming: Incoming, ctx: Context, now: datetime) -> bytes:
    """What is answered to a message that was refused, ignored, or only points to a record: where and why, never a value."""
    pointed = [_information(POINTED)] if incoming.standing == "pointed" else []
    outcome = operation_outcome([*incoming.problems, *pointed])
    if incoming.standing not in ("ignored", "pointed"):
        return orjson.dumps(outcome)
    return orjson.dumps(
        bundle.response_bundle(incoming.key or "", "ok", outcome, id=str(uuid4()), timestamp=now, source=ctx.public_url)
    )


def _told(ctx: Context, told: Told, now: datetime) -> Problem:
    name = _name(ctx, told.team_id)
    if told.state is DeliveryState.HELD:
        return _information(f"{name} is told once your safeguarding lead releases it: {told.reason}")
    if told.purpose is Purpose.ACTION and told.due_at is not None:
        closed = f" {CLOSED}" if told.priority is not Priority.ROUTINE and not _there(ctx, told.team_id, now) else ""
        return _information(f"{name} is told, to answer by {told.due_at:%d %B %Y, %H:%M} UTC: {told.reason}{closed}")
    return _information(f"{name} is told, for information: {told.reason}")


def _own_agency(ctx: Context, message: Message, task: TaskWanted) -> bool:
    """Whether a task fell to the sender's own agency, which may know of it; of what is restricted its owner alone knows."""
    sender = ctx.directory.teams[message.sender or ""]
    if RESTRICTED.items() <= task.options.items():
        return task.owner == sender.id
    return ctx.directory.teams[task.owner].agency_id == sender.agency_id


def _task(ctx: Context, task: TaskWanted) -> Problem:
    by = "" if task.due_at is None else f" by {task.due_at:%d %B %Y, %H:%M} UTC"
    return _information(f"{_name(ctx, task.owner)} has a task{by}: {task.description}")


def _withheld(ctx: Context, team_id: str, reason: str) -> Problem:
    return _information(f"{_name(ctx, team_id)} is not told: {reason}")


def _there(ctx: Context, team_id: str, now: datetime) -> bool:
    return out_of_hours.there(ctx.directory.teams[team_id], now)


def _name(ctx: Context, team_id: str) -> str:
    team = ctx.directory.teams[team_id]
    return f"{team.name} ({team_id})"


def _information(text: str) -> Problem:
    return Problem(path="", reason=text, code="informational", severity="information")
