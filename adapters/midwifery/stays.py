"""A trust's HL7 v2 events as maternity means them: which trigger comes to what, and why others come to nothing.

Chapter 3 of HL7 v2 says what each trigger reports. A patient administration system sends all of them of everybody; what is
told is what the message says of a pregnancy, a birth, a hand-over, a death, or who and where somebody is.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from adapters.hl7v2 import TRAINING, V2Message, parse
from adapters.identity import digest
from adapters.midwifery.arrivals import arrival
from adapters.midwifery.drafts import NotOurs, Outcome, Told
from adapters.midwifery.leavings import cancelled, leaving
from adapters.midwifery.records import merged, updated
from adapters.port import Ignored, Notifications, Quarantine, Translation
from schemas.problem import Problem

_Reader: TypeAlias = Callable[[V2Message], Outcome]


def _not_ours(reason: str) -> _Reader:
    outcome = NotOurs(reason)
    return lambda _: outcome


_PENDING: Final = _not_ours("What is planned of a stay, or a plan that is dropped, tells nobody anything yet.")
_INSIDE: Final = _not_ours(
    "Where in the hospital somebody lies, and as what they are counted, is no other agency's business."
)

_READERS: Final[Mapping[str, _Reader]] = {
    **dict.fromkeys(("A01", "A04", "A05"), arrival),
    "A03": leaving,
    **dict.fromkeys(("A11", "A13", "A38"), cancelled),
    **dict.fromkeys(("A08", "A28", "A31"), updated),
    **dict.fromkeys(("A18", "A34", "A36", "A40", "A47"), merged),
    **dict.fromkeys(("A14", "A15", "A16", "A25", "A26", "A27"), _PENDING),
    **dict.fromkeys(("A02", "A06", "A07", "A09", "A10", "A12", "A17", "A20", "A21", "A22", "A32", "A33"), _INSIDE),
    "A19": _not_ours("A question about a patient tells nobody anything."),
    "A29": _not_ours("That a record is deleted in one system says nothing of the person."),
}


def translated(body: bytes, content_type: str | None) -> Translation:
    """What a message says; never raises."""
    message = parse(body, content_type)
    if not isinstance(message, V2Message):
        return Quarantine(message)
    outcome = _outcome(message)
    match outcome:
        case NotOurs(reason):
            return Ignored(reason, key=message.key, content_key=message.content_key)
        case Told(messages, doubts, by_what_it_says):
            warnings = (*message.warnings, *dict.fromkeys(doubts))
            said = digest([one.id for one in messages]) if by_what_it_says else message.content_key
            return Notifications(messages, warnings, key=messages[0].id, content_key=said)
        case problems:
            return Quarantine((*problems, *message.warnings))


def _outcome(message: V2Message) -> Outcome:
    if message.tells_of_nobody:
        return NotOurs(TRAINING)
    if message.type == "ACK":
        return NotOurs("An acknowledgement tells nobody anything.")
    reader = _READERS.get(message.trigger) if message.type == "ADT" else None
    if reader is None:
        return (Problem("MSH-9", "is of an event that this adapter does not read", "not-supported"),)
    return reader(message)
