"""What `baton bench accept` is measured beside: a service that checks the same message with fhir.resources and writes rows like Baton's, deciding nothing.

It is FastAPI with one route, served as Baton is. The rows are a copy of those that Baton wrote for one message, with new ids: as many,
in the same tables, of the same size, in one transaction, as durable.
"""

import asyncio
import os
import sqlite3
from argparse import ArgumentParser
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Final, Protocol
from uuid import uuid4

import psycopg
import uvicorn
from fastapi import FastAPI, Request, Response
from fhir.resources.R4B.bundle import Bundle
from psycopg.types.json import Jsonb

DATABASE: Final = "BATON_BENCH_DATABASE"
SAMPLE: Final = "BATON_BENCH_SAMPLE"
"""Environment: a file of SQLite or an address of PostgreSQL, and the id of a notification in it."""
CONNECTIONS: Final = 8
"""To PostgreSQL, of each process."""

_ROWS: Final = {
    "notification": "id = '{id}'",
    "subject": "notification_id = '{id}'",
    "delivery": "notification_id = '{id}'",
    "task": "notification_id = '{id}'",
    "taskevent": "task_id IN (SELECT id FROM task WHERE notification_id = '{id}')",
    "audit": "entity_id = '{id}'",
    "patterndue": "notification_id = '{id}'",
}
"""What Baton writes for a message about people it knows, parents first."""

_OWN: Final = ("id", "message_id")
_Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Insert:
    """Rows of one table."""

    table: str
    columns: tuple[str, ...]
    statement: str
    rows: tuple[_Row, ...]


def _insert(table: str, columns: tuple[str, ...], mark: str, rows: Iterable[_Row]) -> Insert:
    """With this mark for a value."""
    names, marks = (", ".join(part) for part in ([f'"{name}"' for name in columns], [mark] * len(columns)))
    return Insert(table, columns, f'INSERT INTO "{table}" ({names}) VALUES ({marks})', tuple(rows))  # noqa: S608 - our own names


class Database(Protocol):
    """Where the rows go."""

    async def open(self) -> None: ...

    async def write(self, inserts: Sequence[Insert]) -> None: ...

    async def close(self) -> None: ...


def sample(address: str, notification_id: str) -> list[Insert]:
    """The rows of a notification in the database at this address, which is Baton's own form of it."""
    file = _file(address)
    mark = "%s" if file is None else "?"
    with closing(psycopg.connect(address) if file is None else sqlite3.connect(file)) as connection:
        return [_read(connection, table, where.format(id=notification_id), mark) for table, where in _ROWS.items()]


def _read(connection: Any, table: str, where: str, mark: str) -> Insert:  # noqa: ANN401 - of either driver
    found = connection.execute(f"SELECT * FROM {table} WHERE {where}")  # noqa: S608 - our own names
    rows = ([Jsonb(value) if isinstance(value, dict | list) else value for value in row] for row in found)
    return _insert(table, tuple(column[0] for column in found.description), mark, rows)


def _file(address: str) -> str | None:
    file = address.removeprefix("sqlite:///")
    return None if file == address else file


def copied(rows: Sequence[Insert], own: Collection[str], raw: bytes) -> list[Insert]:
    """The sample with new ids for those that are its `own`, and with the bytes of this message."""
    ids = {old: str(uuid4()) for old in own}
    return [
        replace(insert, rows=tuple(_renamed(insert.columns, row, ids, raw) for row in insert.rows)) for insert in rows
    ]


def own_ids(rows: Sequence[Insert]) -> frozenset[str]:
    """Ids in a sample that belong to its message alone."""
    places = [(insert, insert.columns.index(name)) for insert in rows for name in _OWN if name in insert.columns]
    return frozenset(row[place] for insert, place in places for row in insert.rows)


def _renamed(columns: Sequence[str], row: _Row, ids: Mapping[str, str], raw: bytes) -> _Row:
    return [raw if name == "raw" else _value(value, ids) for name, value in zip(columns, row, strict=True)]


def _value(value: Any, ids: Mapping[str, str]) -> Any:  # noqa: ANN401 - whatever a column holds
    """An id becomes its new one, alone or behind a word and a colon as dedupe keys have it; anything else stays."""
    if not isinstance(value, str):
        return value
    word, colon, id_ = value.rpartition(":")
    return f"{word}{colon}{ids[id_]}" if id_ in ids else value


class Sqlite:
    """One connection, one writer at a time, settings as Baton's."""

    def __init__(self, path: str) -> None:
        """Opened at once."""
        self._lock = Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
            self._connection.execute(f"PRAGMA {pragma}")

    async def open(self) -> None:
        """Nothing more to open."""

    async def write(self, inserts: Sequence[Insert]) -> None:
        """Write rows in one transaction."""
        await asyncio.to_thread(self._write, inserts)

    async def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def _write(self, inserts: Sequence[Insert]) -> None:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            for insert in inserts:
                self._connection.executemany(insert.statement, insert.rows)
            self._connection.execute("COMMIT")


class Postgres:
    """A few connections, each transaction sent in one go."""

    def __init__(self, url: str) -> None:
        """Opened by `open`."""
        self._url = url
        self._idle: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()

    async def open(self) -> None:
        """Connect."""
        for _ in range(CONNECTIONS):
            self._idle.put_nowait(await psycopg.AsyncConnection.connect(self._url))

    async def write(self, inserts: Sequence[Insert]) -> None:
        """Write rows in one transaction."""
        connection = await self._idle.get()
        try:
            async with connection.pipeline(), connection.transaction(), connection.cursor() as cursor:
                for insert in inserts:
                    await cursor.executemany(insert.statement, insert.rows)
        finally:
            self._idle.put_nowait(connection)

    async def close(self) -> None:
        """Give the connections back."""
        while not self._idle.empty():
            await self._idle.get_nowait().close()


def opened(address: str) -> Database:
    """What writes to the database at this address."""
    file = _file(address)
    return Postgres(address) if file is None else Sqlite(file)


def application() -> FastAPI:
    """The service, from the environment."""
    database = opened(os.environ[DATABASE])
    rows = sample(os.environ[DATABASE], os.environ[SAMPLE])
    own, answer = own_ids(rows), bytes(rows[0].rows[0][rows[0].columns.index("answer")])
    app = FastAPI(openapi_url=None, on_startup=[database.open])

    @app.post("/fhir/$process-message")
    async def accept(request: Request) -> Response:
        raw = await request.body()
        Bundle.model_validate_json(raw)
        await database.write(copied(rows, own, raw))
        return Response(answer, media_type="application/fhir+json")

    return app


def main() -> None:
    """Serve it as `baton serve` serves Baton."""
    wanted = ArgumentParser()
    wanted.add_argument("--port", type=int, required=True)
    wanted.add_argument("--workers", type=int, default=1)
    said = wanted.parse_args()
    uvicorn.run(
        "broker.cli.bench_reference:application",
        factory=True,
        port=said.port,
        workers=said.workers,
        access_log=False,
        log_config=None,
        server_header=False,
    )


if __name__ == "__main__":
    main()
