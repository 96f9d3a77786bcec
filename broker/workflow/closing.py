"""A team closes: whoever has handed somebody to it and was not answered must find who does its work now (invariant 3)."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session

from broker.domain.tasks import TERMINAL
from broker.domain.wanted import TaskWanted
from broker.domain.world import Team
from broker.storage import directory, tasks
from broker.storage.tables import Task
from broker.storage.task_values import Stored
from broker.storage.tasks import Change, Value
from broker.workflow import outcomes, raising
from broker.workflow.context import Context
from schemas.codes import Priority, ResponseReason, TaskCode, TaskStatus


def put(session: Session, ctx: Context, team: Team, now: datetime) -> None:
    """Create or replace a team. Each time that it closes its senders are told; when it is there again they need find nobody."""
    since = directory.closed_since(session, team.id)
    directory.put_team(session, team, now)
    session.flush()  # what is handed to it from here on finds it closed
    if team.closed == (since is not None):
        return
    waiting = tasks.open_of(session, team.id, TaskCode.TRANSFER)
    if since is None:
        _tell(session, ctx, waiting, now)
    else:
        found = tasks.by_keys(session, ctx.codec, [f"{_closed(whole.id)}{since.isoformat()}" for whole in waiting])
        _ask_no_more(session, ctx, found, now)


def over(session: Session, ctx: Context, whole: Stored, now: datetime) -> None:
    """A transfer has ended, at a team that had closed: whoever sent it need find nobody for its sake."""
    about = tasks.about(session, ctx.codec, whole.row.notification_id or "", [TaskCode.UNDELIVERABLE])
    own = [task for task in about if (task.row.dedupe_key or "").startswith(_closed(whole.row.id))]
    _ask_no_more(session, ctx, own, now)


def _tell(session: Session, ctx: Context, waiting: Iterable[Task], now: datetime) -> None:
    """Tell the senders of every transfer that the team has not answered: it stays theirs, and nobody will answer it."""
    wanted = [
        TaskWanted(
            code=TaskCode.UNDELIVERABLE,
            owner=whole.requester_team_id,
            description=(
                "The team that you handed somebody over to has closed, and has not answered. They are still yours: find who does its "
                "work now, and send the transfer there with a reference to this one."
            ),
            dedupe_key=f"{_closed(whole.id)}{now.isoformat()}",
            person_id=whole.person_id,
            household_id=whole.household_id,
            notification_id=whole.notification_id,
            priority=Priority.URGENT,
            due_at=ctx.policy.own_asks.find.urgent.after(now, ctx.directory.teams[whole.requester_team_id].calendar),
            cites="invariant 3, F3, F12",
        )
        for whole in waiting
        if whole.requester_team_id is not None
    ]
    raising.raise_tasks(session, ctx, wanted, now)


def _closed(whole_id: str) -> str:
    """What the keys of these tasks begin with; the time at which the team closed comes behind it."""
    return f"undeliverable:{whole_id}:closed:"


def _ask_no_more(session: Session, ctx: Context, found: Iterable[Stored], now: datetime) -> None:
    for task in found:
        if task.row.status not in TERMINAL:
            columns: dict[str, Value] = {"status": TaskStatus.CANCELLED, "reason_code": ResponseReason.NOT_NEEDED}
            what = Change(move="no-longer-asked", content=task.content, columns=columns, detail={})
            version = tasks.change(session, ctx.codec, task, what, now)
            outcomes.tell(session, ctx, task, task.row.owner_team_id, version, now)
