"""In which areas of the directory the people of a message live."""

from broker.domain.kinship import mothers_of
from broker.domain.situation import Situation


def areas_of(situation: Situation, person_id: str) -> tuple[str | None, ...]:
    """Areas in which the person lives: of its households, else by its own or its mother's addresses.

    None stands for one that is in no area of the directory, or that nobody knows.
    """
    world = situation.world
    homes = [h for h in situation.households if person_id in world.members_of(h)] or world.households_of(person_id)
    areas = {world.households[home].area_id for home in homes if home in world.households} - {None}
    for holder in () if areas else (person_id, *mothers_of(world, person_id)):
        if not areas and (known := world.people.get(holder)) is not None:
            areas = {address.area_id for address in known.addresses}
    return tuple(sorted(areas, key=lambda area: area or "")) or (None,)


def household_areas(situation: Situation) -> tuple[str, ...]:
    """Areas of the households that the message routes through; of none that is known, the sender's, which can pass it on."""
    areas = {
        situation.world.households[home].area_id for home in situation.households if home in situation.world.households
    }
    known = sorted(area for area in areas if area)
    return tuple(known) or ((situation.sender.area_id,) if situation.sender.area_id else ())
