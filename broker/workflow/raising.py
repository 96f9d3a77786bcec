"""Raise tasks, each with the clocks that the policy gives it now; what raises them decides what they are."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from broker.domain import clocks
from broker.domain.wanted import TaskWanted
from broker.storage import tasks
from broker.workflow.context import Context
from schemas.codes import Event


def raise_tasks(
    session: Session,
    ctx: Context,
    wanted: Sequence[TaskWanted],
    now: datetime,
    *,
    event: Event | None = None,
    new: Collection[str] = (),
) -> list[str]:
    """Raise these tasks; ids in the order asked for. What was raised before is found by its key and stays as it is.

    `event`: of the message that they follow from. `new`: as `tasks.raise_tasks` takes it.
    """
    timed = [_timed(ctx, task, event, now) for task in wanted]
    return tasks.raise_tasks(session, ctx.codec, timed, policy_version=ctx.policy.version, now=now, new=new)


def _timed(ctx: Context, task: TaskWanted, event: Event | None, now: datetime) -> TaskWanted:
    owner = ctx.directory.teams[task.owner]
    chosen = clocks.chosen(ctx.policy.clocks, owner, event, task.priority)
    times = clocks.set_for(task, chosen, owner.calendar, now)
    covers_at = ctx.policy.out_of_hours.covers_at(owner, task.code, task.priority, now, task.due_at)
    return replace(
        task,
        clocks=times.kept,
        deliver_within=times.deliver_within,
        deliver_by=times.deliver_by,
        open_by=times.open_by,
        remind_at=times.remind_at,
        covers_at=covers_at,
    )
