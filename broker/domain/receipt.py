"""A team's word that it has a message, as a queue carries it; what it means is the workflow's business."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Receipt:
    """What it says."""

    message_id: str
    """Of the message that was received: its `message_id`, which is its MessageHeader.id and its delivery's id."""
    team: str | None
    """Whose user sent it, as the queue's server vouches for; None when it does not say, or the user is no team's."""
