"""Ids of the messages about one record of a sender's system, of which a later one names the record and not a message.

A screening result, a stay in hospital, a booking: the sender's system knows it by a number, tells of it as often as it
changes, and takes it back by that number. So the ids of its messages begin with the id of the record, and a message may have
the record's id as its reference: it follows whatever was told of the record last, and a withdrawal takes back all of it.
"""

import re
from typing import Final

_RECORD: Final = re.compile(r"[0-9a-f]{32}")
"""Hexadecimal digits without hyphens: no FHIR id that a system makes of a UUID has this form, and any database sorts them alike."""


def is_record(reference: str | None) -> bool:
    """Whether a reference names a record."""
    return reference is not None and _RECORD.fullmatch(reference) is not None


def range_of(record: str) -> tuple[str, str]:
    """The first and the last id that a message about the record can have."""
    return record + "0" * 32, record + "f" * 32
