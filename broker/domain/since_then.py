"""The world as it was when somebody was told: who has left a home since still lives there, for that is the home which the message meets."""

from dataclasses import replace
from datetime import datetime

from broker.domain.states import MembershipState
from broker.domain.world import KnownMembership, World


def as_it_was(world: World, told_at: datetime) -> World:
    """The same world with everybody in the homes that they have left after that, and without who has come to those homes since. Who has died or been sealed is as now."""
    left = _left(world, told_at)
    if not left:
        return world
    homes = {m.household_id for m in left}
    others = tuple(
        m for m in world.memberships if m not in left and not (m.household_id in homes and _came(m, told_at))
    )
    return replace(world, memberships=(*others, *(replace(m, state=MembershipState.CURRENT) for m in left)))


def homes_left(world: World, since: datetime) -> frozenset[str]:
    """Households that somebody has left after that."""
    return frozenset(m.household_id for m in _left(world, since))


def _left(world: World, since: datetime) -> list[KnownMembership]:
    """Each person and home once; nobody who is there again."""
    there = {(m.household_id, m.person_id) for m in world.memberships if m.state is MembershipState.CURRENT}
    found = {
        (m.household_id, m.person_id): m
        for m in world.memberships
        if m.state is MembershipState.ENDED and m.ended_at is not None and m.ended_at > since
    }
    return [membership for pair, membership in found.items() if pair not in there]


def _came(membership: KnownMembership, since: datetime) -> bool:
    return membership.asserted_at is not None and membership.asserted_at > since
