"""Column types that behave alike on SQLite and PostgreSQL; no tables here."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import JSON, DateTime, Dialect, Enum, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC. SQLite drops zones, so naive values are refused on the way in and marked on the way out.

    What SQLite keeps is read in one step instead of SQLAlchemy's four, because a row has several.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """What makes our value of the driver's."""
        return _read if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - signature is SQLAlchemy's
        """Refuse naive values and convert to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone was given to the database")
        return value if value.tzinfo is UTC else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as above
        """Mark what comes back as UTC."""
        return None if value is None else _marked(value)


_AS_WRITTEN: Final = len("2024-05-06 07:08:09.000123")


def _read(text: str | None) -> datetime | None:
    if text is None:
        return None
    if len(text) == _AS_WRITTEN:
        return datetime.fromisoformat(f"{text}+00:00")
    return _marked(datetime.fromisoformat(text))


def _marked(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = JSON().with_variant(JSONB(), "postgresql")
"""A JSON document. Changes in place are not noticed: assign a new value."""


def enum_type(values: type[StrEnum], name: str) -> Enum:
    """A VARCHAR with a CHECK listing the members by value (not by name, and no native type to migrate)."""
    return Enum(
        values,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )
