"""Which of Baton's tasks a pattern of the file means, and when it was raised; whether that is as expected is judged elsewhere."""

from sqlmodel import Session

from broker.domain.terms import parse
from broker.replay.expects import TaskPattern
from broker.replay.forms import Words, names
from broker.replay.moments import span
from broker.replay.record import Record
from broker.storage import bank_holidays, task_search
from broker.storage.codec import Codec
from broker.storage.task_search import SortBy, TaskQuery
from broker.storage.task_values import EVERYTHING, Stored

ALL = 100_000
"""Tasks of a whole story."""


def tasks(session: Session, codec: Codec, record: Record, pattern: TaskPattern) -> list[Stored]:
    """Every task that the pattern means, the oldest first."""
    query = TaskQuery(
        owner=pattern.owner,
        requester=pattern.asked_by,
        codes=frozenset() if pattern.task is None else frozenset({pattern.task}),
        sort=SortBy.AUTHORED,
        count=ALL,
    )
    found, _ = task_search.search(session, codec, query, EVERYTHING)
    return [task for task in found if _fits(task, record, pattern)]


def _fits(task: Stored, record: Record, pattern: TaskPattern) -> bool:
    row = task.row
    return (
        (pattern.about is None or row.person_id in record.persons.get(pattern.about, ()))
        and (pattern.of is None or row.notification_id in record.notifications.get(pattern.of, ()))
        and (pattern.priority is None or row.priority is pattern.priority)
        and (pattern.due_within is None or _due(task, pattern.due_within))
        and says(task.content["description"], pattern.saying)
        and not any(says(task.content["description"], word) for word in names(pattern.without))
    )


def _due(task: Stored, within: str) -> bool:
    begun, due = task.row.authored_at, task.row.due_at
    latest = parse(within).after(begun, bank_holidays.calendar()) if "working" in within else begun + span(within)
    return due is not None and due <= latest


def says(text: str, words: Words) -> bool:
    """Whether each of the words stands in the text, however capitals are used."""
    return all(word.casefold() in text.casefold() for word in names(words))
