"""What somebody holds goes to who covers for them, or back to the team, when they leave, are away, or their shift is over (F20)."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlmodel import Session

from broker.domain.rota import Gone, Practitioner, covers
from broker.domain.tasks import BusinessStatus
from broker.storage import audit, practitioners, tasks
from broker.storage.task_values import EVERYTHING, HELD_BY, Content, Stored
from broker.storage.tasks import Change
from broker.workflow import outcomes
from broker.workflow.context import Context
from schemas.codes import TaskCode

AT_ONCE: Final = 20
"""People in one pass."""


def look(session: Session, ctx: Context, now: datetime) -> int:
    """One pass of the clock; how many people it looked at."""
    found = practitioners.handing_back(session, ctx.codec, now, AT_ONCE)
    for somebody in found:
        put(session, ctx, somebody, now)
    return len(found)


def put(session: Session, ctx: Context, somebody: Practitioner, now: datetime) -> None:
    """Write down who they are and when they are away; what goes back by now does so."""
    gone = somebody.gone(now)
    practitioners.put(session, ctx.codec, somebody, somebody.hands_back_at(now, after=True))
    session.flush()  # what is agreed from here on finds them gone
    if gone is not None:
        held = tasks.open_of(session, somebody.team_id, TaskCode.AGREED_ACTION)
        _hand_back(session, ctx, somebody, gone, [task.id for task in held], now)


def given_now(session: Session, ctx: Context, team_id: str, task_ids: Collection[str], now: datetime) -> None:
    """Of what a team has agreed just now nothing stays with somebody who is not there, or goes at this moment."""
    practitioners.hold(session, team_id)
    for somebody in practitioners.of_team(session, ctx.codec, team_id):
        gone = somebody.gone(now)
        if gone is not None:
            _hand_back(session, ctx, somebody, gone, task_ids, now)


def _hand_back(
    session: Session, ctx: Context, somebody: Practitioner, gone: Gone, task_ids: Collection[str], now: datetime
) -> None:
    cover = covers(somebody, practitioners.of_team(session, ctx.codec, somebody.team_id), now)
    for task_id in task_ids:
        task = tasks.get(session, ctx.codec, task_id, EVERYTHING)
        if task is not None and somebody.holds(task.content.get("options", {}).get(HELD_BY)):  # type: ignore[arg-type]  # a text
            _give(session, ctx, task, gone, cover, now)


def _give(session: Session, ctx: Context, task: Stored, gone: Gone, cover: Practitioner | None, now: datetime) -> None:
    options = {name: value for name, value in task.content.get("options", {}).items() if name != HELD_BY}
    options |= {HELD_BY: cover.held_as} if cover else {}
    what = Change(
        move="covered" if cover else "unheld",
        content=Content(**{**task.content, "options": options}),
        columns={} if cover else {"business_status": BusinessStatus.UNHELD},
        detail={"because": gone.value},
    )
    version = tasks.change(session, ctx.codec, task, what, now)
    outcomes.tell(session, ctx, task, task.row.owner_team_id, version, now)
    audit.record(session, action="answer", entity="task", entity_id=task.row.id, now=now, detail={"move": what.move})
