"""Who is responsible for a person, as a caller may know it: an answer for every function that is held, or none for any."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from broker.domain import sight
from broker.domain.caller import Caller
from broker.domain.responsibility import HELD, Chain, Holding
from broker.domain.visibility import may_know_holder
from broker.domain.world import Team
from broker.storage import responsibility as ledgers
from broker.storage.world import load_world
from broker.workflow import view
from broker.workflow.context import Context
from schemas.codes import Function

AUDIT = "baton/audit"
"""The scope that sees every answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One function of one person: what held at the moment asked for, and everything there ever was, as the caller may know."""

    function: Function
    now: Holding | None
    """None: nothing had been said of it."""
    chain: Chain


MayKnow = Callable[[Function, Holding | None], bool]


def of_person(
    session: Session, ctx: Context, caller: Caller, person_id: str, at: datetime, now: datetime
) -> tuple[Answer, ...] | None:
    """The answer of every function that the caller may know; None when it may not know of the person."""
    may_know = _may_know(session, ctx, caller, person_id, now)
    if may_know is None:
        return None
    chains = ledgers.chains(session, [person_id])
    answers = (_answer(function, chains.get((person_id, function), ()), at) for function in HELD)
    shown = (answer for answer in answers if may_know(answer.function, answer.now))
    return tuple(_as_known(answer, may_know) for answer in shown)


def _answer(function: Function, chain: Chain, at: datetime) -> Answer:
    now = next((p for p in chain if p.since <= at and (p.until is None or p.until > at)), None)
    return Answer(function=function, now=now, chain=chain)


def _as_known(answer: Answer, may_know: MayKnow) -> Answer:
    kept = tuple(period for period in answer.chain if may_know(answer.function, period))
    return Answer(function=answer.function, now=answer.now, chain=kept)


def _may_know(session: Session, ctx: Context, caller: Caller, person_id: str, now: datetime) -> MayKnow | None:
    world = load_world(session, ctx.codec, [person_id])
    if caller.may(AUDIT):
        return (lambda _function, _holding: True) if person_id in world.people else None
    viewer = ctx.directory.teams.get(caller.team or "")
    if viewer is None or not view.sees(session, world, person_id, viewer, ctx, now):
        return None
    hidden = sight.hides_address(world, person_id, viewer)
    return lambda function, holding: may_know_holder(viewer, function, _team(ctx, holding), ctx.policy, hidden=hidden)


def _team(ctx: Context, holding: Holding | None) -> Team | None:
    return ctx.directory.teams[holding.team_id] if holding is not None and holding.team_id else None
