"""Everything that was stored about one handover, as rows: its tasks with their parts, its message, what was sent, tried and written down."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlmodel import Session, col, select

from broker.storage.codec import Codec
from broker.storage.tables import Attempt, Audit, Delivery, Notification, Subject, Task
from broker.storage.task_values import Stored
from broker.storage.tasks import reading, stored


def family(session: Session, codec: Codec, task_id: str) -> list[Stored]:
    """A task, its parts and theirs: lines, questions, agreed actions; the whole first, then by when they were made."""
    found: list[Stored] = []
    wanted = col(Task.id) == task_id
    while True:
        rows = session.execute(reading().where(wanted).order_by(col(Task.authored_at), col(Task.id)))
        made = [stored(codec, row) for row in rows]
        found += made
        if not made:
            return found
        wanted = col(Task.part_of).in_([task.row.id for task in made])


def message(session: Session, notification_id: str) -> Notification:
    """The message as it was received."""
    return session.get_one(Notification, notification_id)


def subjects(session: Session, notification_id: str) -> list[str]:
    """Ids of the persons that a message is about or names."""
    query = select(Subject.person_id).where(col(Subject.notification_id) == notification_id)
    return list(session.exec(query.order_by(col(Subject.person_id))))


def sent(session: Session, notification_id: str, tasks: Sequence[Stored]) -> list[Delivery]:
    """What carried these tasks, or told of them, oldest first: the message itself, messages of their own, outcomes, escalations."""
    carriers, ids = {task.row.delivery_id for task in tasks}, {task.row.id for task in tasks}
    rows = session.exec(
        select(Delivery)
        .where(col(Delivery.notification_id) == notification_id)
        .order_by(col(Delivery.created_at), col(Delivery.id))
    )
    return [row for row in rows if row.id in carriers or ids & set(row.cause.split(":"))]


def attempts(session: Session, delivery_ids: Collection[str]) -> Mapping[str, Sequence[Attempt]]:
    """Every try to hand these over, by delivery, oldest first."""
    found: dict[str, list[Attempt]] = defaultdict(list)
    rows = session.exec(
        select(Attempt).where(col(Attempt.delivery_id).in_(delivery_ids)).order_by(col(Attempt.at), col(Attempt.id))
    )
    for row in rows:
        found[row.delivery_id].append(row)
    return found


def written_down(session: Session, entity_ids: Collection[str]) -> list[Audit]:
    """The audit rows about these, oldest first. Searches stand for all they found, and are not among them."""
    rows = session.exec(
        select(Audit).where(col(Audit.entity_id).in_(entity_ids)).order_by(col(Audit.at), col(Audit.id))
    )
    return list(rows)
