"""Which teams a pattern prompts, as far as each may see what it is made of; what any of them may see is decided in `chronology.py`."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from broker.domain.kinship import mothers_of
from broker.domain.pattern_rules import PatternRule
from broker.domain.patterns import Piece, Scope
from broker.domain.responsibility import HELD_AS, Holding, Key
from broker.domain.states import InvolvementState
from broker.domain.world import Directory, World
from schemas.codes import Function

MaySee = Callable[[str], bool]
"""Whether a team may see enough of a pattern to be told of it."""


def owners(
    rule: PatternRule,
    found: Sequence[Piece],
    scope: Scope,
    children: Sequence[str],
    world: World,
    directory: Directory,
    held: Mapping[Key, Holding],
    may_see: MaySee,
) -> tuple[str, ...]:
    """Teams that are asked to act: those of the first function of the policy of which one may see enough; in stable order."""
    if rule.task is None or not found:
        return ()
    for wanted in rule.task.owners:
        if wanted == "sender":
            teams: Iterable[str] = (found[-1].happening.message.sender or "",)
        else:
            teams = working(wanted, scope, children, world, directory, held)
        open_ = (team for team in sorted(set(teams)) if team in directory.teams and not directory.teams[team].closed)
        able = tuple(team for team in open_ if may_see(team))
        if able:
            return able
    return ()


def working(
    function: Function,
    scope: Scope,
    children: Sequence[str],
    world: World,
    directory: Directory,
    held: Mapping[Key, Holding],
) -> set[str]:
    """Who does that work for these children: whoever is responsible, else who works with them, else the team of their area."""
    if function in HELD_AS:
        holding = (held.get((child, HELD_AS[function])) for child in children)
        teams = {one.team_id for one in holding if one is not None and one.team_id is not None}
        if teams:
            return teams
    about = {*children, *(mother for child in children for mother in mothers_of(world, child))}
    teams = {
        i.team_id
        for i in world.involvements
        if i.person_id in about and i.function is function and i.state is InvolvementState.CONFIRMED
    }
    return teams or _of_area(function, scope, world, directory)


def _of_area(function: Function, scope: Scope, world: World, directory: Directory) -> set[str]:
    homes = [scope.household_id] if scope.household_id else world.households_of(scope.person_id or "")
    areas = (world.households[home].area_id for home in homes if home in world.households)
    return {team.id for area in areas if (team := directory.provider(area, function)) is not None}


def whose(children: Sequence[str], found: Sequence[Piece], held: Mapping[Key, Holding], team: str) -> str | None:
    """The child that a team's task names: whom the last event is about, if it is a child; of several, the team's own."""
    if not children:
        return None
    last = [child for child in children if child in found[-1].persons]
    own = [child for child in last or children if any(h.team_id == team for (p, _), h in held.items() if p == child)]
    return (own or last or list(children))[0]
