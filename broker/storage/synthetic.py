"""A town's handovers made up in any number, straight into the tables: for measuring what an auditor asks, and for trying plans; nobody in it is real.

Teams, one message for every six teams told, and a task for each: some open, overdue or escalated, all others answered long ago.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from sqlalchemy import func, insert, select, text
from sqlmodel import Session, SQLModel, col

from broker.domain.handovers import UNANSWERED
from broker.domain.states import DeliveryState, NotificationState, PersonState, Purpose, View
from broker.storage import directory
from broker.storage.codec import Codec, seal_json
from broker.storage.store import Store
from broker.storage.tables import Agency, Area, Delivery, Notification, Person, Subject, Task, Team, metadata
from schemas.codes import Event, Function, Priority, ResponseReason, TaskCode, TaskStatus

FAN_OUT: Final = 6
"""Teams told of one message."""
CHUNK: Final = 6_000
"""Handovers of one transaction; a multiple of the fan-out."""
AGENCIES: Final = 12
FUNCTIONS: Final = (
    Function.MIDWIFERY,
    Function.HEALTH_VISITING,
    Function.GENERAL_PRACTICE,
    Function.MENTAL_HEALTH,
    Function.PROBATION,
    Function.CHILDRENS_SOCIAL_CARE,
)
EVENTS: Final = (Event.BIRTH, Event.CONCERN, Event.NOT_BROUGHT, Event.EMERGENCY_ATTENDANCE, Event.MATERNITY_DISCHARGE)
PERSONS: Final = 500
HISTORY: Final = timedelta(days=730)
"""How far back what was answered goes."""
OPEN: Final = timedelta(days=45)
"""How far back what is open goes."""
_ENDS: Final = (TaskStatus.COMPLETED,) * 17 + (TaskStatus.ACCEPTED, TaskStatus.REJECTED, TaskStatus.CANCELLED)

_Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How many handovers, and how many of them nobody has answered yet."""

    handovers: int
    open: int


def load(store: Store, amount: Amount, now: datetime) -> Iterator[int]:
    """Fill an empty migrated database; how many handovers are in after each transaction. The same amount makes the same rows."""
    chance = Random(amount.handovers)  # noqa: S311 - figures, no secret
    store.write(lambda session: _directory(session, store.codec, now))
    for first in range(0, amount.handovers, CHUNK):
        numbers = range(first, min(first + CHUNK, amount.handovers))
        rows = _rows(numbers, amount, chance, store.codec, now)
        store.write(lambda session, rows=rows: _write(session, rows))  # type: ignore[misc]
        yield numbers.stop


def amount(session: Session) -> Amount:
    """What a database holds."""
    waiting = func.count().filter(col(Task.status).in_(UNANSWERED))
    handovers, still_open = session.execute(select(func.count(), waiting).select_from(Task)).one()
    return Amount(handovers=handovers, open=still_open)


def gather_statistics(store: Store) -> None:
    """What PostgreSQL does by itself after a while: look at what is in the tables. SQLite plans without."""
    if not store.embedded:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def team_ids() -> list[str]:
    """The teams, one of each function in each agency."""
    return [f"agency-{agency}-{function.value}" for agency in range(AGENCIES) for function in FUNCTIONS]


def _directory(session: Session, codec: Codec, now: datetime) -> None:
    session.add_all(Area(id=f"area-{number}", name=f"Area {number}") for number in range(3))
    session.add_all(Agency(id=f"agency-{number}", name=f"Agency {number}") for number in range(AGENCIES))
    session.flush()
    for number in range(AGENCIES):
        for function in FUNCTIONS:
            name, area = f"agency-{number}-{function.value}", f"area-{number % 3}"
            session.add(Team(id=name, agency_id=f"agency-{number}", function=function, name=name, area_id=area))
    for number in range(PERSONS):
        born = (now - timedelta(days=number * 20)).date()  # the oldest are grown up
        details = seal_json(codec, {}, f"person:{_id('person', number)}")
        session.add(
            Person(id=_id("person", number), state=PersonState.LIVING, born=born, details=details, created_at=now)
        )
    directory.touch(session)


def _rows(
    numbers: range, amount: Amount, chance: Random, codec: Codec, now: datetime
) -> Mapping[type[SQLModel], Sequence[_Row]]:
    rows: dict[type[SQLModel], list[_Row]] = {Notification: [], Subject: [], Delivery: [], Task: []}
    teams = team_ids()
    every = max(1, amount.handovers // max(1, amount.open))
    for number in numbers:
        message = number // FAN_OUT
        sender = teams[message % len(teams)]
        sent = now - HISTORY + HISTORY * (number - number % FAN_OUT) / amount.handovers
        if number % FAN_OUT == 0 or number == numbers.start:
            rows[Notification].append(_notification(codec, message, sender, sent, chance.choice(EVENTS)))
            rows[Subject] += [_subject(message, index) for index in range(2)]
        receiver = teams[(message + 1 + number % FAN_OUT) % len(teams)]
        is_open = number % every == 0 and number // every < amount.open
        sent = now - OPEN * chance.random() if is_open else sent
        rows[Delivery].append(_delivery(number, message, receiver, sent))
        rows[Task].append(_task(codec, number, message, sender, receiver, sent, _state(chance, sent, now, is_open)))
    return rows


def _state(chance: Random, sent: datetime, now: datetime, is_open: bool) -> _Row:  # noqa: FBT001 - a column
    due = sent + timedelta(days=chance.choice((1, 2, 5, 14)))
    if not is_open:
        status = chance.choice(_ENDS)
        reason = ResponseReason.NOT_ACCEPTED if status is TaskStatus.REJECTED else None
        return {"status": status, "due_at": due, "reason_code": reason, "level": 0, "answered_at": min(due, now)}
    level = chance.choice((0, 1, 2)) if due < now else 0
    return {
        "status": chance.choice(UNANSWERED),
        "due_at": due,
        "reason_code": None,
        "level": level,
        "answered_at": None,
    }


def _notification(codec: Codec, message: int, sender: str, at: datetime, event: Event) -> _Row:
    id_ = _id("notification", message)
    return {
        "id": id_,
        "sender_team_id": sender,
        "message_id": id_,
        "via": "fhir",
        "state": NotificationState.ACCEPTED,
        "event": event,
        "priority": Priority.ROUTINE,
        "occurred_at": at,
        "received_at": at,
        "raw": codec.seal(b"{}", f"raw:{id_}"),
        "content_type": "application/fhir+json",
        "content_hash": id_,
        "standing": "usable",
        "answer": codec.seal(b"{}", f"answer:{id_}"),
        "policy_version": "synthetic",
        "decided_on": {},
    }


def _subject(message: int, index: int) -> _Row:
    person = _id("person", (message + index) % PERSONS)
    return {"notification_id": _id("notification", message), "person_id": person, "named": index > 0}


def _delivery(number: int, message: int, receiver: str, at: datetime) -> _Row:
    return {
        "id": _id("delivery", number),
        "notification_id": _id("notification", message),
        "team_id": receiver,
        "cause": "",
        "state": DeliveryState.DELIVERED,
        "purpose": Purpose.ACTION,
        "view": View.FULL,
        "reason_code": "involved-with-child",
        "reason": "Your team works with a child of the household.",
        "policy_version": "synthetic",
        "known_to_sender": True,
        "number": number + 1,
        "created_at": at,
        "attempts": 1,
        "sent_at": at,
        "delivered_at": at,
    }


def _task(codec: Codec, number: int, message: int, sender: str, receiver: str, sent: datetime, state: _Row) -> _Row:
    id_ = _id("task", number)
    return {
        "id": id_,
        "code": TaskCode.ACKNOWLEDGE,
        "business_status": None,
        "owner_team_id": receiver,
        "requester_team_id": sender,
        "notification_id": _id("notification", message),
        "delivery_id": _id("delivery", number),
        "person_id": _id("person", message % PERSONS),
        "priority": Priority.ROUTINE,
        "dedupe_key": f"acknowledge:{id_}",
        "content": seal_json(codec, {"description": "Say what this means."}, f"task:{id_}"),
        "policy_version": "synthetic",
        "authored_at": sent,
        "delivered_at": sent,
        "changed_at": sent,
        "version": 1,
        **state,
    }


def _write(session: Session, rows: Mapping[type[SQLModel], Sequence[_Row]]) -> None:
    for table, values in rows.items():
        session.connection().execute(insert(metadata.tables[str(table.__tablename__)]), values)


def _id(kind: str, number: int) -> str:
    """Ids of one kind that grow; of different kinds they differ."""
    return f"{int.from_bytes(kind.encode()[:4]):08x}-0000-4000-8000-{number:012x}"
