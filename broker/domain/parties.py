"""Restricted parties: "not to any agency of this person", whether it works with them, registers them or employs them."""

from broker.domain.world import Directory, World
from schemas.message import Message


def agencies(message: Message, world: World, directory: Directory | None) -> frozenset[str]:
    """Ids of the agencies that are told nothing of the message, however they stand to it.

    `world` has what is known round `message.weighed`. Without a directory nobody can be told apart: ValueError where it matters.
    """
    if not message.kept_from:
        return frozenset()
    if directory is None:
        raise ValueError("a message that is kept from somebody's agencies cannot be decided on without the directory")
    persons = frozenset(party.person for party in message.kept_from)
    teams = [directory.teams.get(i.team_id) for i in world.involvements if i.person_id in persons]
    teams += [directory.practice(known.practice) for p in persons if (known := world.people.get(p)) is not None]
    employers = {party.employer for party in message.kept_from if party.employer is not None}
    return frozenset({team.agency_id for team in teams if team is not None} | employers)


def unspoken(message: Message) -> frozenset[str]:
    """Persons whom the message names only to keep it from their agencies: no copy names them."""
    persons = {party.person for party in message.kept_from}
    if not persons:
        return frozenset()
    spoken = {*message.subjects, *(line.person for line in message.household), *(fact.about for fact in message.facts)}
    spoken |= {person for relation in message.relationships for person in (relation.person, relation.to)}
    return frozenset(persons - spoken)


def unknown_employers(message: Message, directory: Directory) -> list[int]:
    """Places in `kept_from` whose employer is no agency of the directory: they keep nobody out."""
    known = {team.agency_id for team in directory.teams.values()}
    return [
        index
        for index, party in enumerate(message.kept_from)
        if party.employer is not None and party.employer not in known
    ]
