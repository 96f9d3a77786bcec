"""What the teams of a lead's own agency have to do: numbers and who holds how much, never about whom."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.world import Team
from broker.storage import audit, team_load
from broker.storage.team_load import Load
from broker.workflow import acknowledge, inbox
from broker.workflow.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamLoad:
    """One team. `held`: (`name, role`, how many agreed actions), most first; `unheld`: those that nobody of the team holds."""

    team: Team
    load: Load
    held: tuple[tuple[str, int], ...]
    unheld: int


def of_agency(session: Session, ctx: Context, caller: Caller, now: datetime) -> tuple[TeamLoad, ...]:
    """Of every team whose lead or executive the caller's team is, itself left out; an audit row with which."""
    team = caller.team or ""
    teams = acknowledge.mover(ctx, team).leads - {team}
    loads = team_load.of_teams(session, teams, inbox.CODES, now)
    held = team_load.held(session, ctx.codec, teams)
    detail = {"teams": sorted(teams)}
    audit.record(session, action="search", entity="task", entity_id=None, now=now, caller=caller, detail=detail)
    return tuple(
        TeamLoad(
            team=ctx.directory.teams[one.team],
            load=one,
            held=tuple((who, number) for (of, who), number in held.most_common() if of == one.team and who),
            unheld=held[one.team, ""],
        )
        for one in loads
    )
