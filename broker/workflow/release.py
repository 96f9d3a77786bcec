"""Release what was held: the safeguarding lead's answer makes deliveries ready, or decisions not to tell (sharing principle 7)."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session, col, select

from broker.domain.answers import ReleaseDecision
from broker.domain.reasons import NotTold, not_told_because
from broker.domain.routing import Told
from broker.domain.states import DeliveryState, Purpose
from broker.storage import deliveries
from broker.storage.tables import Delivery, Notification
from broker.storage.task_values import Stored
from broker.storage.world import load_world
from broker.workflow import route, said
from broker.workflow.context import Context

NO_LONGER = "It was released, and by then there was no reason left to tell your team."


@dataclass(frozen=True, slots=True)
class Released:
    """What became of the held deliveries: ids of those that go, and of those that do not."""

    ready: tuple[str, ...]
    withheld: tuple[str, ...]


def release(session: Session, ctx: Context, gate: Stored, decision: ReleaseDecision, now: datetime) -> Released:
    """Carry out the decision on what this task holds back. Whoever is told must answer from now on, not from then.

    Who may be told is decided once more: what has changed since it was held may be a reason not to tell any more.
    """
    held = _held(session, gate)
    functions = set(decision.functions)
    wanted = [row for row in held if ctx.directory.teams[row.team_id].function in functions]
    told = _told_now(session, ctx, gate, now) if wanted else {}
    go = [row for row in wanted if row.team_id in told]
    _refuse(session, [row for row in held if row not in wanted], not_told_because(NotTold.RELEASE_REFUSED)[1], now)
    _refuse(session, [row for row in wanted if row not in go], NO_LONGER, now)
    ready = deliveries.release_held(session, [row.id for row in go], now=now)
    _ask(session, ctx, gate, [(row, told[row.team_id]) for row in go if row.id in ready], now)
    return Released(tuple(ready), tuple(sorted(row.id for row in held if row not in go)))


def _held(session: Session, gate: Stored) -> list[Delivery]:
    """The held deliveries to the teams that the task lists; a task about whom to name (principle 12) holds back none."""
    query = select(Delivery).where(
        col(Delivery.notification_id) == gate.row.notification_id,
        col(Delivery.state) == DeliveryState.HELD,
        col(Delivery.team_id).in_(gate.content.get("options", {}).get("teams", ())),
    )
    return list(session.exec(query.order_by(col(Delivery.id))).all())


def _told_now(session: Session, ctx: Context, gate: Stored, now: datetime) -> dict[str, Told]:
    row = session.get_one(Notification, gate.row.notification_id)
    message = said.now(session, ctx.codec, row)
    decided = route.decide(ctx, message, load_world(session, ctx.codec, message.weighed), now)
    return {told.team_id: told for told in decided.told}


def _refuse(session: Session, rows: Collection[Delivery], reason: str, now: datetime) -> None:
    if rows:
        deliveries.refuse_held(session, [row.id for row in rows], reason, now=now)


def _ask(session: Session, ctx: Context, gate: Stored, told: Collection[tuple[Delivery, Told]], now: datetime) -> None:
    """The tasks of those who are to act; they were not raised while it was held, so as to tell nobody anything."""
    notification = session.get_one(Notification, gate.row.notification_id)
    message = said.now(session, ctx.codec, notification)
    acting = [
        (replace(why, state=DeliveryState.READY), row.id)
        for row, why in told
        if row.purpose is Purpose.ACTION and why.purpose is Purpose.ACTION
    ]
    route.ask(session, ctx, notification.id, message, acting, now)
