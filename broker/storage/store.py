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
from sqlalchemy.engine import make_url
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

    def __init__(self, engine: Engine, codec: Codec) -> None:
        """`codec` is carried for the modules that seal and open."""
        self.engine = engine
        self.codec = codec
        self._writer = GroupWriter(engine) if engine.dialect.name == "sqlite" else None
        self._turns = threading.BoundedSemaphore(WRITES_AT_ONCE)

    @property
    def embedded(self) -> bool:
        """True on SQLite: one process only."""
        return self._writer is not None

    def read(self, work: Work[T]) -> T:
        """Run `work` in a transaction that changes nothing (it is rolled back)."""
        with Session(self.engine, expire_on_commit=False) as session:
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
        self.engine.dispose()

    def _once(self, work: Work[T], *, in_turn: bool) -> T:
        if self._writer is not None:
            return self._writer.submit(work).result()
        with self._turns, Session(self.engine, expire_on_commit=False) as session:
            if in_turn:
                session.execute(text(f"SELECT pg_advisory_xact_lock({_TURNSTILE})"))
            result = work(session)
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
    return Store(_postgres(url), codec)


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
    parsed = make_url(url).set(drivername="postgresql+psycopg")
    connect_args = {"connect_timeout": 5}
    return create_engine(parsed, pool_size=16, max_overflow=16, pool_pre_ping=True, connect_args=connect_args, **_JSON)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


_JSON: Mapping[str, Any] = {"json_serializer": _json, "json_deserializer": orjson.loads}
