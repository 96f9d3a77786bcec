"""The evidence of one handover, from the first byte to the last answer: who, what and when. What was said of a child stays out.

An auditor sees that a message came, its hash, and every step it caused; its content, and the words of questions and
answers, are for those whom it was addressed to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.responsibility import Holding
from broker.errors import NotFound
from broker.storage import audit, escalations, handover_trail, handovers, notifications, responsibility, tasks
from broker.storage.tables import Attempt, Audit, Delivery, Escalation, Notification
from broker.storage.task_values import Happened, Stored, Who
from broker.workflow import explain
from broker.workflow.context import Context
from broker.workflow.explain import Explanation
from broker.workflow.handovers import Seen, seen

_CODED: Final = frozenset(
    {
        "reason",
        "to",
        "due",
        "choice",
        "actions",
        "question",
        "answered",
        "delivery",
        "last",
        "rungs",
        "supply",
        "joined",
    }
)
"""What an event brought that is a code, an id, a time or a number. Everything else is words, and only named."""
_RECEIVE: Final = "receive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One move of a task. `by` is the practitioner as the agency asserts."""

    version: int
    move: str
    at: datetime
    team: str | None
    client: str | None
    by: Who | None
    brought: Mapping[str, Any]
    not_shown: tuple[str, ...]
    """What else it brought, by the names of its parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTrail:
    """A task, everything that happened to it, and the rungs it climbed."""

    task: Stored
    events: tuple[Event, ...]
    escalations: Sequence[Escalation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """The message: how it came and what it was, without what it says."""

    notification: Notification
    clients: tuple[str, ...]
    """The systems that sent it, the first one first; again when it came again."""
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything about one handover, each part in the order in which it happened."""

    handover: Seen
    received: Received
    routing: Explanation
    deliveries: tuple[tuple[Delivery, Sequence[Attempt]], ...]
    tasks: tuple[TaskTrail, ...]
    """The handover's own first; then its lines, questions and agreed actions."""
    periods: tuple[Holding, ...]
    """Periods of responsibility that began by its message or by a line of it."""
    written_down: Sequence[Audit]


def evidence(session: Session, ctx: Context, caller: Caller, task_id: str, now: datetime) -> Evidence:
    """All of it, and an audit row that it was read. NotFound for a task that is no handover."""
    found = handovers.get(session, task_id)
    if found is None or found.notification_id is None:
        raise NotFound
    family = handover_trail.family(session, ctx.codec, task_id)
    ids = [task.row.id for task in family]
    sent = handover_trail.sent(session, found.notification_id, family)
    tried = handover_trail.attempts(session, [row.id for row in sent])
    climbed = escalations.of(session, ids)
    told_of = [found.notification_id, *ids, *(row.id for row in sent)]
    written_down = handover_trail.written_down(session, told_of)
    made = Evidence(
        handover=seen(session, ctx, [found], now)[0],
        received=_received(session, ctx, found.notification_id, written_down),
        routing=explain.explain(session, ctx, found.notification_id),
        deliveries=tuple((row, tried.get(row.id, ())) for row in sent),
        tasks=tuple(_trail(session, ctx, task, climbed.get(task.row.id, ())) for task in family),
        periods=_periods(session, found.notification_id, family),
        written_down=written_down,
    )
    detail = {"part": "evidence"}
    audit.record(session, action="read", entity="task", entity_id=task_id, now=now, caller=caller, detail=detail)
    return made


def _received(session: Session, ctx: Context, notification_id: str, written_down: Sequence[Audit]) -> Received:
    notification = handover_trail.message(session, notification_id)
    raw = notifications.raw_of(ctx.codec, notification)
    came = [row for row in written_down if (row.action, row.entity_id) == (_RECEIVE, notification_id)]
    clients = tuple(row.client_name for row in came if row.client_name)
    return Received(notification=notification, clients=clients, size=len(raw), sha256=sha256(raw).hexdigest())


def _trail(session: Session, ctx: Context, task: Stored, climbed: Sequence[Escalation]) -> TaskTrail:
    happened = tasks.events(session, ctx.codec, task.row.id)
    return TaskTrail(task=task, events=tuple(map(_event, happened)), escalations=climbed)


def _event(happened: Happened) -> Event:
    detail = happened.detail
    return Event(
        version=happened.version,
        move=happened.move,
        at=happened.at,
        team=happened.team_id,
        client=happened.client_name,
        by=detail.get("by"),
        brought={name: value for name, value in detail.items() if name in _CODED},
        not_shown=tuple(sorted(detail.keys() - _CODED - {"by"})),
    )


def _periods(session: Session, notification_id: str, family: Sequence[Stored]) -> tuple[Holding, ...]:
    lines = {task.row.id for task in family}
    persons = {task.row.person_id for task in family if task.row.person_id}
    persons |= set(handover_trail.subjects(session, notification_id))
    chains = responsibility.chains(session, persons).values()
    caused = (
        period
        for chain in chains
        for period in chain
        if period.task_id in lines or (period.task_id is None and period.notification_id == notification_id)
    )
    return tuple(sorted(caused, key=lambda period: (period.since, period.person_id, period.function)))
