"""Where a household is: the area of its children's and their mother's address, or none that the directory has."""

from collections.abc import Iterator

from broker.domain import changes as c
from broker.domain.addresses import area_of, child_facing_team, is_past, is_protected
from broker.domain.draft import Draft
from broker.domain.kinship import mothers_of
from broker.domain.places import postcode_of
from schemas.codes import TaskCode
from schemas.message import Person


def settle_areas(draft: Draft) -> None:
    """A household is where its children's and their mother's address is; anybody's will do as long as nothing is known.

    An address in no area of the directory leaves it in none: another area's services would be told in place of its own.
    The sender's area stands in only for a new household of which no address is known.
    """
    for household_id in _homes_in_question(draft):
        new = household_id not in draft.before.households
        areas = _areas_said(draft, household_id, new=new) or (_areas_held(draft, household_id) if new else [])
        area = next((area for area in areas if area is not None), None)
        if areas and area != draft.world.households[household_id].area_id:
            draft.do(c.SetArea(household_id=household_id, area_id=area))
            if area is None and not new:
                _ask_who_serves(draft, household_id)


def _homes_in_question(draft: Draft) -> list[str]:
    """Those of whom the message names, and new ones."""
    named = {home for person in draft.given.message.people for home in draft.homes(person.key)}
    return sorted(
        named & draft.world.households.keys() | draft.world.households.keys() - draft.before.households.keys()
    )


def _areas_said(draft: Draft, household_id: str, *, new: bool) -> list[str | None]:
    """Areas of the addresses that the message gives those who say where the household is; None for one in no area."""
    members = [p for p in draft.given.message.people if household_id in draft.homes(p.key)]
    leading = [p for p in members if _leads(draft, p.key, household_id)]
    saying = leading or (members if new else [])
    return [area for person in saying for area in _person_areas(draft, person)]


def _areas_held(draft: Draft, household_id: str) -> list[str | None]:
    """The same of the addresses that were known before the message."""
    members = [id_ for id_ in draft.world.members_of(household_id) if id_ in draft.before.people]
    saying = [id_ for id_ in members if _leads(draft, id_, household_id)] or members
    held = [a for id_ in saying for a in draft.before.people[id_].addresses]
    return [a.area_id for a in held if not a.protected]


def _leads(draft: Draft, person_id: str, household_id: str) -> bool:
    """A child, or the mother of a child or unborn child who lives there.

    A father's old address, as probation has it, moves no family.
    """
    if draft.is_child(person_id):
        return True
    return any(person_id in mothers_of(draft.world, child) for child in draft.children_at(household_id))


def _person_areas(draft: Draft, person: Person) -> Iterator[str | None]:
    """Areas of the current addresses that the message gives; a protected one gives none (principle 10: area is location)."""
    for address in person.addresses:
        postcode, place = postcode_of(address), draft.given.place(address)
        hidden = address.protected or (place is not None and is_protected(draft, person.key, place))
        if postcode is not None and not postcode.is_pseudo and not hidden and not is_past(draft, address):
            yield area_of(draft, address)


def _ask_who_serves(draft: Draft, household_id: str) -> None:
    """Ask the team that knows the family: it stays responsible, and nobody where the family is now was told (invariant 3).

    Where no such team is known, routing asks the sender (`asks.py`).
    """
    owner = child_facing_team(draft, household_id)
    if owner is None or draft.world.households[household_id].refuge:
        return
    draft.ask(
        TaskCode.UNDELIVERABLE,
        "A family that you work with has moved to an address in no area of the directory, so who provides your service "
        "there was not found. Find them and hand over by telephone; until they take over, the family stays with you.",
        key=f"moved:{household_id}:{draft.given.sender.id}:{draft.given.message.id}",
        owner=owner,
        household_id=household_id,
        options={},
        cites="invariant 3",
    )
