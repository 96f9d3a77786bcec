"""The world round some persons, cut out of a larger one; how it is read from the database is `storage.world`'s."""

from collections.abc import Iterable
from dataclasses import replace

from broker.domain.merging import OPEN
from broker.domain.states import MembershipState
from broker.domain.world import World


def around(world: World, person_ids: Iterable[str]) -> World:
    """What `storage.world.load_world` would have read for these persons alone, from a world read for these and others.

    Several messages are read with one world; each is decided on and rendered in its own, so that nothing of one family
    is there when the other's copy is made.
    """
    given = set(person_ids)
    homes = {m.household_id for m in world.memberships if m.person_id in given and m.state in OPEN}
    memberships = tuple(m for m in world.memberships if m.household_id in homes or m.person_id in given)
    members = {m.person_id for m in memberships if m.household_id in homes and m.state in OPEN} | given
    relationships = tuple(r for r in world.relationships if r.person_id in members or r.to in members)
    kin = {id_ for r in relationships for id_ in (r.person_id, r.to)} - members
    current = {m.person_id for m in memberships if m.state is MembershipState.CURRENT} & members
    teams_of = given | current
    people = {id_: world.people[id_] for id_ in sorted(members | kin) if id_ in world.people}
    return World(
        # Of somebody merely related no address is known here.
        people={id_: replace(known, addresses=()) if id_ in kin else known for id_, known in people.items()},
        households={id_: known for id_, known in world.households.items() if id_ in homes},
        memberships=memberships,
        relationships=relationships,
        involvements=tuple(i for i in world.involvements if i.person_id in teams_of),
    )
