"""Which teams come into question for a message, and why: whoever works there, who serves the area, who is addressed or added; one hop only."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from broker.domain.addressees import addressees
from broker.domain.kinship import mothers_of
from broker.domain.rules import About, Policy, Relation, Universal
from broker.domain.sharing import Recipient, Tie
from broker.domain.situation import Situation
from broker.domain.states import InvolvementState, PersonState, View
from broker.domain.whereabouts import areas_of, household_areas
from broker.domain.world import Directory, KnownInvolvement, KnownPerson, Team
from schemas.codes import Event, Function
from schemas.problem import Problem

_NEARNESS: Final = {relation: index for index, relation in enumerate(Relation)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """The message that this one answers, ends or takes back: who sent it, and who was told in which view."""

    sender_id: str | None
    told: Mapping[str, View]


@dataclass(frozen=True, slots=True)
class Missing:
    """A service that every such child has, and that nobody can be found for: no area, or no team in the directory for it."""

    function: Function
    person_id: str
    area_id: str | None


@dataclass(frozen=True, slots=True)
class _Work:
    """Confirmed work of an open team with a person."""

    person_id: str
    function: Function
    team: Team


@dataclass(slots=True)
class _Search:
    """What is known and what was found so far."""

    situation: Situation
    policy: Policy
    directory: Directory
    working: list[_Work] = field(default_factory=list)
    ties: dict[str, list[Tie]] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)
    unserved: Function | None = None

    def tie(self, team_id: str, tie: Tie) -> None:
        self.ties.setdefault(team_id, []).append(tie)

    def working_with(self, persons: Collection[str], functions: Collection[Function]) -> list[Team]:
        return [work.team for work in self.working if work.person_id in persons and work.function in functions]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The teams to decide on, in stable order, and what could not be found."""

    recipients: tuple[Recipient, ...]
    closed: tuple[Team, ...]
    """Teams that work there according to what is known, and are closed."""
    missing: tuple[Missing, ...]
    problems: tuple[Problem, ...]
    unreachable: tuple[str, ...]
    """Teams addressed that are not in the directory, or closed."""
    unserved: Function | None
    """The function addressed, when nobody else provides it where the person lives."""


def candidates(
    situation: Situation, policy: Policy, directory: Directory, earlier: Earlier | None = None
) -> Candidates:
    """Every team of the household, of the area, addressed, added or told before; less the sending team alone (principle 2)."""
    search = _Search(situation, policy, directory)
    _involved(search)
    _universal(search)
    _addressed(search)
    _added(search)
    _earlier(search, earlier)
    search.ties.pop(situation.sender.id, None)
    teams = [team for team_id in sorted(search.ties) if (team := directory.teams.get(team_id)) is not None]
    return Candidates(
        recipients=tuple(
            Recipient(team, _in_order(search.ties[team.id], situation)) for team in teams if not team.closed
        ),
        closed=tuple(team for team in teams if team.closed),
        missing=tuple(dict.fromkeys(search.missing)),
        problems=tuple(search.problems),
        unreachable=tuple(search.unreachable),
        unserved=search.unserved,
    )


def _in_order(ties: list[Tie], situation: Situation) -> tuple[Tie, ...]:
    """The nearest tie first, and through a child before through an adult: of equal ones the first gives the reason."""
    if len(ties) == 1:
        return tuple(ties)
    children = {child.id for child in situation.children}
    return tuple(
        sorted(ties, key=lambda tie: (_NEARNESS[tie.relation], tie.person_id not in children, tie.person_id or ""))
    )


def _involved(search: _Search) -> None:
    """Every team that works with somebody there, confirmed or not (principle 3)."""
    situation, policy, teams = search.situation, search.policy, search.directory.teams
    for involvement in situation.world.involvements:
        person_id = involvement.person_id
        own = person_id in situation.subjects
        if not (own or person_id in situation.members) or involvement.state is InvolvementState.ENDED:
            continue
        sure = _confirmed(involvement, policy, situation.now)
        relation = Relation.OWN if own else Relation.HOUSEHOLD
        search.tie(involvement.team_id, Tie(relation, person_id, sure, involvement.renewed_at))
        team = teams.get(involvement.team_id)
        if sure and team is not None and not team.closed:
            search.working.append(_Work(person_id, involvement.function, team))


def _confirmed(involvement: KnownInvolvement, policy: Policy, now: datetime) -> bool:
    """What nothing has renewed in time counts as unconfirmed, whatever is stored."""
    if involvement.state is not InvolvementState.CONFIRMED:
        return False
    return not policy.lapsed(involvement.function, involvement.renewed_at, now)


def _universal(search: _Search) -> None:
    """Services that look for nobody's referral, where a line in force would tell them."""
    lines = [line for line in search.situation.lines if Relation.UNIVERSAL in line.of]
    if not lines:
        return
    groups = search.policy.groups
    for person_id, services in _in_need(search.situation, search.policy):
        areas = areas_of(search.situation, person_id)
        for service in services:
            for function in service.functions:
                if any(function in line.functions or groups[function] in line.groups for line in lines):
                    _serve(search, person_id, areas, service, function)


def _in_need(situation: Situation, policy: Policy) -> Iterator[tuple[str, list[Universal]]]:
    """Whose services are looked for: the child's whom it is about; of an adult's event, every child's of the household.

    A pregnancy that no unborn person stands for yet, or any more, is looked for through its mother. A child whose death
    is what is told has the services it had, who must not come to weigh it.
    """
    about = [*(child for child in situation.children if child.id in situation.subjects), *_died(situation)]
    chosen = about if about and situation.about is About.CHILD else list(situation.children)
    for child in chosen:
        yield child.id, [service for service in policy.universal if _of_age(child, service, situation.now)]
    if situation.rules.pregnancy and not any(child.state is PersonState.UNBORN for child in chosen):
        for subject in situation.message.subjects:
            yield subject, [service for service in policy.universal if service.pregnancy]


def _died(situation: Situation) -> Iterator[KnownPerson]:
    """Children whose death this message tells: as such, or with the birth."""
    if situation.message.event not in (Event.DEATH, Event.BIRTH):
        return
    for subject in sorted(situation.child_subjects):
        known = situation.world.people.get(subject)
        if known is not None and known.state is PersonState.DIED:
            yield known


def _of_age(child: KnownPerson, service: Universal, now: datetime) -> bool:
    if child.state is PersonState.UNBORN or service.pregnancy:
        return service.pregnancy and child.state is PersonState.UNBORN
    age = child.age_days(now)
    return age is not None and service.since <= age < service.until


def _serve(
    search: _Search, person_id: str, areas: tuple[str | None, ...], service: Universal, function: Function
) -> None:
    """The team of that service for this person, unless one that works with them already does it where they live.

    Where an area has no such team, it is whoever stands in for it there.
    """
    if function is Function.GENERAL_PRACTICE:
        _practice(search, person_id)
        return
    persons = (person_id, *_mother_of_unborn(search.situation, person_id))
    functions = (function, *sorted(service.stands_in.get(function, ())))
    working = search.working_with(persons, functions)
    for area in areas:
        provider = next((team for one in functions if (team := search.directory.provider(area, one))), None)
        if provider is not None and not any(team.area_id in (None, area) for team in working):
            search.tie(provider.id, Tie(Relation.UNIVERSAL, person_id))
        elif provider is None and not working and function not in service.optional:
            search.missing.append(Missing(function, person_id, area))


def _mother_of_unborn(situation: Situation, person_id: str) -> tuple[str, ...]:
    known = situation.world.people.get(person_id)
    unborn = known is not None and known.state is PersonState.UNBORN
    return mothers_of(situation.world, person_id) if unborn else ()


def _practice(search: _Search, person_id: str) -> None:
    """The practice the person is registered with; of a child with none, its mother's (F8)."""
    world = search.situation.world
    if search.working_with((person_id,), (Function.GENERAL_PRACTICE,)):
        return
    for holder in (person_id, *mothers_of(world, person_id)):
        known = world.people.get(holder)
        team = search.directory.practice(known.practice) if known is not None else None
        if team is not None:
            search.tie(team.id, Tie(Relation.UNIVERSAL, person_id))
            return


def _addressed(search: _Search) -> None:
    found = addressees(search.situation, search.directory)
    search.problems += found.problems
    search.unreachable += found.unreachable
    search.unserved = found.unserved
    for team in found.teams:
        search.tie(team.id, Tie(Relation.ADDRESSED))


def _added(search: _Search) -> None:
    """Functions that the policy names, where a line for them is in force."""
    situation, directory = search.situation, search.directory
    for line in situation.lines:
        if Relation.ADDED not in line.of:
            continue
        for function in sorted(line.functions):
            for team in _of_area(situation, directory, function):
                if all(tie.relation is not Relation.ADDED for tie in search.ties.get(team.id, ())):
                    search.tie(team.id, Tie(Relation.ADDED))


def _of_area(situation: Situation, directory: Directory, function: Function) -> Iterator[Team]:
    """The function's teams where the household is, or where the sender is when nobody knows; of leads, the sender's own."""
    if function is Function.SAFEGUARDING_LEAD:
        lead = directory.safeguarding_lead(situation.sender.agency_id)
        yield from () if lead is None else (lead,)
        return
    for area in household_areas(situation):
        team = directory.provider(area, function)
        if team is not None:
            yield team


def _earlier(search: _Search, earlier: Earlier | None) -> None:
    if earlier is None:
        return
    if earlier.sender_id is not None:
        search.tie(earlier.sender_id, Tie(Relation.EARLIER))
    for team_id, view in earlier.told.items():
        search.tie(team_id, Tie(Relation.EARLIER, most=view))
