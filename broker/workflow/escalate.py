"""Escalate what nobody answered: each rung is a row, a message to whoever it names and, beyond the team itself, to whoever waits.

An answer stops it at once: a rung is written on condition of the task's version, so none fires after an answer was committed.
"""

from datetime import datetime, timedelta

from sqlmodel import Session

from broker.domain import ladder
from broker.domain.rules import Rung
from broker.domain.states import Purpose, View
from broker.storage import audit, deliveries, escalations, leases, tasks
from broker.storage.task_values import Stored
from broker.workflow import outcomes
from broker.workflow.context import Context

LEASE = "clock"
AT_ONCE = 200
"""Tasks in one pass: a stopped clock that finds thousands takes several, and holds no answer up."""


def next_due(session: Session) -> datetime | None:
    """When there is next something to look at; None when nothing has a date to keep."""
    return escalations.next_at(session)


def climb(session: Session, ctx: Context, now: datetime) -> int:
    """One pass of the clock; how many tasks it looked at, 0 when nothing is due."""
    found = escalations.due(session, ctx.codec, now, AT_ONCE)
    for task in found:
        _look(session, ctx, task, now)
    return len(found)


def climb_alone(session: Session, ctx: Context, *, holder: str, now: datetime, lease: timedelta) -> int:
    """The same where several processes run: one at a time, so that they do not race for the same rungs."""
    at = escalations.next_at(session)
    if at is None or at > now or not leases.take(session, LEASE, holder, now=now, until=now + lease):
        return 0
    return climb(session, ctx, now)


def _look(session: Session, ctx: Context, task: Stored, now: datetime) -> None:
    if task.row.due_at is None:
        escalations.look_again(session, task, None)
        return
    found = ladder.climb(ctx.policy.ladder, task.row.due_at, task.row.level, now)
    if not found.rungs:
        escalations.look_again(session, task, found.next_at)
        return
    _climb(session, ctx, task, found, now)


def _climb(session: Session, ctx: Context, task: Stored, found: ladder.Climb, now: datetime) -> None:
    owner = ctx.directory.teams[task.row.owner_team_id]
    named = [(rung, ladder.whom(rung, owner, ctx.directory)) for rung in found.rungs]
    climbed = [(rung.to, team.id if team else None) for rung, team in named]
    escalations.record(session, task, climbed, now)
    what = tasks.Change(
        move="escalated",
        content=task.content,
        columns={"level": task.row.level + len(found.rungs), "climbs_at": found.next_at},
        detail={"rungs": [{"to": rung, "team": team} for rung, team in climbed]},
    )
    version = tasks.change(session, ctx.codec, task, what, now)
    told = {team for _, team in climbed if team is not None}
    _tell(session, ctx, task, sorted(told), version, now)
    if _waits(task, found.rungs, told):
        outcomes.tell(session, ctx, task, task.requester, version, now)
    detail = {"level": task.row.level + len(found.rungs), "told": sorted(told)}
    audit.record(session, action="escalate", entity="task", entity_id=task.row.id, now=now, detail=detail)


def _waits(task: Stored, rungs: tuple[Rung, ...], told: set[str]) -> bool:
    """Whoever waits is told once it goes beyond the team that owes the answer."""
    return task.requester is not None and task.requester not in told and any(rung.to != "team" for rung in rungs)


def _tell(session: Session, ctx: Context, task: Stored, teams: list[str], version: int, now: datetime) -> None:
    """The task alone goes to whoever is to see that it is answered; what it is about is asked of its owner."""
    if task.row.notification_id is None:
        return
    rows = [
        tasks.message_row(
            notification_id=task.row.notification_id,
            team_id=team,
            cause=f"escalated:{task.row.id}:{version}",
            purpose=Purpose.ACTION,
            view=View.EXISTENCE,
            reason_code="escalated",
            reason="A task was not answered by the time it was due.",
            policy_version=ctx.policy.version,
            now=now,
        )
        for team in teams
    ]
    deliveries.insert(session, rows)
