"""Flags of open patterns: which teams hold one about which child, told to their systems and withdrawn; how a Flag looks is `flag_wire`'s."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlmodel import Session

from broker.domain.states import InvolvementState, Purpose, View
from broker.domain.world import Team
from broker.storage import deliveries, patterns, tasks
from broker.storage.tables import Pattern, PatternFlag
from broker.workflow.context import Context
from broker.workflow.pattern_view import PatternView

FLAG, ENDED = "flag", "flag-ended"
"""Causes of messages, each with the flag's id behind it."""


def refresh(session: Session, ctx: Context, pattern: Pattern, view: PatternView, now: datetime) -> None:
    """Raise and withdraw so that exactly those hold a flag who may, about the children whom they may look up."""
    held = patterns.flags(session, pattern.id)
    wanted = set(_wanted(ctx, view)) if view.rule.flagged else set()
    if view.pieces:
        fresh = sorted(wanted - held.keys())
        about = view.pieces[-1].happening.id
        raised = patterns.raise_flags(session, pattern.id, fresh, about, now)
        _tell(session, ctx, FLAG, [(id_, team, about) for id_, team in raised.items()], now)
    _withdraw(session, ctx, [row for key, row in held.items() if key not in wanted], now)


def withdraw(session: Session, ctx: Context, pattern_id: str, now: datetime) -> None:
    """Nobody holds a flag of this pattern any more."""
    _withdraw(session, ctx, patterns.flags(session, pattern_id).values(), now)


def _withdraw(session: Session, ctx: Context, rows: Iterable[PatternFlag], now: datetime) -> None:
    gone = list(rows)
    patterns.withdraw_flags(session, [row.id for row in gone], now)
    _tell(session, ctx, ENDED, [(row.id, row.team_id, row.notification_id) for row in gone], now)


def _tell(session: Session, ctx: Context, cause: str, flags: Iterable[tuple[str, str, str]], now: datetime) -> None:
    rows = [
        tasks.message_row(
            notification_id=about,
            team_id=team,
            cause=f"{cause}:{id_}",
            purpose=Purpose.INFORMATION,
            view=View.EXISTENCE,  # the flag alone goes
            reason_code=cause,
            reason="A flag about somebody your team works with.",
            policy_version=ctx.policy.version,
            now=now,
        )
        for id_, team, about in flags
    ]
    deliveries.insert(session, rows)


def _wanted(ctx: Context, view: PatternView) -> Iterator[patterns.Held]:
    for team in _teams(ctx, view):
        if view.may_hold(team.id):
            for child in view.ground.children_for(team):
                yield child, team.id


def _teams(ctx: Context, view: PatternView) -> list[Team]:
    """Whose function may hold one, and who works with somebody there. A system that cannot keep the mark gets a pointer (`flag_pointer`)."""
    working = {i.team_id for i in view.ground.world.involvements if i.state is InvolvementState.CONFIRMED}
    found = (ctx.directory.teams[team] for team in sorted(working | set(view.owners)) if team in ctx.directory.teams)
    return [team for team in found if team.function in ctx.policy.patterns.flag_to and not team.closed]
