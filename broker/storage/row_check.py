"""Codes and references, which stand in plain: whether each is one. No flipped bit makes one of another, so that it is found though nothing seals them."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlmodel import Session

from broker.storage.tables import metadata

Place: TypeAlias = tuple[str, str, str]
"""Table, row and column."""


def strays(session: Session) -> Iterator[Place]:
    """Where a code stands that is none, or a reference to what is not there."""
    for table in metadata.sorted_tables:
        [key, *_] = table.primary_key.columns
        for column in table.columns:
            if isinstance(column.type, sa.Enum):
                yield from _rows(session, key, column, _no_code(column))
        for reference in table.foreign_key_constraints:
            first = reference.elements[0].parent
            yield from _rows(session, key, first, _leads_nowhere(reference))


def _no_code(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Whether it holds none of its codes."""
    assert isinstance(column.type, sa.Enum)
    return sa.type_coerce(column, sa.String).not_in(column.type.enums)


def _leads_nowhere(reference: sa.ForeignKeyConstraint) -> sa.ColumnElement[bool]:
    """As the database has it: where one of its columns is empty it leads nowhere on purpose."""
    there = reference.referred_table.alias()
    own = [one.parent for one in reference.elements]
    same = [there.c[one.column.name] == one.parent for one in reference.elements]
    return sa.and_(*(column.is_not(None) for column in own), ~sa.exists().where(*same))


def _rows(
    session: Session, key: sa.Column[Any], column: sa.Column[Any], wrong: sa.ColumnElement[bool]
) -> Iterator[Place]:
    for (id_,) in session.execute(sa.select(key).where(wrong).order_by(key)):
        yield str(column.table.name), str(id_), column.name
