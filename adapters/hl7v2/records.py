"""What HL7 v2 events create and cancel: a stay, a booking to come, its end, each known by the number of its visit (PV1-19)."""

from collections.abc import Mapping
from typing import Final

from adapters.hl7v2.people import Stay
from adapters.hl7v2.structure import V2Message
from adapters.identity import id_in_record, record_id

_CREATED: Final[Mapping[str, str]] = {
    "A01": "admission",
    "A04": "admission",
    "A05": "pre-admission",
    "A06": "admission",
    "A02": "transfer",
    "A03": "discharge",
    "A07": "discharge",
}
CANCELS: Final[Mapping[str, str]] = {
    "A11": "admission",
    "A38": "pre-admission",
    "A12": "transfer",
    "A13": "discharge",
}
"""The trigger that cancels, and what: A11 cancels an admission (A01) as well as a registration (A04) (3.3.11)."""


def record_of(message: V2Message, visit: Stay) -> str | None:
    """The record that the event creates or cancels, for a message's reference; None without a visit number, or where it does neither."""
    what = _CREATED.get(message.trigger) or CANCELS.get(message.trigger)
    if what is None or not visit.number:
        return None
    return record_id("hl7v2", message.application, message.facility, what, visit.number)


def id_of(message: V2Message, record: str | None, position: int = 0) -> str:
    """The id of the message that an event comes to, the `position`-th of several: the same whenever the event is (`V2Message.key`)."""
    parts = (message.key,) if position == 0 else (message.key, str(position))
    return id_in_record(record or record_id("hl7v2", message.key), *parts)
