"""What each change does to a world; storage does the same to rows, and a test holds the two together."""

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce, singledispatch

from broker.domain import changes as c
from broker.domain.merging import merged, open_membership
from broker.domain.names import name_of
from broker.domain.states import InvolvementState, MembershipState, PersonState
from broker.domain.world import (
    KnownAddress,
    KnownHousehold,
    KnownIdentifier,
    KnownInvolvement,
    KnownMembership,
    KnownPerson,
    KnownRelationship,
    Team,
    World,
)


def after(world: World, changes: Iterable[c.Change], by: Team) -> World:
    """The world once the changes have happened, as told by the team `by`."""
    return reduce(lambda so_far, change: _effect(change, so_far, by), changes, world)


def updated(known: KnownPerson, change: c.UpdatePerson) -> KnownPerson:
    """What is known of somebody after an update; a name that is replaced stays findable, and '' removes a practice."""
    now = replace(known, **change.says())  # type: ignore[arg-type]  # fields of it, by name
    before, called = name_of(known.family, known.given), name_of(now.family, now.given)
    also = {*known.also_known, before} - {"", called} if before != called else known.also_known
    return replace(now, practice=now.practice or None, also_known=tuple(sorted(also)))


def _with(world: World, person: KnownPerson) -> World:
    return replace(world, people={**world.people, person.id: person})


def _membership(world: World, household_id: str, person_id: str, **said: object) -> World:
    """The world with the open membership of a person in a household changed."""
    found = open_membership(world, household_id, person_id)
    changed = [replace(m, **said) if m is found else m for m in world.memberships]  # type: ignore[arg-type]  # fields of it
    return replace(world, memberships=tuple(changed))


@singledispatch
def _effect(change: object, _world: World, _by: Team) -> World:
    raise TypeError(type(change).__name__)


@_effect.register
def _revise(change: c.Revise, world: World, _by: Team) -> World:
    people = {id_: replace(world.people[id_], version=read + 1) for id_, read in change.people.items()}
    households = {id_: replace(world.households[id_], version=read + 1) for id_, read in change.households.items()}
    return replace(world, people={**world.people, **people}, households={**world.households, **households})


@_effect.register
def _add(change: c.AddPerson, world: World, _by: Team) -> World:
    known = KnownPerson(
        id=change.person_id,
        state=change.state,
        born=change.born,
        expected=change.expected,
        family=change.family,
        given=change.given,
        gender=change.gender,
        practice=change.practice,
        birth_order=change.birth_order,
        resolved=change.resolved,
    )
    return _with(world, known)


@_effect.register
def _update(change: c.UpdatePerson, world: World, _by: Team) -> World:
    return _with(world, updated(world.people[change.person_id], change))


@_effect.register
def _become_child(change: c.BecomeChild, world: World, _by: Team) -> World:
    return _with(world, replace(world.people[change.person_id], state=PersonState.LIVING, born=change.born))


@_effect.register
def _end_pregnancy(change: c.EndPregnancy, world: World, _by: Team) -> World:
    return _with(world, replace(world.people[change.person_id], state=PersonState.PREGNANCY_ENDED))


@_effect.register
def _died(change: c.PersonDied, world: World, _by: Team) -> World:
    return _with(world, replace(world.people[change.person_id], state=PersonState.DIED))


@_effect.register
def _lives(change: c.PersonLives, world: World, _by: Team) -> World:
    return _with(world, replace(world.people[change.person_id], state=PersonState.LIVING))


@_effect.register
def _seal(change: c.SealPerson, world: World, _by: Team) -> World:
    return _with(world, replace(world.people[change.person_id], state=PersonState.SEALED))


@_effect.register
def _assert_identifier(change: c.AssertIdentifier, world: World, by: Team) -> World:
    known = world.people[change.person_id]
    identifier = KnownIdentifier(
        system=change.system,
        value=change.value,
        valid=change.valid,
        verified=change.verified,
        asserted_by=by.id,
        agency=by.agency_id,
        binding=change.binding,
    )
    return _with(world, replace(known, identifiers=(*known.identifiers, identifier)))


@_effect.register
def _relate(change: c.AddRelationship, world: World, _by: Team) -> World:
    relationship = KnownRelationship(person_id=change.person_id, kind=change.kind, to=change.to)
    return replace(world, relationships=(*world.relationships, relationship))


@_effect.register
def _open_household(change: c.OpenHousehold, world: World, _by: Team) -> World:
    household = KnownHousehold(id=change.household_id, version=1, area_id=change.area_id, refuge=change.refuge)
    return replace(world, households={**world.households, household.id: household})


@_effect.register
def _set_area(change: c.SetArea, world: World, _by: Team) -> World:
    household = replace(world.households[change.household_id], area_id=change.area_id)
    return replace(world, households={**world.households, household.id: household})


@_effect.register
def _open_membership(change: c.OpenMembership, world: World, by: Team) -> World:
    membership = KnownMembership(
        household_id=change.household_id,
        person_id=change.person_id,
        standing=change.standing,
        state=change.state,
        since=change.since,
        asserted_by=by.id,
    )
    return replace(world, memberships=(*world.memberships, membership))


@_effect.register
def _confirm_membership(change: c.ConfirmMembership, world: World, _by: Team) -> World:
    return _membership(
        world, change.household_id, change.person_id, state=MembershipState.CURRENT, standing=change.standing
    )


@_effect.register
def _reject_membership(change: c.RejectMembership, world: World, _by: Team) -> World:
    return _membership(world, change.household_id, change.person_id, state=MembershipState.REJECTED)


@_effect.register
def _end_membership(change: c.EndMembership, world: World, _by: Team) -> World:
    found = open_membership(world, change.household_id, change.person_id)
    until = max(change.until, found.since) if found and found.since else change.until
    return _membership(world, change.household_id, change.person_id, state=MembershipState.ENDED, until=until)


@_effect.register
def _assert_address(change: c.AssertAddress, world: World, by: Team) -> World:
    known = world.people[change.person_id]
    address = KnownAddress(place=change.place, area_id=change.area_id, protected=change.protected, asserted_by=by.id)
    return _with(world, replace(known, addresses=(*known.addresses, address)))


@_effect.register
def _end_address(change: c.EndAddress, world: World, _by: Team) -> World:
    known = world.people[change.person_id]
    kept = tuple(a for a in known.addresses if (a.place, a.asserted_by) != (change.place, change.held_by))
    return _with(world, replace(known, addresses=kept))


@_effect.register
def _protect_address(change: c.ProtectAddress, world: World, _by: Team) -> World:
    known = world.people[change.person_id]
    marked = tuple(replace(a, protected=a.protected or a.place == change.place) for a in known.addresses)
    return _with(world, replace(known, addresses=marked))


@_effect.register
def _open_involvement(change: c.OpenInvolvement, world: World, _by: Team) -> World:
    involvement = KnownInvolvement(
        team_id=change.team_id,
        person_id=change.person_id,
        function=change.function,
        state=InvolvementState.CONFIRMED,
        since=change.since,
        renewed_at=change.since,
        evidence=change.evidence,
    )
    return replace(world, involvements=(*world.involvements, involvement))


@_effect.register
def _renew_involvement(change: c.RenewInvolvement, world: World, _by: Team) -> World:
    def renewed(i: KnownInvolvement) -> KnownInvolvement:
        if (i.team_id, i.person_id) != (change.team_id, change.person_id):
            return i
        return replace(i, state=InvolvementState.CONFIRMED, renewed_at=change.at, evidence=change.evidence)

    return replace(world, involvements=tuple(renewed(i) for i in world.involvements))


@_effect.register
def _end_involvement(change: c.EndInvolvement, world: World, _by: Team) -> World:
    gone = (change.team_id, change.person_id)
    return replace(world, involvements=tuple(i for i in world.involvements if (i.team_id, i.person_id) != gone))


@_effect.register
def _merge(change: c.MergePersons, world: World, _by: Team) -> World:
    return merged(world, change)
