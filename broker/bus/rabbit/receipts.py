"""Reads a receipt: that a team's system has a message of its queue. What it means is the workflow's business."""

import re

import orjson
from aio_pika.abc import AbstractIncomingMessage

from broker.bus.rabbit.names import team_of
from broker.domain.receipt import Receipt

LARGEST = 65_536
"""Bytes of a receipt; a message that only says "I have it" is a thousandth of that."""

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
"""A FHIR id, which is what our messages have."""


def read(message: AbstractIncomingMessage) -> Receipt | None:
    """By its correlation id, else by the `response.identifier` of a FHIR message; None when neither names a message."""
    id_ = message.correlation_id or _answered(message.body)
    if id_ is None or not _ID.fullmatch(id_):
        return None
    return Receipt(id_, team_of(message.user_id) if message.user_id else None)


def _answered(body: bytes) -> str | None:
    if len(body) > LARGEST:
        return None
    try:
        found = orjson.loads(body)
        header = found["entry"][0]["resource"]
        id_ = header["response"]["identifier"]
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
        return None
    return id_ if header.get("resourceType") == "MessageHeader" and isinstance(id_, str) else None
