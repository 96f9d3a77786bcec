"""What a person's answer to one of Baton's questions changes: who lives together, who somebody is, which address, who still works with whom."""

from collections.abc import Mapping, Sequence
from typing import Final

from broker.domain import changes as c
from broker.domain.addresses import MINE_IS_OLD
from broker.domain.areas import settle_areas
from broker.domain.draft import Draft, belong, join, leave
from broker.domain.merging import open_membership
from broker.domain.pregnancies import carry
from broker.domain.statements import CONFIRM, LEAVE, move_together, standing_in, vacate
from broker.domain.states import GONE, MembershipState, PersonState
from schemas.codes import Standing, TaskCode

INVOLVED: Final = "yes"
NOT_INVOLVED: Final = "no"
"""Choices of a `confirm-involvement` task."""

Options = Mapping[str, str | list[str]]
"""What a task lets choose among; person ids in it are those of the survivors of merges."""


class NotPossible(Exception):
    """The choice cannot be carried out."""


def decide(draft: Draft, code: TaskCode, options: Options, choice: str, person_id: str | None) -> None:
    """Carry out a choice. What has been settled otherwise meanwhile changes nothing. NotPossible when it must not be."""
    match code:
        case TaskCode.CONFIRM_HOUSEHOLD:
            _household(draft, options, choice)
        case TaskCode.RESOLVE_IDENTITY:
            _identity(draft, options, choice)
        case TaskCode.RESOLVE_ADDRESS:
            _address(draft, options, choice)
        case TaskCode.CONFIRM_INVOLVEMENT:
            _involvement(draft, choice, person_id)
        case _:
            raise NotPossible("This task asks for no choice about people or households.")


def persons_of(options: Options) -> set[str]:
    """Ids among the options that may be persons'."""
    return {*_many(options, "members"), *_many(options, "choices"), *_many(options, "person")}


def _many(options: Options, name: str) -> Sequence[str]:
    said = options.get(name, ())
    return [said] if isinstance(said, str) else said


def _one(options: Options, name: str) -> str:
    return next(iter(_many(options, name)), "")


def _household(draft: Draft, options: Options, choice: str) -> None:
    household_id = _one(options, "household")
    members = [id_ for id_ in _many(options, "members") if draft.person(id_).state not in GONE]
    if choice != CONFIRM:
        _reject(draft, household_id, members, leaving=_one(options, "asks") == LEAVE)
    elif _one(options, "asks") == LEAVE:
        _leave(draft, household_id, members)
    else:
        _join(draft, household_id, members)


def _reject(draft: Draft, household_id: str, members: Sequence[str], *, leaving: bool) -> None:
    for id_ in members:
        known = open_membership(draft.world, household_id, id_)
        if known is not None and known.state is MembershipState.PROPOSED and not leaving:
            draft.do(c.RejectMembership(household_id=household_id, person_id=id_))


def _leave(draft: Draft, household_id: str, members: Sequence[str]) -> None:
    for id_ in members:
        if open_membership(draft.world, household_id, id_) is not None:
            leave(draft, household_id, id_)
    move_together(draft, members)
    settle_areas(draft)


def _join(draft: Draft, household_id: str, members: Sequence[str]) -> None:
    """Everybody confirmed is a member now; whom the confirmation leaves alone at home has moved."""
    if household_id not in draft.world.households:
        raise NotPossible("Nobody lives in that household any more: send who lives together now.")
    homes = {household_id, *(home for id_ in members for home in draft.world.households_of(id_))}
    if len(homes) > 1 and any(draft.world.households[home].refuge for home in homes):
        raise NotPossible("These persons cannot be joined to this household.")
    together = frozenset({*members, *draft.world.members_of(household_id)})
    for id_ in members:
        known = open_membership(draft.world, household_id, id_)
        if known is None:
            join(draft, household_id, id_, standing_in(draft, household_id, id_, together))
        elif known.state is MembershipState.PROPOSED:
            shared = known.standing is Standing.SHARED_CARE
            standing = known.standing if shared else standing_in(draft, household_id, id_, together)
            belong(draft, household_id, id_, standing)
    vacate(draft, household_id, members, together)
    for id_ in members:
        carry(draft, id_)


def _identity(draft: Draft, options: Options, choice: str) -> None:
    """The person is one of the candidates, or none of them, which changes nothing."""
    person_id = _one(options, "person")
    if choice not in draft.world.people or choice == person_id:
        return
    person, other = draft.person(person_id), draft.person(choice)
    if PersonState.SEALED in (person.state, other.state):
        raise NotPossible("A sealed identity is never joined to another.")
    gone, into = (other, person) if person.resolved and not other.resolved else (person, other)
    draft.do(c.MergePersons(gone=gone.id, into=into.id))


def _address(draft: Draft, options: Options, choice: str) -> None:
    """An agency that no longer believes its address ends it for all of the family; neither decides over the other's."""
    if choice != MINE_IS_OLD:
        return
    place, agency = _one(options, "place"), draft.given.sender.agency_id
    homes = {home for id_ in _many(options, "members") for home in draft.world.households_of(id_)}
    family = {*_many(options, "members"), *(m for home in homes for m in draft.world.members_of(home))}
    for id_ in sorted(family):
        for address in draft.person(id_).addresses:
            team = draft.given.directory.teams.get(address.asserted_by)
            if address.place == place and team is not None and team.agency_id == agency:
                draft.do(c.EndAddress(person_id=id_, place=place, held_by=address.asserted_by))


def _involvement(draft: Draft, choice: str, person_id: str | None) -> None:
    team, now = draft.given.sender.id, draft.given.now
    known = next((i for i in draft.world.involvements if (i.team_id, i.person_id) == (team, person_id)), None)
    if known is None:
        return
    if choice == INVOLVED:
        evidence = TaskCode.CONFIRM_INVOLVEMENT.value
        draft.do(c.RenewInvolvement(team_id=team, person_id=known.person_id, at=now, evidence=evidence, revives=True))
    else:
        draft.do(c.EndInvolvement(team_id=team, person_id=known.person_id, at=now))
