"""A team closes: whoever has handed somebody to it and was not answered must find who does its work now (invariant 3)."""

from datetime import datetime

from sqlmodel import Session

from broker.domain.wanted import TaskWanted
from broker.storage import tasks
from broker.workflow import raising
from broker.workflow.context import Context
from schemas.codes import Priority, TaskCode


def closed(session: Session, ctx: Context, team_id: str, now: datetime) -> None:
    """Tell the senders of every transfer that this team has not answered: it stays theirs, and nobody will answer it."""
    wanted = [
        TaskWanted(
            code=TaskCode.UNDELIVERABLE,
            owner=whole.requester_team_id,
            description=(
                "The team that you handed somebody over to has closed, and has not answered. They are still yours: find who does its "
                "work now, and send the transfer there with a reference to this one."
            ),
            dedupe_key=f"undeliverable:{whole.id}:closed",
            person_id=whole.person_id,
            household_id=whole.household_id,
            notification_id=whole.notification_id,
            priority=Priority.URGENT,
            due_at=ctx.policy.own_asks.find.urgent.after(now, ctx.directory.teams[whole.requester_team_id].calendar),
            cites="invariant 3, F3, F12",
        )
        for whole in tasks.open_of(session, team_id, TaskCode.TRANSFER)
        if whole.requester_team_id is not None
    ]
    raising.raise_tasks(session, ctx, wanted, now)
