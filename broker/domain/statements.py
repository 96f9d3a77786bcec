"""What a statement of who lives together (a Group) changes: who joins which household, who leaves, and what people must confirm first."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations
from typing import Final

from broker.domain.draft import Draft, belong, join, leave, open_home
from broker.domain.kinship import mothers_of
from broker.domain.merging import OPEN, open_membership
from broker.domain.states import GONE, InvolvementState, MembershipState, PersonState
from broker.domain.world import KnownMembership
from schemas.codes import Function, Standing, TaskCode
from schemas.message import HouseholdMember
from schemas.problem import Problem

CONFIRM: Final = "confirm"
REJECT: Final = "reject"
"""Choices of a `confirm-household` task."""
JOIN: Final = "join"
LEAVE: Final = "leave"
"""What such a task asks."""
UNCHANGED: Final = Problem("Group", "is kept, and changes no household", "informational", "information")
"""Why is not said: the answer must not tell that a household is a refuge; nor is it said to who works with nobody there."""
REFUGE: Final = "refuge"
"""Label of a message whose household is a refuge (sharing principle 10)."""


def settle_statement(draft: Draft) -> None:
    """Let the message's statement of who lives together count, or ask its sender to confirm it."""
    stated = [m for m in draft.given.message.household if _may_be_stated(draft, m.person)]
    gone = [m for m in stated if has_left(draft, m)]
    staying = [m for m in stated if m not in gone]
    if REFUGE in draft.given.message.labels:
        _refuge(draft, staying)
        return
    _Statement(draft, staying, draft.speaks_for_children()).settle()
    _leaving(draft, gone, staying)


def _may_be_stated(draft: Draft, person_id: str) -> bool:
    """Living persons. The unborn are where their mother is, whatever else is said (`pregnancies.py`)."""
    state = draft.person(person_id).state
    return state not in GONE and not (state is PersonState.UNBORN and mothers_of(draft.world, person_id))


def has_left(draft: Draft, member: HouseholdMember) -> bool:
    """Whether the line says that the person no longer belongs there."""
    return member.standing is Standing.LEFT or (member.until is not None and member.until <= draft.given.on)


class _Statement:
    """Who is said to live together now, and what that comes to."""

    def __init__(self, draft: Draft, members: Sequence[HouseholdMember], trusted: bool) -> None:  # noqa: FBT001 - of this file
        """`trusted`: the sender's word counts without confirmation, unless it would join two families."""
        self.draft = draft
        self.said = {m.person: self._plain(m) for m in members}
        self.named = frozenset(self.said)
        self.living = [id_ for id_, m in self.said.items() if m.standing is Standing.LIVES and not self._is_to_come(m)]
        self.trusted = trusted

    def _plain(self, member: HouseholdMember) -> HouseholdMember:
        """Care is shared of children: an adult said to stand so lives there."""
        shared = member.standing is Standing.SHARED_CARE and not self.draft.is_child(member.person)
        return replace(member, standing=Standing.LIVES) if shared else member

    def _is_to_come(self, member: HouseholdMember) -> bool:
        later = member.since is not None and member.since > self.draft.given.now.date()
        return member.standing is Standing.WILL_LIVE or later

    def settle(self) -> None:
        """Find the household meant and let everybody join it who is not there yet."""
        target = self._target()
        if target is not None and self._refuge_forbids(target):
            if self._works_in_a_refuge():
                self.draft.problems.append(UNCHANGED)
            return
        joining = [id_ for id_ in self.said if target is None or self._is_news(target, id_)]
        joining = [id_ for id_ in joining if self.trusted or not self._was_rejected(target, id_)]
        if not joining or not self.living:
            return
        alone = target is None and self._lives_alone(joining)
        household = open_home(self.draft, []) if target is None else target
        contested = self._joins_two_families(household)
        at_once = joining if alone else [id_ for id_ in joining if self._may_join(id_, contested=contested)]
        for id_ in at_once:
            self._join(household, id_)
        self._propose(household, [id_ for id_ in joining if id_ not in at_once])
        vacate(self.draft, household, at_once, self.named)

    def _lives_alone(self, joining: Sequence[str]) -> bool:
        """One adult of whom no home was known: that joins nobody to anybody, so nobody need confirm it."""
        return len(self.said) == 1 and joining == self.living and not self.draft.is_child(joining[0])

    def _may_join(self, person_id: str, *, contested: bool) -> bool:
        elsewhere = contested and bool(self.draft.homes(person_id))
        return self.trusted and not elsewhere and not self._is_to_come(self.said[person_id])

    def _target(self) -> str | None:
        """The household meant: of the named adults, else of the children if no other adult lives there; None: a new one."""
        if not self.trusted and (said := self._said_already()):
            return said
        adults = [id_ for id_ in self.living if not self.draft.is_child(id_)]
        of_adults = self._homes(adults)
        if of_adults:
            with_children = [home for home in of_adults if self.draft.children_at(home)]
            return self._likeliest(with_children or of_adults)
        of_children = self._homes(self.living)
        if adults:
            of_children = [home for home in of_children if not self.draft.adults_at(home) - self.named]
        return self._likeliest(of_children) or self._likeliest(self._proposed())

    def _said_already(self) -> str | None:
        """The household in which all of this waits to be confirmed."""
        every = [set(self._open_in(id_)) for id_ in self.said]
        return min(set.intersection(*every), default=None) if every else None

    def _open_in(self, person_id: str) -> list[str]:
        return [m.household_id for m in self.draft.world.memberships if m.person_id == person_id and m.state in OPEN]

    def _proposed(self) -> list[str]:
        """Households to which the named are already said to belong."""
        said = (m for m in self.draft.world.memberships if m.state is MembershipState.PROPOSED)
        return sorted({m.household_id for m in said if m.person_id in self.named})

    def _homes(self, persons: Iterable[str]) -> list[str]:
        return sorted({home for id_ in persons for home in self.draft.homes(id_)})

    def _likeliest(self, homes: Sequence[str]) -> str | None:
        """The one where most of the named live."""
        members = {home: self.named & set(self.draft.world.members_of(home)) for home in homes}
        return min(homes, key=lambda home: (-len(members[home]), home), default=None)

    def _joins_two_families(self, household_id: str) -> bool:
        """Whether children of different homes would come to live together."""
        homes = self._homes(id_ for id_ in self.living if not self.draft.is_child(id_))
        families = [self.draft.children_at(home) for home in {*homes, household_id}]
        return any(not (one <= other or other <= one) for one, other in combinations(families, 2))

    def _refuge_forbids(self, household_id: str) -> bool:
        """A refuge joins no other household: nobody from elsewhere joins it, and nobody in it joins another."""
        households = self.draft.world.households
        outside = self.named - set(self.draft.world.members_of(household_id))
        if households[household_id].refuge:
            return any(self.draft.world.households_of(id_) for id_ in outside)
        return any(households[home].refuge for id_ in outside for home in self.draft.world.households_of(id_))

    def _works_in_a_refuge(self) -> bool:
        """Whether the sender works with one of the named who is in a refuge. Nobody else is answered that nothing changed: it would tell of the refuge."""
        world, sender = self.draft.world, self.draft.given.sender.id
        clients = {
            i.person_id for i in world.involvements if i.team_id == sender and i.state is InvolvementState.CONFIRMED
        }
        return any(world.households[home].refuge for id_ in self.named & clients for home in world.households_of(id_))

    def _is_news(self, household_id: str, person_id: str) -> bool:
        """Not yet a member so, and not said of a time before the person left."""
        known = open_membership(self.draft.world, household_id, person_id)
        if known is not None:
            confirms = known.state is MembershipState.PROPOSED and self._may_join(person_id, contested=False)
            moves_in = (
                known.standing is Standing.SHARED_CARE and self._standing(household_id, person_id) is Standing.LIVES
            )
            return confirms or moves_in
        return not any(
            m.until is not None and self.draft.given.on < m.until for m in self._past(household_id, person_id)
        )

    def _past(self, household_id: str | None, person_id: str) -> list[KnownMembership]:
        """Memberships of the person that are no more, in this household or (None) in any."""
        theirs = [m for m in self.draft.world.memberships if m.person_id == person_id and m.state not in OPEN]
        return [m for m in theirs if household_id in (None, m.household_id)]

    def _was_rejected(self, household_id: str | None, person_id: str) -> bool:
        """Whether this team has said so before, and a person said no; a new date is a new statement."""
        since, sender = self.said[person_id].since, self.draft.given.sender.id
        rejected = [m for m in self._past(household_id, person_id) if m.state is MembershipState.REJECTED]
        return any(m.asserted_by == sender and since in (None, m.since) for m in rejected)

    def _standing(self, household_id: str, person_id: str) -> Standing:
        if self.said[person_id].standing is Standing.SHARED_CARE:
            return Standing.SHARED_CARE
        return standing_in(self.draft, household_id, person_id, self.named)

    def _join(self, household_id: str, person_id: str) -> None:
        standing = self._standing(household_id, person_id)
        if open_membership(self.draft.world, household_id, person_id) is None:
            join(self.draft, household_id, person_id, standing, since=self.said[person_id].since)
        else:
            belong(self.draft, household_id, person_id, standing)

    def _propose(self, household_id: str, persons: Sequence[str]) -> None:
        """Nothing counts until the sender has confirmed it (F2)."""
        fresh = [id_ for id_ in persons if open_membership(self.draft.world, household_id, id_) is None]
        fresh = [id_ for id_ in fresh if not self._was_rejected(household_id, id_)]
        for id_ in fresh:
            member = self.said[id_]
            standing = Standing.WILL_LIVE if self._is_to_come(member) else member.standing
            join(self.draft, household_id, id_, standing, state=MembershipState.PROPOSED, since=member.since)
        if fresh:
            ask_to_confirm(
                self.draft,
                household_id,
                fresh,
                "Confirm who lives, or will live, in this household.",
                once=self.draft.given.message.id,
            )


def standing_in(draft: Draft, household_id: str, person_id: str, named: frozenset[str]) -> Standing:
    """How somebody joins: children who live with an adult not named are shared, never taken out of the other home."""
    others = [home for home in draft.homes(person_id) if home != household_id]
    elsewhere = draft.is_child(person_id) and any(draft.adults_at(home) - named for home in others)
    return Standing.SHARED_CARE if elsewhere else Standing.LIVES


def ask_to_confirm(
    draft: Draft,
    household_id: str,
    members: Sequence[str],
    description: str,
    *,
    once: str,
    owner: str | None = None,
    asks: str = JOIN,
    cites: str = "F2, 7.1.3",
) -> None:
    """Ask a team whether these persons belong to the household, or (`asks`) no longer do; `once` for each situation."""
    ordered = sorted(members)
    draft.ask(
        TaskCode.CONFIRM_HOUSEHOLD,
        description,
        key=":".join((asks, household_id, *ordered, once)),
        owner=owner,
        person_id=ordered[0],
        household_id=household_id,
        options={"household": household_id, "members": ordered, "asks": asks, "choices": [CONFIRM, REJECT]},
        cites=cites,
    )


def vacate(draft: Draft, household_id: str, joined: Iterable[str], together: Iterable[str]) -> None:
    """Those who joined the household have left a home that nobody else of a family keeps.

    An adult leaves a home without children; everybody leaves a home where nobody stays behind. Other homes are kept:
    somebody may belong to two, and that a child no longer lives in one is for people to say.
    """
    now_here = set(together) & set(draft.world.members_of(household_id))
    for id_ in joined:
        if household_id not in draft.homes(id_):
            continue
        for home in draft.homes(id_):
            behind = set(draft.world.members_of(home)) - now_here
            grown_without_children = not draft.is_child(id_) and not draft.children_at(home) - now_here
            if home != household_id and (not behind or grown_without_children):
                leave(draft, home, id_)
    _close_empty(draft, household_id, now_here)


def _close_empty(draft: Draft, household_id: str, now_here: set[str]) -> None:
    """Shared care ends with a home in which nobody lives any more."""
    elsewhere = {home for id_ in now_here for home in draft.world.households_of(id_)} - {household_id}
    for home in sorted(elsewhere):
        members = draft.world.members_of(home)
        if not any(home in draft.homes(member) for member in members):
            for member in members:
                leave(draft, home, member)


def _leaving(draft: Draft, gone: Sequence[HouseholdMember], staying: Sequence[HouseholdMember]) -> None:
    """End membership in the households shared with those who are said to stay, or with the message's subjects."""
    leavers = {m.person for m in gone}
    company = ({m.person for m in staying} | set(draft.given.message.subjects)) - leavers
    by_home: dict[str, list[HouseholdMember]] = {}
    for member in gone:
        for home in draft.world.households_of(member.person):
            shared = company & set(draft.world.members_of(home))
            if shared and not _returned_since(draft, home, member):
                by_home.setdefault(home, []).append(member)
    for home, members in sorted(by_home.items()):
        _leave_home(draft, home, members)


def _returned_since(draft: Draft, household_id: str, member: HouseholdMember) -> bool:
    """The person came after the day they are said to have left: an older statement that arrives late."""
    known = open_membership(draft.world, household_id, member.person)
    return known is not None and known.since is not None and known.since > _day_left(draft, member)


def _day_left(draft: Draft, member: HouseholdMember) -> date:
    return member.until or draft.given.on


def _leave_home(draft: Draft, household_id: str, members: Sequence[HouseholdMember]) -> None:
    persons = [m.person for m in members]
    if not draft.speaks_for_children():
        here = (open_membership(draft.world, household_id, id_) for id_ in persons)
        once = max(str(m.since) for m in here if m is not None)
        ask_to_confirm(
            draft, household_id, persons, "Confirm who no longer lives in this household.", once=once, asks=LEAVE
        )
        return
    for member in members:
        leave(draft, household_id, member.person, _day_left(draft, member))
    move_together(draft, persons)


def move_together(draft: Draft, persons: Sequence[str]) -> None:
    """Children who left with their mother, and now live nowhere, live with her."""
    homeless = [id_ for id_ in persons if not draft.world.households_of(id_) and draft.person(id_).state not in GONE]
    for mother in homeless:
        children = [id_ for id_ in homeless if mother in mothers_of(draft.world, id_)]
        if children:
            open_home(draft, [mother, *children])


def _refuge(draft: Draft, members: Sequence[HouseholdMember]) -> None:
    """A refuge is a household of its own: those who fled to it belong to no other, and nobody else is joined to it.

    To keep them in the home they left would route what concerns them to the teams of whom they fled.
    """
    if not draft.speaks_for_children() and draft.given.sender.function is not Function.DOMESTIC_ABUSE:
        draft.problems.append(UNCHANGED)
        return
    persons = [m.person for m in members]
    refuges = {home for id_ in persons for home in draft.homes(id_) if draft.world.households[home].refuge}
    if not persons or len(refuges) > 1:
        return
    household = next(iter(refuges)) if refuges else open_home(draft, [], refuge=True)
    for id_ in persons:
        belong(draft, household, id_)
        for home in draft.world.households_of(id_):
            if home != household:
                leave(draft, home, id_)
