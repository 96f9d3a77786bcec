"""A message being settled: the world as it becomes, step by step, with the changes that make it so; the steps are rules beside this file."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, TypeAlias

from broker.domain import changes as c
from broker.domain.effects import after
from broker.domain.kinship import unborn_of
from broker.domain.merging import open_membership
from broker.domain.rules import Group, Policy
from broker.domain.states import GONE, MembershipState, PersonState
from broker.domain.wanted import TaskWanted
from broker.domain.world import Directory, KnownPerson, Team, World
from schemas.codes import Standing, TaskCode
from schemas.message import Message, PostalAddress
from schemas.problem import Problem

CHILDHOOD: Final = timedelta(days=18 * 365 + 4)
"""Under this age somebody is a child (Children Act 1989 s.105); four leap days fall into it."""

Place: TypeAlias = Callable[[PostalAddress], str | None]
"""Keyed hash of the normalised address; None for what is no address of a place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a rule may read besides the message and the world."""

    message: Message
    """Keys are person ids."""
    sender: Team
    directory: Directory
    policy: Policy
    now: datetime
    place: Place
    new_id: Callable[[], str]
    looked_up: bool = False
    """What the message says is a record that Baton asked a service for."""

    @property
    def on(self) -> date:
        """The day of the event."""
        return self.message.occurred.date()


@dataclass(slots=True)
class Draft:
    """The world so far, and what was decided on the way to it."""

    given: Given
    before: World
    world: World
    changes: list[c.Change] = field(default_factory=list)
    tasks: list[TaskWanted] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def do(self, *changes: c.Change) -> None:
        """Let the changes happen."""
        self.changes += changes
        self.world = after(self.world, changes, self.given.sender)

    def ask(
        self,
        code: TaskCode,
        description: str,
        *,
        key: str,
        options: Mapping[str, str | list[str]],
        owner: str | None = None,
        person_id: str | None = None,
        household_id: str | None = None,
        cites: str = "",
    ) -> None:
        """Ask people to decide; the sender unless an owner is named. `key` names the situation, for once and all."""
        given, asked = self.given, owner or self.given.sender.id
        within = given.policy.own_asks.settle
        self.tasks.append(
            TaskWanted(
                code=code,
                owner=asked,
                description=description,
                dedupe_key=f"{code.value}:{key}",
                person_id=person_id,
                household_id=household_id,
                due_at=within.after(given.now, given.directory.teams[asked].calendar),
                cites=cites,
                options=options,
            )
        )

    def speaks_for_children(self) -> bool:
        """Whether the sender works for children or keeps their register, so that its word on who lives together counts.

        General practice does as long as the message is about a child or a pregnancy (principle 4).
        """
        given = self.given
        function = given.sender.function
        if given.policy.groups.get(function) not in (Group.CHILD_FACING, Group.RECORDS):
            return False
        named = [person.key for person in given.message.people]
        for_child = any(self.is_child(id_) or self.is_pregnant(id_) for id_ in named)
        return for_child or function not in given.policy.only_with_child

    def person(self, person_id: str) -> KnownPerson:
        """Somebody as known so far."""
        return self.world.people[person_id]

    def homes(self, person_id: str) -> tuple[str, ...]:
        """Households in which the person lives (shared care not counted), in stable order."""
        return tuple(
            sorted(
                m.household_id
                for m in self.world.memberships
                if m.person_id == person_id
                and m.state is MembershipState.CURRENT
                and m.standing is not Standing.SHARED_CARE
            )
        )

    def is_child(self, person_id: str) -> bool:
        """Unborn, or under eighteen on the day of the event."""
        known = self.person(person_id)
        if known.state is PersonState.UNBORN:
            return True
        return known.born is not None and known.born + CHILDHOOD > self.given.on

    def children_at(self, household_id: str) -> frozenset[str]:
        """Children, born or unborn, who live there; shared care counts where they live, not here."""
        members = self.world.members_of(household_id)
        return frozenset(m for m in members if self.is_child(m) and household_id in self.homes(m))

    def adults_at(self, household_id: str) -> frozenset[str]:
        """Living adults of the household."""
        members = self.world.members_of(household_id)
        return frozenset(m for m in members if not self.is_child(m) and self.person(m).state not in GONE)

    def is_pregnant(self, person_id: str) -> bool:
        """Whether she is expecting a child."""
        return bool(unborn_of(self.world, person_id))

    def concerns_children(self, household_ids: Iterable[str]) -> bool:
        """Whether a child or a pregnancy is in any of the households."""
        return any(self.children_at(household_id) for household_id in household_ids)


def join(
    draft: Draft,
    household_id: str,
    person_id: str,
    standing: Standing = Standing.LIVES,
    *,
    state: MembershipState = MembershipState.CURRENT,
    since: date | None = None,
) -> None:
    """Open a membership; none is open yet."""
    draft.do(
        c.OpenMembership(
            household_id=household_id,
            person_id=person_id,
            standing=standing,
            state=state,
            since=since or draft.given.on,
        )
    )


def belong(draft: Draft, household_id: str, person_id: str, standing: Standing = Standing.LIVES) -> None:
    """Make the person a current member, whatever was proposed before; nothing when they are one so."""
    known = open_membership(draft.world, household_id, person_id)
    if known is None:
        join(draft, household_id, person_id, standing)
    elif known.state is MembershipState.PROPOSED or known.standing is not standing:
        draft.do(c.ConfirmMembership(household_id=household_id, person_id=person_id, standing=standing))


def leave(draft: Draft, household_id: str, person_id: str, until: date | None = None) -> None:
    """End an open membership."""
    draft.do(c.EndMembership(household_id=household_id, person_id=person_id, until=until or draft.given.on))


def open_home(draft: Draft, members: Iterable[str], *, refuge: bool = False) -> str:
    """A new household of these persons, in the sender's area until `settle_areas` finds an address that says more."""
    id_ = draft.given.new_id()
    draft.do(c.OpenHousehold(household_id=id_, area_id=draft.given.sender.area_id, refuge=refuge))
    for member in members:
        join(draft, id_, member)
    return id_


def revise(before: World, world: World, changes: Iterable[c.Change]) -> c.Revise | None:
    """Which persons and households of `before` the changes touch, with their versions; None when they touch none.

    What does not bear on routing raises no household: two teams that confirm a known child's number at the same time
    need not decide again.
    """
    people: set[str] = set()
    households: set[str] = set()
    for change in changes:
        persons = _persons(change)
        people |= persons
        households |= _households(change)
        if not isinstance(change, _OF_NO_HOUSEHOLD):
            households |= {home for id_ in persons for known in (before, world) for home in known.households_of(id_)}
    known_people = {id_: before.people[id_].version for id_ in sorted(people) if id_ in before.people}
    known_households = {id_: before.households[id_].version for id_ in sorted(households) if id_ in before.households}
    if not known_people and not known_households:
        return None
    return c.Revise(people=known_people, households=known_households)


_OF_NO_HOUSEHOLD = (c.AssertIdentifier, c.AssertAddress, c.EndAddress, c.Revise)


def _persons(change: c.Change) -> set[str]:
    if isinstance(change, c.RenewInvolvement) and not change.revives:
        return set()
    names = ("person_id", "to", "gone", "into")
    return {str(getattr(change, name)) for name in names if hasattr(change, name)}


def _households(change: c.Change) -> set[str]:
    household = getattr(change, "household_id", None)
    return set() if household is None else {str(household)}
