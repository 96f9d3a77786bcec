"""What an accepted notification says of persons as they are known now: who was a number then may be somebody today."""

from sqlmodel import Session

from broker.domain import matching
from broker.storage import notifications, people
from broker.storage.codec import Codec
from broker.storage.tables import Notification
from schemas.message import Message


def now(session: Session, codec: Codec, row: Notification) -> Message:
    """The message, keyed by the ids of those into whom its persons were merged."""
    message = notifications.message_of(codec, row)
    return matching.rekey(message, people.survivors(session, [person.key for person in message.people]))
