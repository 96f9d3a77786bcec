"""Statements that run all day, handed to the driver as they are: SQLAlchemy's handling of one costs more than running it.

They run on the session's own connection, in its transaction; what fails is raised as SQLAlchemy raises it.

Within `batched`, on PostgreSQL, what needs no answer waits and goes to the server together with the next that does
(libpq's pipeline), in order: each wait for an answer costs both sides as much as a small statement.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from broker.storage.phrases import Row
from broker.storage.prepared import Asked, Inserting, Query, inserting

_BATCH: Final = "baton-batch"
"""Where a session and its connection keep their batch."""


def rows(session: Session, query: Query, **given: object) -> list[Row]:
    """What a query finds, in its order, with values as the types of its columns have them."""
    batch = _batch(session)
    connection = session.connection() if batch is None else batch.connection
    made = query.made_for(connection.dialect)
    values = made.values(given)
    found = _executed(connection, made.text, values).fetchall() if batch is None else batch.rows(made.text, values)
    return made.rows(found)


def change(session: Session, query: Query, **given: object) -> int:
    """Run a statement that changes rows and gives none back; how many it changed."""
    batch = _batch(session)
    connection = session.connection() if batch is None else batch.connection
    made = query.made_for(connection.dialect)
    values = made.values(given)
    done = _executed(connection, made.text, values) if batch is None else batch.change(made.text, values)
    return int(done.rowcount)


def change_each(session: Session, query: Query, rows: Sequence[Mapping[str, object]]) -> int:
    """The same once for each of these, in their order; how many rows they changed together."""
    if not rows:
        return 0
    send(connection := session.connection())
    made = query.made_for(connection.dialect)
    return int(_executed(connection, made.text, [made.values(row) for row in rows], many=True).rowcount)


def asked(connection: sa.Connection, query: Query, given: Mapping[str, object]) -> list[Row]:
    """The same on a connection, outside any batch."""
    made = query.made_for(connection.dialect)
    return made.rows(_executed(connection, made.text, made.values(given)).fetchall())


def ahead(session: Session, asked: Callable[[], Iterable[Asked]]) -> None:
    """What `rows` is going to be asked next: asked at once, and answered from there until anything else is run.

    Only in a batch; elsewhere nothing is gained by it, and nothing is done.
    """
    batch = _batch(session)
    if batch is not None:
        made = [(query.made_for(batch.connection.dialect), given) for query, given in asked()]
        batch.ask([(one.text, one.values(given)) for one, given in made])


def insert(session: Session, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows, by column, in one statement; all have the same columns."""
    if not rows:
        return
    query, batch = inserting(table, tuple(rows[0])), _batch(session)
    if batch is not None:
        batch.insert(query, rows)
        return
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        _executed(connection, *_inserted(connection, query, rows))
    else:
        made = query.made_for(connection.dialect)
        _executed(connection, made.text, [made.values(row) for row in query.complete(rows)], many=True)


def _inserted(connection: sa.Connection, query: Inserting, rows: Sequence[Mapping[str, object]]) -> "_Statement":
    """For PostgreSQL: one row as its values, of which one may be large; several as JSON."""
    complete = query.complete(rows)
    if len(complete) > 1:
        return query.from_json, [_json(complete)]
    made = query.made_for(connection.dialect)
    return made.text, made.values(complete[0])


# --- batches -----------------------------------------------------------------------------------------------------------


@contextmanager
def batched(session: Session) -> Iterator[None]:
    """A block in which statements of PostgreSQL may wait for each other; `send` them before the commit."""
    session.info[_BATCH] = True  # the batch is made with the first of them: until then the session has no connection
    try:
        yield
    finally:
        batch = session.info.pop(_BATCH)
        if isinstance(batch, _Batch):
            batch.info.pop(_BATCH, None)


def _batch(session: Session) -> "_Batch | None":
    batch = session.info.get(_BATCH)
    if batch is True:
        connection = session.connection()
        if connection.dialect.name != "postgresql":
            session.info[_BATCH] = None
            return None
        info = connection.info
        batch = session.info[_BATCH] = info[_BATCH] = _Batch(connection, info)
    return batch if isinstance(batch, _Batch) else None


def send(connection: sa.Connection) -> None:
    """Run what waits, if anything does: statements by other ways than this one's come after it."""
    batch: _Batch | None = connection.info.get(_BATCH)
    if batch is not None:
        batch.send()


_Statement = tuple[str, Sequence[Any]]


@dataclass(slots=True)
class _Batch:
    """Statements of one transaction that wait, and answers that came before they were asked for."""

    connection: sa.Connection
    info: dict[Any, Any]
    """Where the connection keeps it for `send`, also once the connection is lost."""
    waiting: list[tuple[Inserting, list[Mapping[str, object]]]] = field(default_factory=list)
    answers: list[tuple[_Statement, list[Row]]] = field(default_factory=list)

    def insert(self, query: Inserting, rows: Sequence[Mapping[str, object]]) -> None:
        self.answers.clear()
        if self.waiting and self.waiting[-1][0] is query:
            self.waiting[-1][1].extend(rows)
        else:
            self.waiting.append((query, list(rows)))

    def rows(self, text: str, values: Sequence[Any]) -> list[Row]:
        for place, (statement, found) in enumerate(self.answers):
            if statement == (text, values):
                del self.answers[place]
                return found
        self.answers.clear()
        [cursor] = self._run([(text, values)])
        return cursor.fetchall()  # type: ignore[no-any-return]  # the driver's own

    def change(self, text: str, values: Sequence[Any]) -> Any:  # noqa: ANN401 - the driver's cursor
        self.answers.clear()
        return self._run([(text, values)])[0]

    def ask(self, asked: Sequence[_Statement]) -> None:
        found = [cursor.fetchall() for cursor in self._run(asked)]
        self.answers = list(zip(asked, found, strict=True))

    def send(self) -> None:
        self.answers.clear()
        if self.waiting:
            self._run([])

    def _run(self, asked: Sequence[_Statement]) -> list[Any]:
        """Everything that waits, and then these; the driver's cursor of each of these."""
        statements = [*(_inserted(self.connection, query, rows) for query, rows in self.waiting), *asked]
        self.waiting.clear()
        if len(statements) == 1 and asked:
            return [_executed(self.connection, *asked[0])]
        return _together(self.connection, statements)[len(statements) - len(asked) :]


def _together(connection: sa.Connection, statements: Sequence[_Statement]) -> list[Any]:
    import psycopg

    driver: Any = connection.connection.dbapi_connection
    cursors = []
    try:
        with driver.pipeline():
            for text, values in statements:
                _heard(connection, text, values)
                cursors.append(psycopg.RawCursor(driver).execute(text, values, prepare=True))
    except psycopg.Error as error:
        raise _translated(connection, None, error) from error
    return cursors


# --- the driver --------------------------------------------------------------------------------------------------------


def _executed(connection: sa.Connection, text: str, values: Sequence[Any], *, many: bool = False) -> Any:  # noqa: ANN401 - either driver's cursor
    driver: Any = connection.connection.dbapi_connection
    _heard(connection, text, values)
    if isinstance(driver, sqlite3.Connection):
        try:
            return driver.executemany(text, values) if many else driver.execute(text, values)
        except sqlite3.Error as error:
            raise _translated(connection, text, error) from error
    import psycopg  # where PostgreSQL is used it has long been imported; where it is not, that would be for nothing

    try:
        cursor = psycopg.RawCursor(driver)
        if many:
            cursor.executemany(text, values)
            return cursor
        return cursor.execute(text, values, prepare=True)
    except psycopg.Error as error:
        raise _translated(connection, text, error) from error


def _heard(connection: sa.Connection, text: str, values: Sequence[Any]) -> None:
    """Tell whoever listens to the engine's statements."""
    if listeners := connection.engine.dispatch.before_cursor_execute:
        listeners(connection, None, text, values, None, False)


def _translated(connection: sa.Connection, text: str | None, error: Exception) -> BaseException:
    """The error as SQLAlchemy has it, without the values; a connection that is lost is given up."""
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, connection.connection, None)  # type: ignore[arg-type]  # wants its own class
    if lost:
        connection.invalidate(error)
    return DBAPIError.instance(
        text, None, error, dialect.loaded_dbapi.Error, connection_invalidated=lost, dialect=dialect
    )


def _json(rows: Sequence[Mapping[str, object]]) -> str:
    try:
        return orjson.dumps(rows, _as_json, orjson.OPT_PASSTHROUGH_DATETIME).decode()
    except orjson.JSONEncodeError as error:
        raise error.__cause__ or error from None


def _as_json(value: object) -> str:
    """What PostgreSQL reads a column's value from; a time without a zone is refused as the column's type does."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("a time without a zone was given to the database")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
