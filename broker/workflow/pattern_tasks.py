"""The tasks of a pattern: what each says to its team, how new evidence shows on it, how it ends with whom it was about."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from broker.domain import pattern_teams
from broker.domain import patterns as rules
from broker.domain.states import Purpose, View
from broker.domain.tasks import TERMINAL
from broker.domain.wanted import TaskWanted
from broker.storage import deliveries, patterns, tasks
from broker.storage.task_values import REPORTERS, Content, Stored
from broker.storage.tasks import Change
from broker.workflow.context import Context
from broker.workflow.pattern_view import PatternView
from schemas.codes import TaskStatus

EVIDENCE = "evidence"
"""Among a task's options: the events that make the pattern, one a line, as the owner may see them."""
RULE = "rule"
"""Among a task's options: the rule and the policy it stands in."""


def wanted(pattern_id: str, view: PatternView, team_id: str, now: datetime) -> TaskWanted:
    """A task for a team that sees enough of the pattern."""
    rule, found = view.rule, view.pieces
    asked = rule.task
    assert asked is not None  # its owners come from there
    return TaskWanted(
        code=asked.code,
        owner=team_id,
        description=asked.description,
        dedupe_key=f"pattern:{pattern_id}:{team_id}",
        person_id=pattern_teams.whose(view.children, found, view.ground.held, team_id),
        household_id=view.scope.household_id,
        notification_id=found[-1].happening.id,
        priority=asked.priority,
        due_at=asked.within.after(now, view.ground.ctx.directory.teams[team_id].calendar),
        cites=rule.cites,
        options=_options(view, team_id, view.ground.ctx.policy.version),
    )


def show(
    session: Session, ctx: Context, found: Sequence[Stored], view: PatternView, now: datetime, *, again: bool
) -> None:
    """Write what the owners of open tasks see by now; `again`: and tell them."""
    for task in found:
        if task.row.status in TERMINAL:
            continue
        before = task.content.get("options", {})
        options = {**before, **_options(view, task.row.owner_team_id, task.row.policy_version)}
        if options != before:
            _write(session, ctx, task, options, view, now, again=again)


def _write(
    session: Session,
    ctx: Context,
    task: Stored,
    options: dict[str, str | list[str]],
    view: PatternView,
    now: datetime,
    *,
    again: bool,
) -> None:
    what = Change(move="grown", content=Content(**{**task.content, "options": options}), columns={}, detail={})
    version = tasks.change(session, ctx.codec, task, what, now)
    if again and view.pieces:
        row = tasks.message_row(
            notification_id=view.pieces[-1].happening.id,
            team_id=task.row.owner_team_id,
            cause=f"grown:{task.row.id}:{version}",
            purpose=Purpose.ACTION,
            view=View.EXISTENCE,
            reason_code="pattern-grown",
            reason="There is more of what your team was asked to review.",
            policy_version=ctx.policy.version,
            now=now,
        )
        deliveries.insert(session, [row])


def cancel(session: Session, ctx: Context, pattern_id: str, now: datetime) -> None:
    """Nobody need answer any more. Whoever was asked has heard of the death or the end by a message of its own."""
    for task in patterns.tasks_of(session, ctx.codec, pattern_id):
        if task.row.status not in TERMINAL:
            columns = {"status": TaskStatus.CANCELLED, "business_status": None}
            what = Change(move="no-longer-current", content=task.content, columns=columns, detail={})
            tasks.change(session, ctx.codec, task, what, now)


def _options(view: PatternView, team_id: str, policy_version: str) -> dict[str, str | list[str]]:
    seen = view.seen_by(team_id)
    options: dict[str, str | list[str]] = {
        RULE: f"{view.rule.name}, policy {policy_version}",
        EVIDENCE: view.ground.eyes.lines(team_id, seen),
    }
    if view.rule.by_another:
        options[REPORTERS] = sorted(set(rules.reporters(view.pieces)))
    return options
