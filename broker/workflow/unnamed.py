"""Children whom a transfer does not name to its receiver until the sender's lead agrees (principle 12): they are found in no look-up either."""

from datetime import datetime

from sqlmodel import Session

from broker.domain import naming
from broker.domain.around import around
from broker.domain.situation import situation
from broker.domain.world import Team, World
from broker.storage import chronology
from broker.storage.deliveries import NOT_TOLD
from broker.workflow.context import Context
from broker.workflow.gates import all_gates


def children(
    session: Session, ctx: Context, world: World, household_id: str, team: Team, now: datetime
) -> frozenset[str]:
    """Those of a household whom no transfer that the team was told of names to it."""
    members = world.members_of(household_id)
    found = chronology.about(session, ctx.codec, members, events=naming.TRANSFERS)
    told = chronology.decided_for(session, team.id, [entry.id for entry in found])
    handed = [entry for entry in found if entry.id in told and told[entry.id].state not in NOT_TOLD]
    if not handed:
        return frozenset()
    gates = all_gates(session, ctx.codec, [entry.id for entry in handed])
    hidden: set[str] = set()
    for entry in handed:
        met = situation(
            entry.message, around(world, entry.message.subjects), ctx.policy, ctx.directory.teams[entry.sender], now
        )
        hidden |= set(naming.unnamed_children(entry.message, met)) - gates[entry.id].named_to(team)
    return frozenset(hidden)
