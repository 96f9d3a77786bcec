"""Keep a task's clocks: say that it is not delivered, tell its team that nobody has opened it, remind it, and when nobody answers climb, rung by rung.

Each is a row, a message to whoever it names and, beyond the team itself, to whoever waits. That nobody can be reached is an incident.
An answer stops it at once: a rung is written on condition of the task's version, so none fires after an answer was committed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlmodel import Session

from broker import log
from broker.domain import clocks, ladder
from broker.domain.clocks import BEYOND, Clocks, Rung, Target
from broker.domain.states import Purpose, View
from broker.domain.tasks import BusinessStatus
from broker.domain.world import Team
from broker.storage import audit, deliveries, escalations, tasks
from broker.storage.escalations import OPENING, REMINDER
from broker.storage.task_values import Stored
from broker.workflow import incidents, outcomes, undeliverable
from broker.workflow.context import Context
from schemas.codes import TaskStatus

AT_ONCE: Final = 100
"""Tasks in one pass: a stopped clock that finds thousands takes several, each well under two seconds among a million open ones, and holds no answer up."""

_log = log.get("broker.escalate")


def climb(session: Session, ctx: Context, now: datetime) -> int:
    """One pass of the clock; how many tasks it looked at, 0 when nothing is due."""
    found = escalations.due(session, ctx.codec, now, AT_ONCE)
    for task in found:
        _look(session, ctx, task, now)
    return len(found)


def _look(session: Session, ctx: Context, task: Stored, now: datetime) -> None:
    """Everything of a task that has come due; what climbs is written last, because it changes the version."""
    kept, base = clocks_of(ctx, task), _passes(task)
    owner = ctx.directory.teams[task.row.owner_team_id]
    ahead = [step(session, ctx, task, now) for step in (_undelivered, _remind, _unopened)]
    if base is None:
        escalations.look_again(session, task, None)
        return
    found = ladder.climb(kept.rungs, base, task.row.level, now, owner.calendar)
    next_at = min((at for at in (*ahead, found.next_at) if at is not None), default=None)
    if found.rungs:
        _climb(session, ctx, task, found.rungs, base, next_at, now)
    else:
        escalations.look_again(session, task, next_at)


def clocks_of(ctx: Context, task: Stored) -> Clocks:
    """The clocks that a task was raised with; of before they were kept, those that it would have now."""
    if task.row.clocks:
        return clocks.read(task.row.clocks, task.row.deliver_within)
    return clocks.chosen(ctx.policy.clocks, ctx.directory.teams[task.row.owner_team_id], None, task.row.priority).clocks


def _passes(task: Stored) -> datetime | None:
    """The date past which it climbs: its own, or that by which what was agreed was to get on."""
    return task.row.progress_by or task.row.due_at


# --- before the date --------------------------------------------------------------------------------------------------


def _undelivered(session: Session, ctx: Context, task: Stored, now: datetime) -> datetime | None:
    """Tell who can act that it is not delivered, once; when that is still to come. What somebody has opened has reached its team."""
    by, waits = task.row.deliver_by, tasks.awaits_delivery(task.row) and task.row.undelivered_at is None
    if by is None or not waits or by > now:
        return by if waits else None
    escalations.keep_time(session, task, undelivered_at=now)
    told = undeliverable.late(session, ctx, task, now)
    if told is None:
        escalations.keep_time(session, task, deliver_by=None, undelivered_at=None)
        return None
    _log.warning("not delivered in time", task=task.row.id, team=task.row.owner_team_id)
    detail = {"undelivered": by.isoformat(), "told": [told]}
    audit.record(session, action="escalate", entity="task", entity_id=task.row.id, now=now, detail=detail)
    return None


def _remind(session: Session, ctx: Context, task: Stored, now: datetime) -> datetime | None:
    """Remind the team when it is time and not too late; when that is still to come."""
    at, due_at = task.row.remind_at, task.row.due_at
    if at is None or due_at is None or at > now:
        return at
    escalations.keep_time(session, task, remind_at=None)
    if due_at > now:
        _told_before(session, ctx, task, REMINDER, due_at, now)
    return None


def _unopened(session: Session, ctx: Context, task: Stored, now: datetime) -> datetime | None:
    """Tell the team that nobody of it has looked, once; when that is still to come. What was answered has been seen."""
    by = task.row.open_by
    waits = task.row.status in (TaskStatus.REQUESTED, TaskStatus.RECEIVED) and task.row.opened_at is None
    if by is None or not waits or by > now:
        return by if waits else None
    if not escalations.was_told(session, task.row.id, OPENING, by):
        escalations.keep_time(session, task, open_by=by)
        _told_before(session, ctx, task, OPENING, by, now)
    return None


def _told_before(session: Session, ctx: Context, task: Stored, rung: str, due_at: datetime, now: datetime) -> None:
    """The team once more, and nobody else: the task is as it was, and whoever is answering it now is not held up."""
    owner = ctx.directory.teams[task.row.owner_team_id]
    reached = ladder.whom(Target.TEAM, owner, ctx.directory)
    told = reached.id if reached else None
    escalations.record(session, task, [(rung, told)], due_at, now, first_level=escalations.BEFORE[rung])
    if reached is not None:
        cause = f"{_CAUSES[rung]}:{task.row.id}:{due_at.isoformat()}"
        _tell(session, ctx, task, reached.id, cause, _WHY[rung], now)


_CAUSES: Final = {REMINDER: "reminded", OPENING: "unopened"}
_WHY: Final = {
    REMINDER: ("reminder", "A task of your team is due soon."),
    OPENING: ("not-opened", "Nobody of your team has opened a task of yours yet."),
}
_ESCALATED: Final = ("escalated", "A task was not answered by the time it was due.")
_FOR_ITS_LEAD: Final = ("escalated", "For the lead of the team: a task of it was not answered by the time it was due.")


# --- past it ----------------------------------------------------------------------------------------------------------


def _climb(
    session: Session,
    ctx: Context,
    task: Stored,
    rungs: Sequence[Rung],
    base: datetime,
    next_at: datetime | None,
    now: datetime,
) -> None:
    owner = ctx.directory.teams[task.row.owner_team_id]
    named = [(rung, ladder.whom(rung.to, owner, ctx.directory)) for rung in rungs]
    climbed = [(rung.to.value, team.id if team else None) for rung, team in named]
    escalations.record(session, task, climbed, base, now, first_level=task.row.level + 1)
    level = task.row.level + len(rungs)
    told = {team for _, team in climbed if team is not None}
    waits = _waits(task, rungs, told)
    what = tasks.Change(
        move="escalated",
        content=task.content,
        columns={"level": level, "climbs_at": next_at, **_lapses(task)},
        detail={"rungs": [{"to": rung, "team": team} for rung, team in climbed]},
    )
    version = tasks.change(session, ctx.codec, task, what, now)
    cause = f"escalated:{task.row.id}:{version}"
    for heard in sorted(told):
        _tell(session, ctx, task, heard, cause, _why(heard, rungs, owner), now)
    if waits:
        outcomes.tell(session, ctx, task, task.requester, version, now)
    for rung, team in named:
        if team is None and rung.needed:
            _nobody(session, ctx, task, rung, owner, base, now)
    detail = {"level": level, "told": sorted(told)}
    audit.record(session, action="escalate", entity="task", entity_id=task.row.id, now=now, detail=detail)


def _why(team: str, rungs: Sequence[Rung], owner: Team) -> tuple[str, str]:
    """The team's own mailbox is its lead's too."""
    for_lead = team == owner.id and any(rung.to is Target.TEAM_LEAD for rung in rungs)
    return _FOR_ITS_LEAD if for_lead else _ESCALATED


def _lapses(task: Stored) -> dict[str, tasks.Value]:
    """An acknowledgement of which nothing came is none to rely on; what was said stays."""
    return {"business_status": BusinessStatus.LAPSED} if task.row.progress_by is not None else {}


def _waits(task: Stored, rungs: Sequence[Rung], told: set[str]) -> bool:
    """Whoever waits is told once it goes beyond the team that owes the answer, and at once of an acknowledgement that lapses."""
    if task.requester is None or task.requester in told:
        return False
    return any(rung.to in BEYOND for rung in rungs) or (task.row.progress_by is not None and task.row.level == 0)


def _nobody(
    session: Session, ctx: Context, task: Stored, rung: Rung, owner: Team, base: datetime, now: datetime
) -> None:
    words = f"A task was not answered in time, and the directory names nobody to tell ({_WORDS[rung.to]})."
    incidents.nobody_to_tell(session, ctx, task, owner, words, f"{base.isoformat()}:{rung.to.value}", now)


_WORDS: Final = {
    Target.TEAM: "the team itself is closed",
    Target.TEAM_LEAD: "the team itself is closed",
    Target.LEAD: "the safeguarding lead of the team's agency",
    Target.EXECUTIVE: "the executive of the team's agency",
    Target.MASH: "the safeguarding hub of the team's area",
    Target.PARTNERSHIP: "the safeguarding partnership of the team's area",
}


def _tell(
    session: Session,
    ctx: Context,
    task: Stored,
    team: str,
    cause: str,
    why: tuple[str, str],
    now: datetime,
) -> None:
    """The task alone goes to whoever is to see that it is answered; what it is about is asked of its owner."""
    code, reason = why
    row = tasks.message_row(
        notification_id=task.row.notification_id,
        team_id=team,
        cause=cause,
        purpose=Purpose.ACTION,
        view=View.EXISTENCE,
        reason_code=code,
        reason=reason,
        policy_version=ctx.policy.version,
        now=now,
    )
    deliveries.insert(session, [row])
