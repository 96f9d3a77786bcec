"""Children whom a transfer does not name to its receiver until the sender's lead agrees (principle 12): no later message and no look-up names them."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from broker.domain import naming, since_then
from broker.domain.around import around
from broker.domain.situation import situation
from broker.domain.world import Team, World
from broker.storage import chronology, people
from broker.storage.chronology import Entry
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
    return _unnamed(session, ctx, handed, world, team, now)


def of_transfers(
    session: Session, ctx: Context, notification_ids: Collection[str], team: Team, told_at: datetime, now: datetime
) -> frozenset[str]:
    """Those whom these transfers to the team do not name to it, whoever has left the home since it was told included."""
    handed = chronology.of(session, ctx.codec, notification_ids)
    if not handed:
        return frozenset()
    subjects = {person for entry in handed for person in entry.message.weighed}
    before = told_at - timedelta.resolution  # the message that says that somebody has left is of this moment
    world, _ = people.world_since(session, ctx.codec, subjects, before)
    return _unnamed(session, ctx, handed, since_then.as_it_was(world, before), team, now)


def _unnamed(
    session: Session, ctx: Context, handed: Sequence[Entry], world: World, team: Team, now: datetime
) -> frozenset[str]:
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
