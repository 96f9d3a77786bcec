"""Queries made once, in the words of the database that is used; running them is `direct`'s."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from broker.storage.phrases import Process, Row, processed

T = TypeVar("T", bound=sa.sql.ClauseElement)


@dataclass(frozen=True, slots=True)
class Made:
    """A statement in the words of one database."""

    text: str
    parameters: tuple[tuple[str, Process | None], ...]
    """In the order of their marks, each with what makes the driver's value of it."""
    columns: tuple[Process | None, ...]
    """For each column of the answer, what makes our value of the driver's."""

    def values(self, given: Mapping[str, object]) -> list[Any]:
        """The driver's values of these parameters."""
        return [given[name] if process is None else process(given[name]) for name, process in self.parameters]

    def rows(self, found: list[Row]) -> list[Row]:
        """Rows with values as the types of the columns have them."""
        return processed(found, self.columns) if any(self.columns) else found


class Query:
    """A statement whose parameters are given by name. Its constants are written into it, so that partial indexes answer it."""

    def __init__(
        self, statement: sa.Select[*tuple[Any, ...]] | sa.CompoundSelect[*tuple[Any, ...]] | sa.UpdateBase
    ) -> None:
        """Every parameter stands once in it, or means the same wherever it stands."""
        self._statement = written_out(statement)
        self._made: dict[str, Made] = {}

    def made_for(self, dialect: sa.Dialect) -> Made:
        """It in the words of a database, made when they are first wanted."""
        made = self._made.get(dialect.name)
        if made is None:
            made = self._made[dialect.name] = _make(self._statement, dialect)
        return made


def written_out(statement: T) -> T:
    """A copy with its constants written into it. Of an update, do this to the queries that it takes rows from: they are not reached through it."""
    return visitors.cloned_traverse(statement, {}, {"bindparam": _written_out})


Asked: TypeAlias = tuple[Query, Mapping[str, object]]
"""A query with the values of its parameters."""


def _written_out(parameter: sa.BindParameter[Any]) -> None:
    """Constants have names that SQLAlchemy gave them. What has one of ours has no value before it is run."""
    if parameter.unique:
        parameter.literal_execute = True
    else:
        parameter.required = False


def _make(statement: Any, dialect: sa.Dialect) -> Made:  # noqa: ANN401 - any of SQLAlchemy's
    compiled = statement.compile(dialect=_worded(dialect), compile_kwargs={"render_postcompile": True})
    bound = compiled.binds
    if unnamed := [name for name in compiled.positiontup if bound[name].unique]:
        raise ValueError(f"a constant that SQLAlchemy adds cannot be written out: {', '.join(unnamed)}")
    processes = {name: _binding(bound[name].type, dialect) for name in compiled.positiontup}
    selected = () if isinstance(statement, sa.UpdateBase) else statement.selected_columns
    if getattr(statement, "_returning", ()):  # what a statement that changes rows gives back of them
        selected = statement.exported_columns
    return Made(
        text=compiled.string,
        parameters=tuple((name, processes[name]) for name in compiled.positiontup),
        columns=tuple(_reading(column.type, dialect) for column in selected),
    )


def _worded(dialect: sa.Dialect) -> sa.Dialect:
    """The dialect with marks for parameters that its driver passes on as they are."""
    if dialect.name != "postgresql":
        return dialect
    import psycopg  # as in `direct`

    return type(dialect)(paramstyle="numeric_dollar", dbapi=psycopg)  # type: ignore[call-arg]  # its own options


def _binding(type_: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Process | None:
    return type_.dialect_impl(dialect).bind_processor(dialect)


def _reading(type_: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Process | None:
    """SQLAlchemy asks psycopg's cursor what it read for a number: of the two that we have, both drivers read it as it is."""
    if isinstance(type_, sa.Integer | sa.Float):
        return None
    return type_.dialect_impl(dialect).result_processor(dialect, None)


class Inserting(Query):
    """Rows into one table, by these columns and those that have a default of ours."""

    def __init__(self, table: sa.Table, names: tuple[str, ...]) -> None:
        """Columns that are not named and have no default of ours are left to the database."""
        self._defaults: Mapping[str, object] = {
            column.name: getattr(column.default, "arg", None)
            for column in table.columns
            if column.name not in names and column.default is not None and column.default.is_scalar
        }
        columns = [table.c[name] for name in (*self._defaults, *names)]
        super().__init__(table.insert().values({c.name: sa.bindparam(c.name, type_=c.type) for c in columns}))
        listed = ", ".join(f'"{column.name}"' for column in columns)
        self.from_json: Final = f'INSERT INTO "{table.name}" ({listed}) SELECT {listed} FROM json_populate_recordset(NULL::"{table.name}", $1::json)'  # noqa: S608 - our own names
        """For PostgreSQL: all rows as one parameter, a JSON array."""

    def complete(self, rows: Sequence[Mapping[str, object]]) -> Sequence[Mapping[str, object]]:
        """The rows with the defaults. ValueError when they do not all have the same columns."""
        if any(row.keys() != rows[0].keys() for row in rows):
            raise ValueError("rows that are inserted together have the same columns")
        return [{**self._defaults, **row} for row in rows] if self._defaults else rows


@cache
def inserting(table: sa.Table, names: tuple[str, ...]) -> Inserting:
    """The same for the same columns."""
    return Inserting(table, names)
