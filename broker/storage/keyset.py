"""Pages of a list by key: the next one begins behind the last row that was shown, however many there are before it."""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import orjson
from sqlalchemy import ColumnElement, SQLColumnExpression, and_, literal, or_

from broker.storage.types import UtcDateTime

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Sorts what has no date behind all that has."""


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page: the value it is sorted by, and its id."""

    value: datetime
    row_id: str

    def text(self, sort: StrEnum, *, descending: bool) -> str:
        """For the address of the next page. It names the order, so that it cannot be used with another."""
        plain = [sort.value, descending, self.value.isoformat(), self.row_id]
        return base64.urlsafe_b64encode(orjson.dumps(plain)).decode().rstrip("=")


def position(text: str, sort: StrEnum, *, descending: bool) -> Position | None:
    """What `Position.text` wrote; None when it is not one of this order."""
    try:
        plain = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        by, down, value, row_id = plain
        at = datetime.fromisoformat(value)
    except (binascii.Error, ValueError, TypeError):
        return None
    return Position(at, row_id) if (by, down) == (sort.value, descending) and _is_ours(at, row_id) else None


def _is_ours(at: datetime, row_id: object) -> bool:
    """A time in UTC and an id, as they are written here; whatever else somebody made up reaches no database."""
    return at.utcoffset() == timedelta() and isinstance(row_id, str) and row_id.replace("-", "").isalnum()


def behind(
    value: SQLColumnExpression[datetime], row_id: SQLColumnExpression[str], last: Position, *, descending: bool
) -> ColumnElement[bool]:
    """The rows that come after it in that order."""
    at = literal(last.value, UtcDateTime())
    if descending:
        return and_(value <= at, or_(value < at, row_id < last.row_id))
    return and_(value >= at, or_(value > at, row_id > last.row_id))
