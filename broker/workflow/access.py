"""Access to a team that an administrator gives: its lead is told in the same step, so that nobody makes themselves one of it unseen."""

import json
from datetime import datetime

from sqlmodel import Session

from broker.domain.asks import lead_beside
from broker.domain.caller import Caller
from broker.domain.wanted import TaskWanted
from broker.domain.world import Team
from broker.storage import clients
from broker.storage.clients import Registered
from broker.workflow import raising
from broker.workflow.context import Context
from schemas.codes import Priority, TaskCode


def to_system(
    session: Session, ctx: Context, caller: Caller, before: Registered | None, after: Registered, now: datetime
) -> None:
    """Tell of a system that may do more for its team than before, or by other keys; before the change is written."""
    if after.team is not None and _more(before, after):
        said = f"the system {after.name} may call for {{team}}, by keys and with rights as they are registered now"
        _tell(session, ctx, caller, after.team, said, Priority.URGENT, now, key=f"client:{after.name}")


def to_channel(session: Session, ctx: Context, caller: Caller, team_id: str, now: datetime) -> None:
    """Tell that what the team is told goes elsewhere; before the change is written."""
    said = "what {team} is told goes out by another channel"
    _tell(session, ctx, caller, team_id, said, Priority.URGENT, now, key="channel")


def to_person(session: Session, ctx: Context, caller: Caller, account_id: str, team_id: str, now: datetime) -> None:
    """Tell that somebody may sign in for a team; before the change is written."""
    said = f"somebody may sign in for {{team}} by the account {account_id}"
    _tell(session, ctx, caller, team_id, said, Priority.ROUTINE, now, key=f"account:{account_id}")


def _more(before: Registered | None, after: Registered) -> bool:
    if after.revoked:
        return False
    if before is None or before.revoked or before.team != after.team:
        return True
    other = (before.issuer, before.subject) != (after.issuer, after.subject)
    unbound = before.certificate_bound and not after.certificate_bound
    return other or unbound or not after.scopes <= before.scopes or not _keys(after) <= _keys(before)


def _keys(client: Registered) -> frozenset[str]:
    return frozenset(json.dumps(key, sort_keys=True) for key in client.jwks.get("keys", []))


def _tell(
    session: Session,
    ctx: Context,
    caller: Caller,
    team_id: str,
    said: str,
    priority: Priority,
    now: datetime,
    *,
    key: str,
) -> None:
    """Nobody is told of a team's first access: that is how it comes to Baton, and nobody has told it anything."""
    team: Team | None = ctx.directory.teams.get(team_id)
    hears = lead_beside(team, ctx.directory) if team is not None else None
    if team is None or hears is None or not clients.in_use(session, team_id):
        return
    task = TaskWanted(
        code=TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD,
        owner=hears.id,
        description=(
            f"An administrator ({caller.client}) has changed who acts for a team: {said.format(team=team.name)}. "
            "Ask the team whether it expected that. If nobody did, have it ended and say what you found."
        ),
        dedupe_key=f"access:{key}:{team_id}:{now.isoformat()}",
        priority=priority,
        due_at=ctx.policy.own_asks.emergency.after(now, hears.calendar),
        cites="principle 8",
    )
    raising.raise_tasks(session, ctx, [task], now)
