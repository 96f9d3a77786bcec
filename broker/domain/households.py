"""What a message changes about the people it names: the order in which the rules beside this file have their say."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from broker.domain.addresses import settle_addresses
from broker.domain.areas import settle_areas
from broker.domain.changes import Change
from broker.domain.draft import Draft, Given, Place, revise
from broker.domain.effects import after
from broker.domain.gaps import Gap, gaps
from broker.domain.identities import (
    settle_deaths,
    settle_doubts,
    settle_mistaken_deaths,
    settle_persons,
    settle_relationships,
)
from broker.domain.involvements import settle_involvements
from broker.domain.matching import Matches
from broker.domain.pregnancies import settle_births, settle_families, settle_pregnancies
from broker.domain.rules import Policy
from broker.domain.statements import settle_statement
from broker.domain.wanted import TaskWanted
from broker.domain.world import Directory, Team, World
from schemas.message import Message
from schemas.problem import Problem

__all__ = ["Gap", "Settlement", "conclude", "gaps", "settle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What to change, whom to ask, what to tell the sender, and the world as it will be."""

    changes: tuple[Change, ...]
    tasks: tuple[TaskWanted, ...]
    problems: tuple[Problem, ...]
    world: World


def settle(
    message: Message,
    matches: Matches,
    world: World,
    *,
    sender: Team,
    directory: Directory,
    policy: Policy,
    now: datetime,
    place: Place,
    new_id: Callable[[], str],
    looked_up: bool = False,
) -> Settlement:
    """What the message, re-keyed to person ids, changes. Settling it once more on the resulting world changes nothing."""
    given = Given(
        message=message,
        sender=sender,
        directory=directory,
        policy=policy,
        now=now,
        place=place,
        new_id=new_id,
        looked_up=looked_up,
    )
    draft = Draft(given=given, before=world, world=world)
    settle_persons(draft, matches)
    settle_doubts(draft, matches)
    settle_mistaken_deaths(draft)
    settle_births(draft)
    settle_relationships(draft)
    settle_pregnancies(draft)
    settle_statement(draft)
    settle_families(draft)
    settle_addresses(draft)
    settle_areas(draft)
    settle_involvements(draft)
    settle_deaths(draft)
    return conclude(draft)


def conclude(draft: Draft) -> Settlement:
    """What a draft came to, with the versions it was based on in front, and the versions it raises in its world."""
    revision = revise(draft.before, draft.world, draft.changes)
    changes, world = tuple(draft.changes), draft.world
    if revision is not None:
        changes = (revision, *changes)
        world = after(world, (revision,), draft.given.sender)
    return Settlement(changes=changes, tasks=tuple(draft.tasks), problems=tuple(draft.problems), world=world)
