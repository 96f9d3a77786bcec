"""Who is asked for something that did not come: whoever is responsible, works with the person, or serves where they live."""

from collections.abc import Collection, Iterator, Mapping

from broker.domain.kinship import mothers_of
from broker.domain.responsibility import Holding, Key, held_as
from broker.domain.states import InvolvementState
from broker.domain.world import Directory, Team, World
from schemas.codes import Function


def who_owes(
    function: Function,
    person_id: str,
    world: World,
    holders: Mapping[Key, Holding],
    directory: Directory,
    *,
    stands_in: Collection[Function] = (),
    near: str | None = None,
) -> Team | None:
    """The open team that is asked; None when the directory has nobody, not even a partnership to find somebody.

    Args:
        function: of which it should be.
        person_id: whom the expectation is about.
        world: round that person.
        holders: who is responsible for the person now.
        directory: the teams.
        stands_in: functions that do its work for those they have taken on, and where an area has no team of it.
        near: an area that counts when it is not known where the person lives: that of whoever told of them.
    """
    functions = {function, *stands_in}
    found = (
        *_responsible(functions, person_id, holders, directory),
        *_practices(function, person_id, world, directory),
        *_involved(functions, person_id, world, directory),
        *(
            directory.provider(area, one)
            for area in _areas(person_id, world, near)
            for one in (function, *sorted(stands_in))
        ),
        *(directory.provider(area, Function.PARTNERSHIP) for area in _areas(person_id, world, near)),
    )
    return next((team for team in found if team is not None and not team.closed), None)


def _responsible(
    functions: Collection[Function], person_id: str, holders: Mapping[Key, Holding], directory: Directory
) -> Iterator[Team | None]:
    for function in sorted({held for f in functions if (held := held_as(f)) is not None}):
        holding = holders.get((person_id, function))
        team = directory.teams.get(holding.team_id or "") if holding is not None else None
        if team is not None and team.function in functions:
            yield team


def _practices(function: Function, person_id: str, world: World, directory: Directory) -> Iterator[Team | None]:
    """The child's own practice, else its mother's."""
    if function is Function.GENERAL_PRACTICE:
        for id_ in (person_id, *mothers_of(world, person_id)):
            known = world.people.get(id_)
            yield directory.practice(known.practice) if known is not None else None


def _involved(
    functions: Collection[Function], person_id: str, world: World, directory: Directory
) -> Iterator[Team | None]:
    """Teams that work with the person, or with the mother of an unborn child; who was in touch last comes first."""
    persons = (person_id, *mothers_of(world, person_id))
    found = [
        i
        for i in world.involvements
        if i.person_id in persons and i.function in functions and i.state is not InvolvementState.ENDED
    ]
    for involvement in sorted(found, key=lambda i: (persons.index(i.person_id), -i.renewed_at.timestamp(), i.team_id)):
        yield directory.teams.get(involvement.team_id)


def _areas(person_id: str, world: World, near: str | None) -> Iterator[str | None]:
    homes = (world.households[home].area_id for home in world.households_of(person_id) if home in world.households)
    yield from dict.fromkeys((*homes, near))
