"""Histories that tests of handovers begin with: teams hand each other notifications, people answer them or do not, and time passes."""

from datetime import datetime, timedelta
from itertools import count
from random import Random

from sqlalchemy import update
from sqlmodel import Session, col, select

from broker.domain.answers import Move
from broker.domain.states import PersonState, Purpose
from broker.domain.wanted import TaskWanted
from broker.errors import BatonError
from broker.storage import deliveries, tasks
from broker.storage.codec import seal_json
from broker.storage.store import Store
from broker.storage.tables import Person, Subject, Task
from broker.workflow import acknowledge
from schemas.codes import Event, ResponseReason, TaskCode, TaskStatus
from tests.conftest import NOON
from tests.integration.delivery_rows import SENDER, delivery, message, new_id, notification
from tests.integration.task_rows import (
    GP,
    HV,
    LEAD,
    POLICY,
    PROBATION,
    action,
    caller,
    context,
    moves,
    raised,
    ready,
)

TEAMS = (SENDER, HV, GP, PROBATION, LEAD)
EVENTS = (Event.BIRTH, Event.CONCERN, Event.NOT_BROUGHT)
_MOVES = (Move.OPEN, Move.ACCEPT, Move.ACCEPT, Move.DECLINE, Move.ASK, Move.EXTEND, Move.REASSIGN)


def handed_over(
    store: Store,
    now: datetime,
    *,
    sender: str = SENDER,
    receiver: str = HV,
    event: Event = Event.BIRTH,
    due_at: datetime | None = None,
    requester: str | None = SENDER,
    about: tuple[str, ...] = (),
) -> str:
    """A message about these persons told to one team, with its task; the task's id."""
    id_ = new_id()

    def work(session: Session) -> str:
        notification(session, store, id_, message(id=id_, event=event, sender=sender))
        session.add_all(Subject(notification_id=id_, person_id=person, named=False) for person in about)
        row = delivery(receiver, now, cause="", purpose=Purpose.ACTION, known_to_sender=True, notification_id=id_)
        deliveries.insert(session, [row])
        wanted = TaskWanted(
            code=TaskCode.ACKNOWLEDGE,
            owner=receiver,
            requester=requester and sender,
            description="Say what this means here.",
            notification_id=id_,
            delivery_id=str(row["id"]),
            person_id=about[0] if about else None,
            due_at=due_at,
        )
        return tasks.raise_tasks(session, store.codec, [wanted], policy_version=POLICY.version, now=now)[0]

    return store.write(work)


def transfer(store: Store, now: datetime, lines: dict[str, TaskStatus], *, named: tuple[str, ...]) -> str:
    """A transfer to the health visitors about the `named`, with a line in this status for each person; its id."""
    id_ = new_id()

    def work(session: Session) -> str:
        notification(session, store, id_, message(id=id_, event=Event.TRANSFER))
        session.add_all(Subject(notification_id=id_, person_id=person, named=False) for person in named)
        both = {"owner": HV, "requester": SENDER, "notification_id": id_}
        whole = TaskWanted(code=TaskCode.TRANSFER, description="Take them on.", due_at=now, **both)
        [whole_id] = tasks.raise_tasks(session, store.codec, [whole], policy_version=POLICY.version, now=now)
        parts = [
            TaskWanted(code=TaskCode.CONFIRM_CHILD, description="Line.", part_of=whole_id, person_id=person, **both)
            for person in lines
        ]
        ids = tasks.raise_tasks(session, store.codec, parts, policy_version=POLICY.version, now=now)
        for line, status in zip(ids, lines.values(), strict=True):
            reason = ResponseReason.NOT_ACCEPTED if status is TaskStatus.REJECTED else None
            session.execute(update(Task).where(col(Task.id) == line).values(status=status, reason_code=reason))
        return whole_id

    return store.write(work)


def person(store: Store, born: datetime | None = NOON, state: PersonState = PersonState.LIVING) -> str:
    """Somebody; their id."""
    id_ = new_id()
    details = seal_json(store.codec, {}, f"person:{id_}")
    row = Person(id=id_, state=state, born=born and born.date(), details=details, created_at=NOON)
    store.write(lambda session: session.add(row))
    return id_


def lived(store: Store, chance: Random, length: int) -> datetime:
    """A history of so many steps, told into a database of its own; the time at its end."""
    ready(store)
    now = NOON
    for _ in range(length):
        now += timedelta(minutes=chance.choice((0, 1, 600, 1440, 9000)))
        if chance.random() < 0.5:
            _tell(store, chance, now)
        else:
            _move(store, chance, now)
    return now


def _tell(store: Store, chance: Random, now: datetime) -> None:
    """Two teams hear of a message at one moment; once in a while nobody waits, or it is a transfer, or another kind of task."""
    sender, *receivers = chance.sample(TEAMS, 3)
    if chance.random() < 0.15:
        statuses = chance.choices((TaskStatus.COMPLETED, TaskStatus.REQUESTED, TaskStatus.CANCELLED), k=2)
        child = person(store)
        transfer(store, now, dict(zip((child, person(store)), statuses, strict=True)), named=(child,))
    if chance.random() < 0.2:
        other = TaskWanted(code=TaskCode.DATA_QUALITY, owner=sender, requester=receivers[0], description="Mend.")
        store.write(lambda session: raised(session, store.codec, other))
    for receiver in receivers:
        handed_over(
            store,
            now,
            sender=sender,
            receiver=receiver,
            event=chance.choice(EVENTS),
            due_at=chance.choice((None, now + timedelta(hours=4), now + timedelta(days=5))),
            requester=chance.choice((sender, sender, sender, sender, None)),
        )


def _move(store: Store, chance: Random, now: datetime) -> None:
    """Somebody does something with an open task, as far as the rules let them."""
    open_ = col(Task.status).in_(("requested", "received", "on-hold"))
    acknowledge_ = col(Task.code) == TaskCode.ACKNOWLEDGE
    rows = store.read(lambda s: s.exec(select(Task).where(open_, acknowledge_).order_by(col(Task.id))).all())
    if not rows:
        return
    row, what = chance.choice(rows), chance.choice((*_MOVES, "escalate", "withdraw", "delivered"))
    match what:
        case "escalate":
            store.write(lambda s: s.execute(update(Task).where(col(Task.id) == row.id).values(level=row.level + 1)))
        case "withdraw":
            about = row.notification_id or ""
            store.write(lambda s: acknowledge.cancel_for_notification(s, context(s, store.codec), about, now))
        case "delivered":
            store.write(lambda s: acknowledge.mark_delivered(s, store.codec, [row.delivery_id or ""], now))
        case Move():
            try:
                moves(store, row.owner_team_id, row.id, what, now=now, **_said(chance, what, now))
            except BatonError:  # what the rules refuse is no part of the history
                return


_seconds = count(1)


def _said(chance: Random, move: Move, now: datetime) -> dict[str, object]:
    match move:
        case Move.ACCEPT if chance.random() < 0.5:
            return {"actions": (action(days=900),)}
        case Move.ACCEPT:
            return {"meaning": "We have seen them."}
        case Move.DECLINE:
            return {"reason": ResponseReason.NOT_ACCEPTED, "text": "Not ours."}
        case Move.ASK:
            return {"text": "Since when?"}
        case Move.EXTEND:
            return {"due_at": now + timedelta(days=9, seconds=next(_seconds)), "text": "On leave."}
        case Move.REASSIGN:
            return {"to_team": LEAD, "text": "Yours."}
    return {}


AUDITOR = caller(None, "baton/audit")
