"""Rows that tests of tasks begin with: a notification told to two teams, with a task for each; and what their people do."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, select

from broker.domain.answers import AgreedAction, Conversation, Move, MoveRequest
from broker.domain.caller import Caller
from broker.domain.states import DeliveryState, PersonState, Purpose
from broker.domain.wanted import TaskWanted
from broker.storage import deliveries, directory, tasks
from broker.storage.codec import Codec, seal_json
from broker.storage.store import Store
from broker.storage.tables import Delivery, Person, TaskEvent
from broker.storage.task_values import Scope, Stored
from broker.workflow import acknowledge, deliver, raising
from broker.workflow.context import Context
from schemas.codes import TaskCode
from schemas.message import Professional
from tests.conftest import NOON
from tests.default_policy import default_policy
from tests.integration.delivery_rows import CHILD, NOTIFICATION, SENDER, delivery, prepared

HV, GP, PROBATION = "swbh-health-visiting", "cape-hill-practice", "sandwell-probation"
LEAD, PARTNERSHIP = "swbh-safeguarding", "sandwell-partnership"
NURSE = Professional(name="Nora Nurse", role="health-visitor")
MIDWIFE = Professional(name="Mia Midwife", role="midwife")
CLERK = Professional(name="Clem Clerk", role="receptionist")
ALL = Scope(team=None, everything=True)
POLICY = default_policy()
DUE = NOON + timedelta(days=5)


def caller(team: str | None, *scopes: str) -> Caller:
    """A system of that team."""
    agency = None if team is None else team.partition("-")[0]
    return Caller(client=f"{team}-system", team=team, agency=agency, scopes=frozenset(scopes))


def context(session: Session, codec: Codec) -> Context:
    """A step's context, with the default policy."""
    return Context(codec=codec, directory=directory.load(session), policy=POLICY, public_url="http://testserver")


def told(store: Store, team: str, *, with_clocks: bool = False, **other: Any) -> str:
    """A delivery of the notification for action, and its acknowledge task; the task's id."""
    row = delivery(team, cause="", purpose=Purpose.ACTION, known_to_sender=True) | {
        name: other.pop(name) for name in ("known_to_sender", "view", "state") if name in other
    }
    wanted: dict[str, Any] = {
        "code": TaskCode.ACKNOWLEDGE,
        "owner": team,
        "requester": SENDER,
        "description": "Say what this means here.",
        "person_id": CHILD,
        "notification_id": NOTIFICATION,
        "delivery_id": row["id"],
        "due_at": DUE,
    } | other

    def work(session: Session) -> str:
        deliveries.insert(session, [row])
        if with_clocks:
            return raising.raise_tasks(session, context(session, store.codec), [TaskWanted(**wanted)], NOON)[0]
        return raised(session, store.codec, TaskWanted(**wanted))[0]

    return store.write(work)


def raised(session: Session, codec: Codec, *wanted: TaskWanted) -> list[str]:
    """Tasks raised now."""
    return tasks.raise_tasks(session, codec, wanted, policy_version=POLICY.version, now=NOON)


def ready(store: Store) -> None:
    """The directory, the notification, and the child it is about."""
    prepared(store)
    details = seal_json(store.codec, {}, f"person:{CHILD}")
    row = Person(id=CHILD, state=PersonState.LIVING, details=details, created_at=NOON)
    store.write(lambda session: session.add(row))


def one(store: Store, task_id: str) -> Stored:
    """The task as it is."""
    found = store.read(lambda session: tasks.get(session, store.codec, task_id, ALL))
    assert found is not None
    return found


def carrier(store: Store, task_id: str) -> str:
    """The delivery that brought the task."""
    delivery_id = one(store, task_id).row.delivery_id
    assert delivery_id is not None
    return delivery_id


def arrives(store: Store, task_id: str, now: datetime = NOON) -> None:
    """The team's system has what brought the task."""
    brought = carrier(store, task_id)
    store.write(lambda session: deliver.has_arrived(session, context(session, store.codec), [brought], now))


def history(store: Store, task_id: str) -> list[str]:
    """The moves of a task, oldest first."""
    query = select(TaskEvent).where(TaskEvent.task_id == task_id)
    events = store.read(lambda session: session.exec(query).all())
    return [event.move for event in sorted(events, key=lambda event: event.version)]


def messages(store: Store, team: str) -> list[str]:
    """The causes of the messages ready for a team, in the order of their making."""
    query = select(Delivery).where(Delivery.team_id == team, Delivery.state == DeliveryState.READY)
    rows = store.read(lambda session: session.exec(query).all())
    return [row.cause for row in sorted(rows, key=lambda row: row.created_at)]


def moves(
    store: Store,
    team: str,
    task_id: str,
    move: Move,
    who: Professional | None = NURSE,
    now: datetime = NOON,
    **said: Any,
) -> Stored:
    """One move of a team in a transaction of its own."""
    request = MoveRequest(move=move, practitioner=who, **said)
    return store.write(
        lambda session: acknowledge.answer(session, context(session, store.codec), caller(team), task_id, request, now)
    )


def action(what: str = "Weigh the child", days: int = 7) -> AgreedAction:
    """Something the health visitor will do."""
    return AgreedAction(action=what, owner=NURSE, due_at=NOON + timedelta(days=days))


SPOKEN = Conversation(with_whom="The ward sister", at=NOON - timedelta(hours=1))
