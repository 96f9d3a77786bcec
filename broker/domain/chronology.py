"""One line of events for a household as one team may see it: which it sees, and in which view; what nobody did is in `quiet.py`.

What was told to the team is shown as it was told. What happened before it came, or was not told to it for another reason, is
decided on now, as if it came in today: a team that takes over need not begin again (F20). What somebody has decided not to
tell it stays untold.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from broker.domain.quiet import TELLS
from broker.domain.reasons import NotTold
from broker.domain.recipients import candidates
from broker.domain.rules import Policy, Relation
from broker.domain.sharing import Recipient, Told, decide
from broker.domain.situation import situation
from broker.domain.states import DeliveryState, View
from broker.domain.world import Directory, Team, World
from schemas.message import Message

_WORKING: Final = frozenset({Relation.OWN, Relation.HOUSEHOLD})
_FINAL: Final = frozenset(
    why.value
    for why in (
        NotTold.SOURCE_OF_HARM,
        NotTold.SEALED,
        NotTold.PROFESSIONAL_VIEW,
        NotTold.HELD,
        NotTold.RESTRICTED_PARTY,
    )
)
"""Reasons not to tell that no later tie overrules (principles 6, 7, 8 and 11)."""
_NEVER_WAS: Final = (DeliveryState.HELD, DeliveryState.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What was decided of a notification for the team when it came."""

    id: str
    """Of the delivery: the message's id as the team knows it."""
    state: DeliveryState
    view: View
    reason_code: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How the team sees it. `told` is the message's id by which it knows it, None when it was never sent to it."""

    view: View
    reason_code: str
    at: datetime
    """When it was told; now, of what is decided on now."""
    told: str | None


def seen(
    message: Message,
    world: World,
    team: Team,
    before: Before | None,
    *,
    policy: Policy,
    directory: Directory,
    now: datetime,
    refused: str,
    emergency: bool = False,
) -> Seen | None:
    """In which view the team sees a notification of others; None when it sees nothing of it, not even that there is one.

    Args:
        message: what it says, persons by their ids.
        world: all within one hop of its subjects.
        team: who looks.
        before: what was decided for the team when it came.
        policy: the rules in force.
        directory: every team.
        now: when it looks.
        refused: reason code of a safeguarding lead's decision not to tell.
        emergency: it looks without working with anybody there, so that nothing that is held or restricted is free for it.
    """
    if before is not None and before.state in _NEVER_WAS:
        return None
    if before is not None and before.state is not DeliveryState.WITHHELD:
        return Seen(view=before.view, reason_code=before.reason_code, at=before.at, told=before.id)
    if before is not None and before.reason_code in _FINAL | {refused}:
        return None
    met = situation(message, world, policy, directory.teams[message.sender or ""], now, directory=directory)
    if emergency and (met.held or met.restricted):
        return None
    mine = next((one for one in candidates(met, policy, directory).recipients if one.team.id == team.id), None)
    ties = tuple(tie for tie in mine.ties if tie.relation in _WORKING and tie.confirmed) if mine else ()
    decided = decide(met, Recipient(team, ties), policy) if ties else None
    if not isinstance(decided, Told) or decided.state is not DeliveryState.READY or decided.view not in TELLS:
        return None
    return Seen(view=decided.view, reason_code=decided.reason_code, at=now, told=None)


def without(message: Message, hidden: Collection[str]) -> Message | None:
    """A message without persons whose record is sealed since, or whom it may not name (principles 11 and 12); None when it is about nobody else."""
    if not hidden:
        return message
    subjects = tuple(subject for subject in message.subjects if subject not in hidden)
    if message.subjects and not subjects:
        return None
    return replace(
        message,
        subjects=subjects,
        people=tuple(person for person in message.people if person.key not in hidden),
        relationships=tuple(one for one in message.relationships if not {one.person, one.to} & set(hidden)),
        household=tuple(member for member in message.household if member.person not in hidden),
        facts=tuple(fact for fact in message.facts if fact.about not in hidden),
    )
