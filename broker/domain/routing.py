"""Who is told what of one message: every team that comes into question has exactly one decision, with its reason and the policy's version."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from broker.domain import asks, parties
from broker.domain.reasons import NotTold, not_told_because
from broker.domain.recipients import Candidates, Earlier, candidates
from broker.domain.rules import Policy
from broker.domain.sharing import Told, Withheld, decide
from broker.domain.situation import Situation, situation
from broker.domain.wanted import TaskWanted
from broker.domain.world import Directory, Team, World
from schemas.message import Message
from schemas.problem import Problem

__all__ = ["Earlier", "Routing", "Told", "Withheld", "route"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """The whole decision. It holds for the household versions it read."""

    told: tuple[Told, ...]
    withheld: tuple[Withheld, ...]
    tasks: tuple[TaskWanted, ...]
    households: Mapping[str, int]
    problems: tuple[Problem, ...]
    policy_version: str


def route(
    message: Message,
    world: World,
    *,
    sender: Team,
    directory: Directory,
    policy: Policy,
    now: datetime,
    already_told: frozenset[str] = frozenset(),
    earlier: Earlier | None = None,
) -> Routing:
    """Decide for every team (invariant 7).

    `message` has its persons keyed by their ids, and `world` all within one hop of its subjects. `already_told`: teams that
    were told of this message before, who are not told again when the household has changed. `earlier`: the message that
    this one answers or ends. Decisions come in the order of team ids; times are `now` and the policy's durations.
    """
    met = situation(message, world, policy, sender, now, directory=directory)
    found = candidates(met, policy, directory, earlier)
    decisions = [decide(met, one, policy) for one in found.recipients if one.team.id not in already_told]
    told = tuple(one for one in decisions if isinstance(one, Told))
    return Routing(
        told=told,
        withheld=tuple(sorted((*_withheld(decisions), *_closed(found)), key=lambda one: one.team_id)),
        tasks=tuple(asks.tasks(met, found, told, policy, directory, again=bool(already_told))),
        households=_versions(met),
        problems=(*found.problems, *_not_as_addressed(decisions, message), *_nobody_kept_out(message, directory)),
        policy_version=policy.version,
    )


def _withheld(decisions: list[Told | Withheld]) -> list[Withheld]:
    return [one for one in decisions if isinstance(one, Withheld)]


def _closed(found: Candidates) -> list[Withheld]:
    code, reason = not_told_because(NotTold.CLOSED)
    return [Withheld(team_id=team.id, reason_code=code, reason=reason) for team in found.closed]


def _versions(met: Situation) -> dict[str, int]:
    """Every household that the decision read, also those it did not go through."""
    homes = {home for subject in met.message.subjects for home in met.world.households_of(subject)}
    return {home: met.world.households[home].version for home in sorted(homes) if home in met.world.households}


def _not_as_addressed(decisions: list[Told | Withheld], message: Message) -> list[Problem]:
    """The sender learns that a team it addressed is not told; why is the policy's to say to its lead."""
    refused = {one.team_id for one in _withheld(decisions)}
    return [
        Problem(
            f"Bundle.entry[0].resource.destination[{index}].receiver",
            "may not be told of this by this policy: speak to your safeguarding lead",
            "suppressed",
            "information",
        )
        for index, team_id in enumerate(message.to)
        if team_id in refused
    ]


def _nobody_kept_out(message: Message, directory: Directory) -> list[Problem]:
    """An employer that the directory does not have keeps nobody out, and the sender must know."""
    place = "Bundle.entry[0].resource.extension"
    text = "names an employer that is no agency of the directory: nobody is kept out by it"
    return [Problem(place, text, "not-found", "warning") for _ in parties.unknown_employers(message, directory)]
