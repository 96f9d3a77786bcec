"""What a message changes about addresses: history by team, protection, and the questions an address raises (where a household is: `areas.py`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from broker.domain import changes as c
from broker.domain.draft import Draft
from broker.domain.merging import open_membership
from broker.domain.places import postcode_of
from broker.domain.rules import Group
from broker.domain.statements import ask_to_confirm
from broker.domain.states import GONE, InvolvementState
from broker.domain.vicinity import clients_of
from broker.domain.world import KnownAddress
from schemas.codes import Event, Function, TaskCode
from schemas.message import Person, PostalAddress

MINE_IS_RIGHT: Final = "this-address"
MINE_IS_OLD: Final = "not-this-address"
BOTH: Final = "both"
"""Choices of a `resolve-address` task: of the address that the answering team itself holds."""
CROWD: Final = 20
"""People at one place from which on it is an institution or a block without flat numbers, and prompts nobody."""


@dataclass(frozen=True, slots=True)
class _Stated:
    """A current address the message gives somebody."""

    person_id: str
    address: PostalAddress
    place: str
    area_id: str | None


def settle_addresses(draft: Draft) -> None:
    """Keep what the sender says of addresses, and ask about what does not fit together."""
    stated: list[_Stated] = []
    for person in draft.given.message.people:
        stated += _settle_person(draft, person)
    for new in stated:
        _ask_households(draft, new, stated)
    _ask_agencies(draft, stated)


def _settle_person(draft: Draft, person: Person) -> list[_Stated]:
    """Newly held current addresses of one person; addresses said to be over end."""
    new = []
    current = [a for a in person.addresses if not is_past(draft, a)]
    for address in person.addresses:
        place = draft.given.place(address)
        if place is not None and is_past(draft, address):
            _end(draft, person.key, [a for a in _own(draft, person.key) if a.place == place])
    for address in current:
        stated = _stated(draft, person.key, address)
        if stated is not None and _hold(draft, stated, current):
            new.append(stated)
    return new


def is_past(draft: Draft, address: PostalAddress) -> bool:
    """Whether the message says that it is over."""
    return address.until is not None and address.until <= draft.given.on


def _stated(draft: Draft, person_id: str, address: PostalAddress) -> _Stated | None:
    place = draft.given.place(address)
    return None if place is None else _Stated(person_id, address, place, area_of(draft, address))


def area_of(draft: Draft, address: PostalAddress) -> str | None:
    """The area its postcode district lies in."""
    postcode = postcode_of(address)
    return None if postcode is None else draft.given.directory.areas_by_outward.get(postcode.outward)


def _hold(draft: Draft, stated: _Stated, current: Sequence[PostalAddress]) -> bool:
    """Note the address as the sender's; its agency's older ones end. Whether it is new to the agency and current."""
    id_ = stated.person_id
    protected = stated.address.protected or is_protected(draft, id_, stated.place)
    if stated.address.protected:
        _protect(draft, id_, stated.place)
    own = _own(draft, id_)
    if any(a.place == stated.place for a in own):
        return False
    said_now = {draft.given.place(address) for address in current}
    _end(draft, id_, [a for a in own if a.place not in said_now])
    draft.do(
        c.AssertAddress(
            person_id=id_, address=stated.address, place=stated.place, area_id=stated.area_id, protected=protected
        )
    )
    return draft.person(id_).state not in GONE


def _own(draft: Draft, person_id: str) -> list[KnownAddress]:
    """Current addresses that teams of the sender's agency hold."""
    agency = draft.given.sender.agency_id
    return [a for a in draft.person(person_id).addresses if _agency(draft, a) == agency]


def _agency(draft: Draft, address: KnownAddress) -> str:
    team = draft.given.directory.teams.get(address.asserted_by)
    return team.agency_id if team else address.asserted_by


def _end(draft: Draft, person_id: str, addresses: Sequence[KnownAddress]) -> None:
    for a in addresses:
        draft.do(c.EndAddress(person_id=person_id, place=a.place, held_by=a.asserted_by))


def is_protected(draft: Draft, person_id: str, place: str) -> bool:
    return any(a.protected and a.place == place for a in draft.person(person_id).addresses)


def _protect(draft: Draft, person_id: str, place: str) -> None:
    """Once any agency marks it, it is protected, whoever holds it (principle 10)."""
    if any(a.place == place and not a.protected for a in draft.person(person_id).addresses):
        draft.do(c.ProtectAddress(person_id=person_id, place=place))


# --- two agencies, two addresses ------------------------------------------------------------------------------


def _ask_agencies(draft: Draft, stated: Sequence[_Stated]) -> None:
    """Ask both agencies where they hold different addresses; each is shown its own only (F15, principle 10).

    A move makes one question for each team that holds the old address, however many do, and none for who tells of it.
    """
    asked: set[tuple[str, str, str]] = set()
    for new in (one for one in stated if not _in_passing(draft, draft.given.sender.id, one.person_id)):
        for other in draft.person(new.person_id).addresses:
            differs = other.place != new.place and _agency(draft, other) != draft.given.sender.agency_id
            situation = (new.place, other.place, other.asserted_by)
            if not differs or situation in asked or _agreed(draft, new.person_id, new.place, other):
                continue
            if not _in_passing(draft, other.asserted_by, new.person_id):
                asked.add(situation)
                _ask_both(draft, new, other, [s.person_id for s in stated if s.place == new.place])


def _in_passing(draft: Draft, team_id: str, person_id: str) -> bool:
    """Whether a team only named somebody, or works with them no longer: what it once heard contradicts nobody.

    A practice and a register of children keep addresses of their own; who works for children and says one now has seen it.
    """
    given, team = draft.given, draft.given.directory.teams.get(team_id)
    group = None if team is None else given.policy.groups.get(team.function)
    if team is None or team.function is Function.GENERAL_PRACTICE or group is Group.RECORDS:
        return False
    if group is Group.CHILD_FACING and team_id == given.sender.id:
        return False
    return not clients_of(draft.world, team_id, {person_id})


def _agreed(draft: Draft, person_id: str, place: str, other: KnownAddress) -> bool:
    """The other agency holds the new address as well: somebody with two homes."""
    return any(
        a.place == place and _agency(draft, a) == _agency(draft, other) for a in draft.person(person_id).addresses
    )


def _ask_both(draft: Draft, new: _Stated, other: KnownAddress, persons: Sequence[str]) -> None:
    sender = draft.given.sender.id
    pair = "-".join(sorted((new.place, other.place)))
    alike = [id_ for id_ in persons if other.place in {a.place for a in draft.person(id_).addresses}]
    tells_of_a_move = draft.given.message.event is Event.CHANGE_OF_ADDRESS
    for owner, place in ((sender, new.place), (other.asserted_by, other.place)):
        if owner == sender and tells_of_a_move:
            continue
        draft.ask(
            TaskCode.RESOLVE_ADDRESS,
            "Another agency holds a different current address for this person. Check the one you hold.",
            key=f"{pair}:{owner}",
            owner=owner,
            person_id=new.person_id,
            options={"members": alike, "place": place, "choices": [MINE_IS_RIGHT, MINE_IS_OLD, BOTH]},
            cites="F15, 7.5.6, principle 10",
        )


# --- one address, two households ------------------------------------------------------------------------------


def _ask_households(draft: Draft, new: _Stated, stated: Sequence[_Stated]) -> None:
    """Sharing an address makes nobody a household: it prompts a person to confirm. Protected places prompt nobody."""
    if is_protected(draft, new.person_id, new.place) or new.address.protected:
        return
    together = sorted(s.person_id for s in stated if s.place == new.place)
    if new.person_id != together[0]:
        return
    others = _others_at(draft, new.place, together)
    if len(others) >= CROWD:
        return
    for household_id in sorted({home for id_ in others for home in draft.homes(id_)}):
        members = [id_ for id_ in together if open_membership(draft.world, household_id, id_) is None]
        if members and _worth_asking(draft, household_id, members):
            ask_to_confirm(
                draft,
                household_id,
                members,
                "Somebody gave the address of this household as theirs. Confirm whether they belong to it.",
                once="same-address",
                owner=child_facing_team(draft, household_id),
                cites="F2, F19, principle 10",
            )


def _others_at(draft: Draft, place: str, together: Sequence[str]) -> list[str]:
    """Others who are known at the place, none of them protected there."""
    here = [k for k in draft.world.people.values() if k.state not in GONE and k.id not in together]
    at = [k for k in here if any(a.place == place for a in k.addresses)]
    return [] if any(a.protected and a.place == place for k in at for a in k.addresses) else [k.id for k in at]


def _worth_asking(draft: Draft, household_id: str, members: Sequence[str]) -> bool:
    """No refuge, a child or a pregnancy on one side, and nobody has said no to it before."""
    own = {home for id_ in members for home in draft.world.households_of(id_)}
    if any(draft.world.households[home].refuge for home in {household_id, *own}):
        return False
    if any(m.household_id == household_id and m.person_id in members for m in draft.world.memberships):
        return False
    return draft.concerns_children({household_id, *own}) or any(draft.is_child(id_) for id_ in members)


def child_facing_team(draft: Draft, household_id: str) -> str | None:
    """The child-facing team that works with the household, the likeliest contact first; None when there is none."""
    policy, members = draft.given.policy, draft.world.members_of(household_id)
    teams = {
        i.function: i.team_id
        for i in sorted(draft.world.involvements, key=lambda i: i.renewed_at)
        if i.person_id in members
        and i.state is InvolvementState.CONFIRMED
        and policy.groups.get(i.function) is Group.CHILD_FACING
    }
    return next((teams[function] for function in (*policy.contacts, *teams) if function in teams), None)
