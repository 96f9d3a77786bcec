"""What a caller sees of people and households: whom it works with, and no more than its function may know."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session

from broker.domain import break_glass, gaps, sight
from broker.domain.caller import Caller
from broker.domain.states import InvolvementState, MembershipState, PersonState
from broker.domain.world import KnownMembership, KnownPerson, Team, World
from broker.storage import break_glass as emergencies
from broker.storage import people, second_lock
from broker.storage import sight as addressed
from broker.storage.break_glass import Live
from broker.storage.world import load_world
from broker.workflow import unnamed
from broker.workflow.context import Context
from schemas.identifiers import HOUSEHOLD, PERSON

Json = dict[str, Any]

NOBODY: Final = "nobody"
"""The id of no person. Who or what is not there is read as this, so that as many statements are run as for what is not the caller's."""


def persons_by_identifier(
    session: Session, ctx: Context, caller: Caller, system: str, value: str, now: datetime
) -> Json:
    """A searchset of the persons with this identifier whom the caller's team works with; empty says nothing about others."""
    team = ctx.directory.teams.get(caller.team or "")
    found = people.by_identifier(session, ctx.codec, system, value) if team else []
    found = found or [NOBODY]
    world = load_world(session, ctx.codec, found)
    mine = [person for person in found if team and sees(session, world, person, team, ctx, now)]
    locked = second_lock.may_see(session, team.id, mine) if team else frozenset()
    entries = [_entry(world, person, ctx) for person in mine if person in locked]
    found_set: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return found_set | {"entry": entries} if entries else found_set  # R4 has no empty lists


def sees(session: Session, world: World, person_id: str, team: Team, ctx: Context, now: datetime) -> bool:
    """Whether the team may look the person up: it works with them, or sees them in their household."""
    told = addressed.told_in_full(session, team.id, list(world.people) or [NOBODY])
    if person_id in sight.own_clients(world, team, told):
        return True
    homes = [_sight(session, ctx, world, home, team, told, now) for home in world.households_of(person_id)]
    return any(seen is not None and person_id in seen.persons for seen in homes)


def _entry(world: World, person_id: str, ctx: Context) -> Json:
    identifiers = [{"system": PERSON, "value": person_id}]
    identifiers += [{"system": HOUSEHOLD, "value": home} for home in world.households_of(person_id)]
    resource = {"resourceType": "Patient", "id": person_id, "identifier": identifiers}
    return {"fullUrl": f"{ctx.public_url}/fhir/Patient/{person_id}", "resource": resource, "search": {"mode": "match"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A household that a team may look up: who looks, all round it, and what they see of it."""

    team: Team
    world: World
    seen: sight.Sight
    emergency: Live | None = None
    """What lets somebody of it look in an emergency; None where the team may anyhow."""

    def as_seen(self, world: World, household_id: str, now: datetime) -> World:
        """More of the world as the rules are to take it for this look."""
        return world if self.emergency is None else break_glass.lent(world, household_id, self.team, now)


def home(session: Session, ctx: Context, caller: Caller, household_id: str, now: datetime) -> Home | None:
    """The household as the caller's team sees it; None when it may not know of it, and when there is none."""
    team = ctx.directory.teams.get(caller.team or "")
    members = people.members(session, [household_id]) or [NOBODY]
    if team is None:
        return None
    world = load_world(session, ctx.codec, members)
    told = addressed.told_in_full(session, team.id, members)
    seen = _sight(session, ctx, world, household_id, team, told, now)
    if seen is not None:
        locked = second_lock.may_see(session, team.id, seen.persons)
        return Home(team=team, world=world, seen=replace(seen, persons=seen.persons & locked)) if locked else None
    emergency = emergencies.live(session, caller.client, team.id, household_id, now)
    if emergency is None or not break_glass.may(team, ctx.policy):
        return None
    world = break_glass.lent(world, household_id, team, now)  # no row ties the team: the second lock has nothing to say
    seen = _sight(session, ctx, world, household_id, team, told, now)
    return None if seen is None else Home(team=team, world=world, seen=seen, emergency=emergency)


def _sight(
    session: Session, ctx: Context, world: World, household_id: str, team: Team, told: frozenset[str], now: datetime
) -> sight.Sight | None:
    """What the team sees of a household: no sibling whom a transfer to it does not name, unless it works with that child anyhow."""
    seen = sight.of_household(world, household_id, team, ctx.policy, told=told, now=now)
    if seen is None or not seen.whole:
        return seen
    siblings = unnamed.children(session, ctx, world, household_id, team, now)
    return sight.without(seen, siblings - sight.own_clients(world, team, told))


def household(session: Session, ctx: Context, caller: Caller, household_id: str, now: datetime) -> Json | None:
    """Who lives together as the caller's team may know, what each is to the others, who works with them, and what nobody knows."""
    found = home(session, ctx, caller, household_id, now)
    return None if found is None else household_of(found, ctx, household_id, now)


def household_of(found: Home, ctx: Context, household_id: str, now: datetime) -> Json:
    """The same of a household that the team is known to see."""
    team, world, seen = found.team, found.world, found.seen
    shown: Json = {
        "id": household_id,
        "system": HOUSEHOLD,
        "members": [_member(world, m, team) for m in world.memberships if _shown(m, household_id, seen)],
        "wholeHousehold": seen.whole,
    }
    if seen.whole:
        shown["relationships"] = [
            {"person": r.person_id, "is": r.kind.value, "of": r.to}
            for r in world.relationships
            if r.person_id in seen.persons and r.to in seen.persons
        ]
        shown["gaps"] = [
            {"code": gap.code, "person": gap.person_id, "text": gap.text}
            for gap in gaps.gaps(world, household_id, ctx.directory, now, policy=ctx.policy)
        ]
    shown["teams"] = _teams(world, seen, team, ctx)
    return shown


def _shown(membership: KnownMembership, household_id: str, seen: sight.Sight) -> bool:
    return (
        membership.household_id == household_id
        and membership.person_id in seen.persons
        and membership.state is MembershipState.CURRENT
    )


def _member(world: World, membership: KnownMembership, viewer: Team) -> Json:
    person = world.people[membership.person_id]
    by = membership.asserted_by
    hidden = by != viewer.id and sight.hides_address(world, person.id, viewer)
    return {
        "person": person.id,
        "name": name_of(person),
        "born": person.born.isoformat() if person.born else None,
        "expected": person.expected.isoformat() if person.expected and person.state is PersonState.UNBORN else None,
        "state": person.state.value,
        "standing": membership.standing.value,
        "since": membership.since.isoformat() if membership.since else None,
        "accordingTo": None if hidden else by,
    }


def name_of(person: KnownPerson) -> str | None:
    """Somebody's name, as far as it is known."""
    words = [*person.given, person.family or ""]
    return " ".join(word for word in words if word) or None


def _teams(world: World, seen: sight.Sight, viewer: Team, ctx: Context) -> list[Json]:
    """Teams that work with the persons shown, as far as the viewer may know that they do (principle 9).

    Of somebody whose protected address it does not hold it sees none but itself: a team gives the place away (principle 10).
    """
    visible = ctx.policy.visible[ctx.policy.groups[viewer.function]]
    hidden = {person for person in seen.persons if sight.hides_address(world, person, viewer)}
    rows = {
        (i.team_id, i.person_id): i.state
        for i in world.involvements
        if i.person_id in seen.persons
        and i.evidence != break_glass.EVIDENCE
        and (i.team_id == viewer.id or (i.function in visible and i.person_id not in hidden))
    }
    return [
        {
            "team": team_id,
            "name": ctx.directory.teams[team_id].name,
            "function": ctx.directory.teams[team_id].function.value,
            "person": person_id,
            "confirmed": state is InvolvementState.CONFIRMED,
        }
        for (team_id, person_id), state in sorted(rows.items())
    ]
