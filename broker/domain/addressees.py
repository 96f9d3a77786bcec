"""Whom a message addresses: the teams that it names, or else the team of a function where the person lives."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from broker.domain.kinship import mothers_of
from broker.domain.situation import Situation
from broker.domain.whereabouts import areas_of
from broker.domain.world import Directory, Team
from schemas.codes import Function
from schemas.events import SPECS
from schemas.message import Message
from schemas.problem import Problem

_DESTINATION: Final = "Bundle.entry[0].resource.destination"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressees:
    """Open teams, and what could not be reached."""

    teams: tuple[Team, ...] = ()
    problems: tuple[Problem, ...] = ()
    unreachable: tuple[str, ...] = ()
    """Ids of teams that are not in the directory, or closed."""
    unserved: Function | None = None
    """A function that was asked, and that nobody else provides where the person lives."""


def function_asked(message: Message) -> Function | None:
    """The function whose team is asked, of a message that names no team and whose kind says one."""
    if message.to or not SPECS[message.event].addressed:
        return None
    return next((function for function in Function if function == message.kind), None)


def addressees(situation: Situation, directory: Directory) -> Addressees:
    """Whom it addresses, in the order of the message; of a function, in the order of the areas."""
    function = function_asked(situation.message)
    return _named(situation, directory) if function is None else _serving(situation, directory, function)


def _named(situation: Situation, directory: Directory) -> Addressees:
    teams, problems, unreachable = [], [], []
    for index, team_id in enumerate(situation.message.to):
        path = f"{_DESTINATION}[{index}].receiver"
        team = directory.teams.get(team_id)
        if team_id == situation.sender.id:
            problems.append(Problem(path, "is the sending team itself", "business-rule", "information"))
        elif team is None or team.closed:
            reason = "is not in the directory" if team is None else "is closed"
            problems.append(Problem(path, f"{reason}: the message was not delivered there", "not-found", "warning"))
            unreachable.append(team_id)
        else:
            teams.append(team)
    return Addressees(teams=tuple(teams), problems=tuple(problems), unreachable=tuple(unreachable))


def _serving(situation: Situation, directory: Directory, function: Function) -> Addressees:
    """Somebody who lives in two areas has two, and whoever is asked there first to take over does."""
    found = {
        team.id: team
        for subject in situation.message.subjects
        for team in _of_person(situation, directory, function, subject)
        if team.id != situation.sender.id
    }
    if found:
        return Addressees(teams=tuple(found.values()))
    reason = "no other team of this function was found where the person lives: nobody was asked"
    return Addressees(problems=(Problem(_DESTINATION, reason, "not-found", "warning"),), unserved=function)


def _of_person(situation: Situation, directory: Directory, function: Function, person_id: str) -> Iterator[Team]:
    """The practice that the person, or of a child its mother, is registered with; else whoever serves the areas."""
    if function is not Function.GENERAL_PRACTICE:
        providers = (directory.provider(area, function) for area in areas_of(situation, person_id))
        yield from (team for team in providers if team is not None)
        return
    world = situation.world
    for holder in (person_id, *mothers_of(world, person_id)):
        known = world.people.get(holder)
        team = directory.practice(known.practice) if known is not None else None
        if team is not None and not team.closed:
            yield team
            return
