"""What two records of one person come to when they are joined; whether they may be is decided in `identities.py` and by people."""

from dataclasses import replace

from broker.domain.changes import MergePersons
from broker.domain.names import name_of
from broker.domain.states import MembershipState, PersonState
from broker.domain.world import (
    KnownIdentifier,
    KnownInvolvement,
    KnownMembership,
    KnownPerson,
    KnownRelationship,
    World,
)
from schemas.codes import RelationshipKind

OPEN = frozenset({MembershipState.CURRENT, MembershipState.PROPOSED})


def open_membership(world: World, household_id: str, person_id: str) -> KnownMembership | None:
    """The current or proposed membership of a person in a household: there is never more than one."""
    here = (m for m in world.memberships if (m.household_id, m.person_id) == (household_id, person_id))
    return next((m for m in here if m.state in OPEN), None)


def merged(world: World, change: MergePersons) -> World:
    """The world once the two are one: everything that hung on the one hangs on the other."""
    gone, into = world.people[change.gone], world.people[change.into]
    buried = replace(gone, state=PersonState.MERGED, identifiers=(), addresses=())
    world = replace(world, people={**world.people, into.id: joined(into, gone), gone.id: buried})
    return replace(
        world,
        memberships=_moved_memberships(world, change),
        relationships=_moved_relationships(world, change),
        involvements=_moved_involvements(world, change),
    )


def _moved_memberships(world: World, change: MergePersons) -> tuple[KnownMembership, ...]:
    """The other's memberships become the survivor's; of two open ones in one household the current one stays open."""

    def moved(m: KnownMembership) -> KnownMembership:
        if m.person_id not in (change.gone, change.into):
            return m
        return replace(m, person_id=change.into, state=MembershipState.ENDED if m in doubled else m.state)

    doubled = [_the_lesser(mine, theirs) for mine, theirs in _doubled(world, change)]
    return tuple(moved(m) for m in world.memberships)


def _doubled(world: World, change: MergePersons) -> list[tuple[KnownMembership, KnownMembership]]:
    """Open memberships of both in one household, the survivor's first."""
    theirs = [m for m in world.memberships if m.person_id == change.gone and m.state in OPEN]
    pairs = [(open_membership(world, m.household_id, change.into), m) for m in theirs]
    return [(mine, other) for mine, other in pairs if mine is not None]


def _the_lesser(mine: KnownMembership, theirs: KnownMembership) -> KnownMembership:
    proposed = mine.state is MembershipState.PROPOSED and theirs.state is MembershipState.CURRENT
    return mine if proposed else theirs


def _moved_relationships(world: World, change: MergePersons) -> tuple[KnownRelationship, ...]:
    def moved(id_: str) -> str:
        return change.into if id_ == change.gone else id_

    kept = (r for r in world.relationships if not _second_mother(world, change, r))
    renamed = (replace(r, person_id=moved(r.person_id), to=moved(r.to)) for r in kept)
    return tuple(dict.fromkeys(r for r in renamed if r.person_id != r.to))


def _second_mother(world: World, change: MergePersons, r: KnownRelationship) -> bool:
    """Of two unborn persons who are one, the survivor's mother is the mother."""
    if r.kind is not RelationshipKind.MOTHER or r.to != change.gone or world.people[change.into].born is not None:
        return False
    return any(
        o.kind is RelationshipKind.MOTHER and o.to == change.into and o.person_id != r.person_id
        for o in world.relationships
    )


def _moved_involvements(world: World, change: MergePersons) -> tuple[KnownInvolvement, ...]:
    """One involvement for each team: where both had one, from the earlier start to the later evidence."""
    both: dict[tuple[str, str], KnownInvolvement] = {}
    for i in world.involvements:
        one = replace(i, person_id=change.into) if i.person_id == change.gone else i
        other = both.get((one.team_id, one.person_id))
        both[one.team_id, one.person_id] = one if other is None else _longer(one, other)
    return tuple(both.values())


def _longer(one: KnownInvolvement, other: KnownInvolvement) -> KnownInvolvement:
    latest = max(one, other, key=lambda i: i.renewed_at)
    return replace(latest, since=min(one.since, other.since))


def joined(into: KnownPerson, gone: KnownPerson) -> KnownPerson:
    """What is known of the survivor of a merge: its own first, then the other's; what differs stays findable."""
    born = {day for day in (gone.born, *gone.also_born) if day is not None} - {into.born}
    names = {name for name in (name_of(gone.family, gone.given), *gone.also_known) if name}
    names -= {name_of(into.family or gone.family, into.given or gone.given)}
    return replace(
        into,
        state=_joined_state(into, gone),
        born=into.born or gone.born,
        expected=into.expected or gone.expected,
        family=into.family or gone.family,
        given=into.given or gone.given,
        gender=into.gender or gone.gender,
        practice=into.practice or gone.practice,
        birth_order=into.birth_order or gone.birth_order,
        resolved=into.resolved or gone.resolved,
        identifiers=_distinct(into.identifiers + gone.identifiers),
        addresses=tuple(dict.fromkeys(into.addresses + gone.addresses)),
        also_born=tuple(sorted({*into.also_born, *(born if into.born else born - {gone.born})})),
        also_known=tuple(sorted({*into.also_known, *names})),
    )


def _joined_state(into: KnownPerson, gone: KnownPerson) -> PersonState:
    if PersonState.DIED in (into.state, gone.state):
        return PersonState.DIED
    born = gone.state is PersonState.LIVING and into.state in (PersonState.UNBORN, PersonState.PREGNANCY_ENDED)
    return PersonState.LIVING if born else into.state


def _distinct(identifiers: tuple[KnownIdentifier, ...]) -> tuple[KnownIdentifier, ...]:
    """One assertion by each team of each identifier, the binding one first."""
    ordered = sorted(identifiers, key=lambda i: not i.binding)
    return tuple({(i.system, i.value, i.asserted_by): i for i in reversed(ordered)}.values())
