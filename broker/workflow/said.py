"""What an accepted notification says of persons as they are known now: who was a number then may be somebody today."""

from collections.abc import Sequence

from sqlmodel import Session

from broker.domain import matching
from broker.storage import notifications, people
from broker.storage.codec import Codec
from broker.storage.tables import Notification
from schemas.message import Message


def now(session: Session, codec: Codec, row: Notification) -> Message:
    """The message, keyed by the ids of those into whom its persons were merged."""
    [(_, message)] = several(session, codec, [row])
    return message


def several(session: Session, codec: Codec, rows: Sequence[Notification]) -> list[tuple[Notification, Message]]:
    """Each of these with what it says."""
    found = [(row, notifications.message_of(codec, row)) for row in rows]
    known = people.survivors(session, sorted({person.key for _, message in found for person in message.people}))
    return [(row, matching.rekey(message, known)) for row, message in found]
