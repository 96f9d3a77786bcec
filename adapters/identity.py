"""Names and digests that are the same whenever the same event is read; which parts make an event the same is each adapter's rule."""

import hashlib
from typing import Final
from uuid import UUID, uuid5

import orjson

# Never to change: it is part of the id of every message that an adapter ever read.
_NAMESPACE: Final = UUID("5b4c1d52-8a0e-5d0a-9b57-2f6a0f2c7d11")


def message_id(*parts: str) -> str:
    """A valid FHIR id (a UUID, version 5) made of `parts`, in their order."""
    # The unit separator cannot stand in any of the parts' formats, so ("a", "bc") and ("ab", "c") differ.
    return str(uuid5(_NAMESPACE, "\x1f".join(parts)))


def record_id(*parts: str) -> str:
    """The id of a record of the sender's system made of `parts`, to stand as the reference of messages about it (`schemas.records`)."""
    return message_id(*parts).replace("-", "")


def id_in_record(record: str, *parts: str) -> str:
    """The id of one message about a record, made of `parts` besides."""
    return record + record_id(*parts)


def digest(content: object) -> str:
    """SHA-256, in hexadecimal, of `content`, which is JSON: the order of members and the spacing of the original are immaterial."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
