"""The one way to a transaction, on SQLite and PostgreSQL alike; statements live in the modules beside this file."""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import orjson
from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import StaticPool
from sqlmodel import Session

from broker.storage.codec import Codec
from broker.storage.grouping import GroupWriter

T = TypeVar("T")

TRIES = 6
"""Attempts at one write: races on a new identifier or a household settle in one or two; more means real contention."""

WRITES_AT_ONCE = 4
"""Writing transactions of one process on PostgreSQL. More of them only wait for the interpreter: with 16 callers on two processors
this takes 11 ms of processor time a message, without it 12.5."""

_TURNSTILE = 42_140_116
"""Advisory lock of PostgreSQL by which those who raced once take turns, one number for all processes (beside the migrations').

Twelve callers at once about one family: without it a fifth of them was `Busy` after six tries, with it none.
"""

_PG_RETRY = {"40001", "40P01", "23505"}
"""Serialization failure, deadlock, unique violation: somebody else was first, so decide again on what they left."""

Work = Callable[[Session], T]


class Raced(Exception):
    """What a decision was based on changed before it could be committed; deciding again is safe."""


class Busy(Exception):
    """The same work kept colliding; trying again a little later will succeed."""


class Store:
    """An engine with the rules of its database. `write` runs a function in one transaction and, when it raced, again."""

    def __init__(self, engine: Engine, codec: Codec, reader: Engine | None = None) -> None:
        """`codec` is carried for the modules that seal and open. `reader`: an engine that only reads; else `engine` does that too."""
        self.engine = engine
        self.codec = codec
        self._reader = reader or engine
        self._writer = GroupWriter(engine) if engine.dialect.name == "sqlite" else None
        self._turns = threading.BoundedSemaphore(WRITES_AT_ONCE)

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Whatever a statement may go through, for who looks on."""
        return (self.engine,) if self._reader is self.engine else (self.engine, self._reader)

    @property
    def embedded(self) -> bool:
        """True on SQLite: one process only."""
        return self._writer is not None

    def read(self, work: Work[T]) -> T:
        """Run `work`, which changes nothing: on SQLite in a transaction that is rolled back, on PostgreSQL statement by statement.

        There each statement sees what was committed when it began, in a transaction or out of it, and without one there is
        nothing to begin and to roll back. A connection that the server has closed meanwhile is replaced, once.
        """
        try:
            return self._read(work)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return self._read(work)

    def _read(self, work: Work[T]) -> T:
        with Session(self._reader, expire_on_commit=False) as session:
            if self.embedded:
                session.execute(text("BEGIN"))
            return work(session)

    def write(self, work: Work[T]) -> T:
        """Run `work` and commit; it is run again, whole, when it raced. `Busy` after `TRIES`."""
        for attempt in range(TRIES):
            try:
                return self._once(work, in_turn=attempt > 0)
            except (Raced, IntegrityError, OperationalError) as error:
                if not _may_retry(error) or attempt == TRIES - 1:
                    raise _outcome(error) from error
                time.sleep(random.uniform(0.001, 0.01) * (attempt + 1))  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")

    async def aread(self, work: Work[T]) -> T:
        """`read` in a thread, for async callers."""
        return await asyncio.to_thread(self.read, work)

    async def awrite(self, work: Work[T]) -> T:
        """`write` in a thread, for async callers."""
        return await asyncio.to_thread(self.write, work)

    def schema(self) -> str | None:
        """The migration step the database is at; None when it has no tables yet."""
        with self.engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()

    def close(self) -> None:
        """Give back all connections."""
        if self._writer is not None:
            self._writer.close()
        for engine in self.engines:
            engine.dispose()

    def _once(self, work: Work[T], *, in_turn: bool) -> T:
        if self._writer is not None:
            return self._writer.submit(work).result()
        with self._turns, Session(self.engine, expire_on_commit=False) as session:
            try:
                if in_turn:
                    session.execute(text(f"SELECT pg_advisory_xact_lock({_TURNSTILE})"))
                result = work(session)
            except DBAPIError as error:
                if error.connection_invalidated:  # nothing was committed yet
                    raise Raced("the connection was lost") from error
                raise
            session.commit()
            return result


def _may_retry(error: Exception) -> bool:
    if isinstance(error, Raced):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in _PG_RETRY
    words = str(error.orig)
    return "UNIQUE constraint failed" in words or "database is locked" in words


def _outcome(error: Exception) -> Exception:
    return Busy("the same work kept colliding") if _may_retry(error) else error


def open_store(url: str, codec: Codec) -> Store:
    """A store for a database address: `sqlite:///path`, or `postgresql://…` (psycopg)."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Store(_sqlite(parsed.database or ":memory:"), codec)
    return Store(_postgres(url), codec, _postgres_reader(url))


def _sqlite(path: str) -> Engine:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    # A database in memory is its connection's: the writer's thread must have the same one as everybody.
    shared = StaticPool if path == ":memory:" else None
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"check_same_thread": False, "timeout": 10, "isolation_level": None},
        poolclass=shared,
        **_JSON,
    )

    @event.listens_for(engine, "connect")
    def _durable(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's connection
        """WAL with full sync: a commit that was answered survives a power cut."""
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _postgres(url: str) -> Engine:
    connect_args = {"connect_timeout": 5}
    return create_engine(_psycopg(url), pool_size=8, max_overflow=16, connect_args=connect_args, **_JSON)


def _postgres_reader(url: str) -> Engine:
    """Connections of their own that cannot write. They never roll back, which would make psycopg forget its prepared statements."""
    connect_args = {"connect_timeout": 5, "options": "-c default_transaction_read_only=on"}
    return create_engine(
        _psycopg(url), isolation_level="AUTOCOMMIT", pool_size=8, max_overflow=16, connect_args=connect_args, **_JSON
    )


def _psycopg(url: str) -> URL:
    return make_url(url).set(drivername="postgresql+psycopg")


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


_JSON: Mapping[str, Any] = {"json_serializer": _json, "json_deserializer": orjson.loads}
