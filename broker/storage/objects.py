"""Rows that `direct` reads, as objects of their tables: as they were read, for ever, and of no session.

SQLAlchemy's own loading of an object costs several times the query that finds it, because the object is one that it will keep up to date.
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy.orm.attributes import manager_of_class
from sqlmodel import Session, SQLModel

from broker.storage import direct
from broker.storage.prepared import Query

T = TypeVar("T", bound=SQLModel)


class Objects(Generic[T]):
    """Makes the objects of one table of rows that have all its columns, in their order."""

    def __init__(self, table: type[T]) -> None:
        """`table`: a class that is one."""
        self._new: Any = manager_of_class(table).new_instance
        self._names = tuple(table.__table__.columns.keys())  # type: ignore[attr-defined]  # SQLModel says of no class that it has one

    def made(self, row: Sequence[Any]) -> T:
        """The object that one row is."""
        found: T = self._new()
        found.__dict__.update(zip(self._names, row, strict=True))
        return found

    def read(self, session: Session, query: Query, **given: object) -> list[T]:
        """What a query finds, in its order."""
        return [self.made(row) for row in direct.rows(session, query, **given)]
