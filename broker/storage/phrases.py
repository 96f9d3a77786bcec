"""Phrases of queries that `prepared` makes, in the words of both databases: one of many texts, one of the few found, rows within a row."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, TypeAlias

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from broker.storage.types import UtcDateTime

Row: TypeAlias = tuple[Any, ...]
Process: TypeAlias = Callable[[Any], Any]
"""Makes one form of a value of another."""
_Found: TypeAlias = sa.Select[*tuple[Any, ...]] | sa.CompoundSelect[*tuple[Any, ...]]


class Texts(sa.types.TypeDecorator[Collection[str]]):
    """Any number of texts as one parameter, so that a statement is the same however many there are."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Collection[str] | None, dialect: sa.Dialect) -> Any:  # noqa: ANN401 - of either driver
        """The driver's value: the database's own form of an array, which costs psycopg less than a list, or JSON."""
        texts = list(value or ())
        if dialect.name != "postgresql":
            return orjson.dumps(texts).decode()
        return "{" + ",".join(['"' + text.replace("\\", r"\\").replace('"', r"\"") + '"' for text in texts]) + "}"


def among(column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[bool]:
    """`column` is one of the texts that are given as the parameter `name`; like `column.in_(…)`, whose text changes with their number."""
    return column.bool_op("")(_among(name))


class _among(sa.sql.functions.FunctionElement[Any]):  # noqa: N801 - SQLAlchemy's functions are written so
    inherit_cache = False

    def __init__(self, name: str) -> None:
        super().__init__(sa.bindparam(name, type_=Texts()))


@compiles(_among, "postgresql")
def _in_array(element: _among, compiler: Any, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    [texts] = element.clauses
    return f"= ANY (CAST({compiler.process(texts, **options)} AS TEXT[]))"


@compiles(_among, "sqlite")
def _in_json(element: _among, compiler: Any, **options: Any) -> str:  # noqa: ANN401 - as above
    [texts] = element.clauses
    return f"IN (SELECT value FROM json_each({compiler.process(texts, **options)}))"  # noqa: S608 - a mark


def within(column: sa.ColumnElement[Any], found: _Found) -> sa.ColumnElement[bool]:
    """`column` is one of the few texts that another query finds; like `column.in_(…)`, of which PostgreSQL believes that they are many.

    It then reads tables from end to end that are not small, to join them.
    """
    return column.bool_op("")(_within(found))


class _within(sa.sql.functions.FunctionElement[Any]):  # noqa: N801 - SQLAlchemy's functions are written so
    inherit_cache = False

    def __init__(self, found: _Found) -> None:
        super().__init__(found.scalar_subquery())


@compiles(_within, "postgresql")
def _in_array_of(element: _within, compiler: Any, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    [found] = element.clauses
    return f"= ANY (ARRAY{compiler.process(found, **options)})"


@compiles(_within, "sqlite")
def _in_query(element: _within, compiler: Any, **options: Any) -> str:  # noqa: ANN401 - as above
    [found] = element.clauses
    return f"IN {compiler.process(found, **options)}"


def listed(query: sa.Select[*tuple[Any, ...]]) -> sa.ScalarSelect[Any]:
    """The rows of a query, in its order, as one value of another's: a list of tuples, as `direct.rows` gives them."""
    rows = query.subquery()
    return sa.select(_rows(rows.c)).scalar_subquery()


class _Rows(sa.types.TypeDecorator[list[Row]]):
    """Rows as JSON has them."""

    impl = sa.Text
    cache_ok = False

    def __init__(self, types: Collection[sa.types.TypeEngine[Any]]) -> None:
        super().__init__()
        self._columns = tuple(_from_json(type_) for type_ in types)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> list[Row]:  # noqa: ARG002 - signature is SQLAlchemy's
        return processed(orjson.loads(value or "[]"), self._columns)


class _rows(sa.sql.functions.FunctionElement[Any]):  # noqa: N801 - SQLAlchemy's functions are written so
    inherit_cache = False

    def __init__(self, columns: Iterable[sa.ColumnElement[Any]]) -> None:
        super().__init__(*columns)
        self.type = _Rows([column.type for column in columns])


@compiles(_rows, "postgresql")
def _json_agg(element: _rows, compiler: Any, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    columns = _written(element, compiler, "encode({}, 'hex')", options)
    return f"json_agg(json_build_array({columns}))::text"


@compiles(_rows, "sqlite")
def _json_group_array(element: _rows, compiler: Any, **options: Any) -> str:  # noqa: ANN401 - as above
    return f"json_group_array(json_array({_written(element, compiler, 'hex({})', options)}))"


def _written(element: _rows, compiler: Any, as_hex: str, options: Mapping[str, Any]) -> str:  # noqa: ANN401 - as above
    """The columns; JSON has no bytes."""
    return ", ".join(
        (as_hex if isinstance(column.type, sa.LargeBinary) else "{}").format(compiler.process(column, **options))
        for column in element.clauses
    )


def _from_json(type_: sa.types.TypeEngine[Any]) -> Process | None:
    """What makes a column's value of its form in JSON; None where they are the same."""
    if isinstance(type_, sa.Enum):
        return _member(type_.enum_class) if type_.enum_class else None
    if isinstance(type_, UtcDateTime):
        return _unless_none(_moment)
    for kind, process in _OF_JSON.items():
        if isinstance(type_, kind):
            return _unless_none(process)
    return None


def _member(values: type[Enum]) -> Process:
    """The member of a value; of None, None. LookupError for what is none."""
    return {None: None, **{member.value: member for member in values}}.__getitem__


def _unless_none(process: Process) -> Process:
    return lambda value: None if value is None else process(value)


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


_OF_JSON: Mapping[type, Process] = {sa.Boolean: bool, sa.Date: date.fromisoformat, sa.LargeBinary: bytes.fromhex}


def processed(found: Iterable[Sequence[Any]], columns: Sequence[Process | None]) -> list[Row]:
    """The rows with each value made what its column wants."""
    to_make = [(place, process) for place, process in enumerate(columns) if process is not None]
    return [_made(row, to_make) for row in found]


def _made(row: Sequence[Any], to_make: Sequence[tuple[int, Process]]) -> Row:
    """Most columns of a row want their value as it is: those alone that do not are gone through."""
    values = list(row)
    for place, process in to_make:
        values[place] = process(values[place])
    return tuple(values)
