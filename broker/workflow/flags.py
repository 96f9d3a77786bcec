"""Show a team the flags that it holds about somebody, as long as it may look them up; what is shown leaves an audit entry."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Session

from broker.domain.caller import Caller
from broker.storage import audit, patterns
from broker.storage.tables import PatternFlag
from broker.storage.world import load_world
from broker.workflow import view
from broker.workflow.context import Context
from broker.workflow.flag_wire import flag_resource

Json = dict[str, Any]


class Status(StrEnum):
    """R4's flag-status, the members Baton uses."""

    ACTIVE = "active"
    INACTIVE = "inactive"


def search(
    session: Session, ctx: Context, caller: Caller, person_id: str, status: Status | None, now: datetime
) -> list[Json]:
    """The flags about a person that the caller's team holds, those that are withdrawn among them, the newest first."""
    found = [
        flag_resource(flag, pattern, ctx)
        for flag, pattern in patterns.held_by(session, caller.team or "", person_id)
        if status in (None, _status(flag))
    ]
    shown = found if found and _keeps_marks(ctx, caller) and _sees(session, ctx, caller, person_id, now) else []
    audit.record(
        session,
        action="search",
        entity="flag",
        entity_id=None,
        now=now,
        caller=caller,
        detail={"found": [resource["id"] for resource in shown], audit.PATIENTS: [person_id] if shown else []},
    )
    return shown


def read(session: Session, ctx: Context, caller: Caller, flag_id: str, now: datetime) -> Json | None:
    """One flag; None when there is none for this caller."""
    found = patterns.flag(session, flag_id)
    if found is None or not _holds(session, ctx, caller, found[0], now):
        return None
    detail = {audit.PATIENTS: [found[0].person_id]}
    audit.record(session, action="read", entity="flag", entity_id=flag_id, now=now, caller=caller, detail=detail)
    return flag_resource(*found, ctx)


def _status(flag: PatternFlag) -> Status:
    return Status.ACTIVE if flag.withdrawn_at is None else Status.INACTIVE


def _holds(session: Session, ctx: Context, caller: Caller, flag: PatternFlag, now: datetime) -> bool:
    return (
        flag.team_id == caller.team and _keeps_marks(ctx, caller) and _sees(session, ctx, caller, flag.person_id, now)
    )


def _keeps_marks(ctx: Context, caller: Caller) -> bool:
    """A system that cannot keep the mark is pointed to who can (principle 13)."""
    team = ctx.directory.teams.get(caller.team or "")
    return team is not None and team.honours_marks


def _sees(session: Session, ctx: Context, caller: Caller, person_id: str, now: datetime) -> bool:
    """Whether the team may look the person up still: a flag is no longer shown to whoever works with them no more."""
    team = ctx.directory.teams.get(caller.team or "")
    world = load_world(session, ctx.codec, [person_id])
    return team is not None and person_id in world.people and view.sees(session, world, person_id, team, ctx, now)
