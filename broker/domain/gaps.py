"""What nobody has said about a household and somebody should ask (F19): prompts, not findings."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from broker.domain.kinship import mothers_of, related
from broker.domain.pregnancy_match import over
from broker.domain.rules import Policy
from broker.domain.states import InvolvementState, PersonState
from broker.domain.world import Directory, KnownPerson, World
from schemas.codes import Function, RelationshipKind

UNDER_FIVE = 5 * 365 + 1
"""Days of age until which a health visiting team is universal (Healthy Child Programme)."""
ADULT = 18 * 365 + 4
"""Days of age from which somebody is no child."""


class GapCode(StrEnum):
    """What is missing."""

    FATHER_NOT_IDENTIFIED = "father-not-identified"
    MOTHER_NOT_IDENTIFIED = "mother-not-identified"
    NO_GENERAL_PRACTICE = "no-general-practice"
    NO_HEALTH_VISITING = "no-health-visiting"
    NO_MIDWIFERY = "no-midwifery"
    ONE_AGENCY = "known-to-one-agency"
    UNRESOLVED = "not-resolved"
    PREGNANCY_OVERDUE = "pregnancy-overdue"


TEXTS = {
    GapCode.FATHER_NOT_IDENTIFIED: "The father of a child in this household is not identified by any agency.",
    GapCode.MOTHER_NOT_IDENTIFIED: "The mother of a child in this household is not identified by any agency.",
    GapCode.NO_GENERAL_PRACTICE: "A child in this household is not known to be registered with a general practice.",
    GapCode.NO_HEALTH_VISITING: "No health visiting team is known to work with a child in this household.",
    GapCode.NO_MIDWIFERY: "No midwifery team is known to work with a pregnancy in this household.",
    GapCode.ONE_AGENCY: "An adult in this household is known to one agency only.",
    GapCode.UNRESOLVED: "Of somebody in this household only a case number or nothing but the relation is known.",
    GapCode.PREGNANCY_OVERDUE: "A pregnancy in this household should have ended, and nobody has said how.",
}
"""For people; without names (those are reached through the person)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One thing nobody has said. `code` is a GapCode."""

    code: str
    person_id: str | None
    text: str


def gaps(
    world: World, household_id: str, directory: Directory, now: datetime, *, policy: Policy | None = None
) -> tuple[Gap, ...]:
    """What is missing about a household. `world` is loaded for all its members; with a policy, lapsed work counts as none."""
    view = _View(world, directory, now, policy)
    members = [world.people[id_] for id_ in world.members_of(household_id)]
    found = [(code, person.id) for person in members for code in view.of(person)]
    return tuple(Gap(code=code, person_id=id_, text=TEXTS[code]) for code, id_ in found)


def fathers_of(world: World, child_id: str) -> tuple[str, ...]:
    """Whoever is said to be the child's father, or a parent who is male."""
    parents = related(world, child_id, RelationshipKind.PARENT)
    male = (id_ for id_ in parents if id_ in world.people and world.people[id_].gender == "male")
    return (*related(world, child_id, RelationshipKind.FATHER), *male)


@dataclass(frozen=True, slots=True)
class _View:
    world: World
    directory: Directory
    now: datetime
    policy: Policy | None

    def of(self, person: KnownPerson) -> Iterator[GapCode]:
        """The gaps of one member."""
        if person.state is PersonState.UNBORN:
            yield from self._pregnancy(person)
        elif person.state in (PersonState.LIVING, PersonState.SEALED):
            age = person.age_days(self.now)
            yield from self._child(person, age) if age is not None and age < ADULT else self._adult(person)

    def _pregnancy(self, unborn: KnownPerson) -> Iterator[GapCode]:
        yield from self._parents(unborn)
        mothers = mothers_of(self.world, unborn.id)
        if not self._works(Function.MIDWIFERY, {unborn.id, *mothers}):
            yield GapCode.NO_MIDWIFERY
        if not self._works(Function.HEALTH_VISITING, {unborn.id, *mothers}):
            yield GapCode.NO_HEALTH_VISITING
        if over(unborn, self.now.date()):
            yield GapCode.PREGNANCY_OVERDUE

    def _child(self, child: KnownPerson, age: int) -> Iterator[GapCode]:
        yield from self._parents(child)
        if child.practice is None:
            yield GapCode.NO_GENERAL_PRACTICE
        if age < UNDER_FIVE and not self._works(Function.HEALTH_VISITING, {child.id}):
            yield GapCode.NO_HEALTH_VISITING

    def _parents(self, child: KnownPerson) -> Iterator[GapCode]:
        if not self._identified(mothers_of(self.world, child.id)):
            yield GapCode.MOTHER_NOT_IDENTIFIED
        if not self._identified(fathers_of(self.world, child.id)):
            yield GapCode.FATHER_NOT_IDENTIFIED

    def _identified(self, ids: tuple[str, ...]) -> bool:
        """Somebody is named in the role, and more is known of them than the role."""
        return any(id_ in self.world.people and self.world.people[id_].resolved for id_ in ids)

    def _adult(self, adult: KnownPerson) -> Iterator[GapCode]:
        if not adult.resolved:
            yield GapCode.UNRESOLVED
        if len(self._agencies(adult)) <= 1:
            yield GapCode.ONE_AGENCY

    def _agencies(self, adult: KnownPerson) -> set[str]:
        """Agencies that have said something of the person themselves, beyond naming them in a household."""
        teams = {a.asserted_by for a in adult.addresses}
        teams |= {i.team_id for i in self.world.involvements if i.person_id == adult.id}
        by_team = {self.directory.teams[team].agency_id for team in teams if team in self.directory.teams}
        return by_team | {i.agency for i in adult.identifiers if i.agency}

    def _works(self, function: Function, persons: set[str]) -> bool:
        """Whether a team of that function, or one that stands in for it, is confirmed with any of them."""
        functions = {function} | (
            {Function.FAMILY_NURSE_PARTNERSHIP} if function is Function.HEALTH_VISITING else set()
        )
        return any(
            i.person_id in persons and i.function in functions and i.state is InvolvementState.CONFIRMED
            for i in self.world.involvements
            if self.policy is None or not self.policy.lapsed(i.function, i.renewed_at, self.now)
        )
