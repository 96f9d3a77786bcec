"""What a migration does to a big table while it is in use: columns added, indexes built and dropped beside the writers."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op


def add_columns(table: str, *columns: sa.Column[Any]) -> None:
    """Columns before an index that is built beside the writers: an attempt that was interrupted while it was built has added them already."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
    for column in columns:
        if column.name not in there:
            op.add_column(table, column)


def create_index(name: str, table: str, columns: Sequence[str], *, where: str | None = None) -> None:
    """An index on a table in use. PostgreSQL builds it concurrently, outside of a transaction; a half-built one is replaced.

    The last thing that a step does, because what it did before is committed first.
    """
    condition = sa.text(where) if where else None
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(name, table, list(columns), sqlite_where=condition)
        return
    with op.get_context().autocommit_block():
        _unhurried()
        op.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')  # of an attempt that was interrupted
        op.create_index(name, table, list(columns), postgresql_where=condition, postgresql_concurrently=True)
        _hurried()


def drop_index(name: str, table: str) -> None:
    """Drop an index of a table in use, the last thing that a step does."""
    if op.get_bind().dialect.name != "postgresql":
        op.drop_index(name, table)
        return
    with op.get_context().autocommit_block():
        _unhurried()
        op.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')
        _hurried()


def replace_index(name: str, table: str, columns: Sequence[str], *, where: str | None = None) -> None:
    """Another index under the same name, the last thing that a step does. The old one serves until the new one is there."""
    if op.get_bind().dialect.name != "postgresql":
        op.drop_index(name, table)
        create_index(name, table, columns, where=where)
        return
    create_index(f"{name}_new", table, columns, where=where)
    drop_index(name, table)
    op.execute(f'ALTER INDEX "{name}_new" RENAME TO "{name}"')


def _unhurried() -> None:
    """It waits for older transactions without holding anybody up, as long as that takes."""
    op.execute("SET lock_timeout = 0")
    op.execute("SET statement_timeout = 0")


def _hurried() -> None:
    """As `broker.storage.migrate` set them: a step may be followed by another."""
    from broker.storage.migrate import LOCK_SECONDS, STATEMENT_SECONDS

    op.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
    op.execute(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
