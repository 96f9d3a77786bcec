"""What a team may look up of people and households it was not sent: its own clients, and for child-facing teams their homes."""

from dataclasses import dataclass
from datetime import datetime

from broker.domain.rules import Group, Policy
from broker.domain.states import InvolvementState, PersonState
from broker.domain.world import KnownPerson, Team, World
from schemas.codes import RelationshipKind

CHILDHOOD_DAYS = 6575
"""Eighteen years."""

_HIDDEN = (PersonState.SEALED, PersonState.MERGED)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a team sees of one household. `persons` by id; `whole` when it sees everybody who lives there."""

    persons: frozenset[str]
    whole: bool
    unnamed: frozenset[str] = frozenset()
    """Children there whom nobody has agreed to name to the team yet (principle 12)."""


def own_clients(world: World, team: Team, told: frozenset[str]) -> frozenset[str]:
    """Persons the team demonstrably works with: a confirmed involvement, or `told`, what was addressed to it in full."""
    involved = {
        i.person_id for i in world.involvements if i.team_id == team.id and i.state is InvolvementState.CONFIRMED
    }
    return frozenset(p for p in involved | (told & world.people.keys()) if world.people[p].state not in _HIDDEN)


def of_household(
    world: World, household_id: str, team: Team, policy: Policy, *, told: frozenset[str], now: datetime
) -> Sight | None:
    """What the team sees of the household; None when it may not know of it (sharing principles 1, 4 and 5).

    A child-facing team that works with anybody there sees who lives there; any other team sees its own clients only.
    """
    members = frozenset(world.members_of(household_id))
    own = own_clients(world, team, told) & members
    if not own:
        return None
    whole = policy.groups[team.function] is Group.CHILD_FACING
    if team.function in policy.only_with_child and not any(_for_a_child(world, person, now) for person in own):
        whole = False
    seen = frozenset(p for p in members if world.people[p].state not in _HIDDEN) if whole else own
    return Sight(seen, whole)


def without(seen: Sight, unnamed: frozenset[str]) -> Sight:
    """The same without children whom a transfer does not name to the team yet (principle 12): it is not the whole then."""
    return Sight(seen.persons - unnamed, seen.whole and seen.persons.isdisjoint(unnamed), unnamed)


def hides_address(world: World, person_id: str, team: Team) -> bool:
    """Whether the person, or somebody of their household, has a protected address that the team does not itself hold."""
    near = {person_id, *(m for home in world.households_of(person_id) for m in world.members_of(home))}
    return any(_protected(world.people[p]) and not _holds(world.people[p], team) for p in near)


def _protected(person: KnownPerson) -> bool:
    return any(address.protected for address in person.addresses)


def _holds(person: KnownPerson, team: Team) -> bool:
    return any(address.protected and address.asserted_by == team.id for address in person.addresses)


def _for_a_child(world: World, person_id: str, now: datetime) -> bool:
    """Whether somebody is a child or unborn, or the mother of one."""
    own_children = {r.to for r in world.relationships if r.person_id == person_id and r.kind is RelationshipKind.MOTHER}
    return any(_is_child(world.people[p], now) for p in {person_id} | own_children if p in world.people)


def _is_child(person: KnownPerson, now: datetime) -> bool:
    age = person.age_days(now)
    return person.state is PersonState.UNBORN or (age is not None and age < CHILDHOOD_DAYS)
