"""The one way to a transaction, on SQLite and PostgreSQL alike; statements live in the modules beside this file."""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError, OperationalError
from sqlmodel import Session

from broker.domain.due import Due
from broker.errors import Unsure
from broker.storage import audit, direct, durability, engines, row_digests
from broker.storage.codec import Codec
from broker.storage.engines import COMMANDS, Patience
from broker.storage.grouping import GroupWriter
from broker.storage.outage import Outage, is_lost
from broker.storage.phrases import Row
from broker.storage.prepared import Query

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

_READ_ONLY = "25006"

Work = Callable[[Session], T]

_DUE = "due"
"""Where a session keeps what its transaction makes due."""


class Raced(Exception):
    """What a decision was based on changed before it could be committed; deciding again is safe."""


class Busy(Exception):
    """The same work kept colliding; trying again a little later will succeed."""


class Store:
    """An engine with the rules of its database. `write` runs a function in one transaction and, when it raced, again.

    Both `read` and `write` raise `Away` while PostgreSQL does not answer (`storage.outage`).
    """

    def __init__(self, engine: Engine, codec: Codec, *, turn_seconds: float = COMMANDS.answer_seconds) -> None:
        """`codec` is carried for the modules that seal and open; `turn_seconds` is the longest wait for a turn to write."""
        self.engine = engine
        self.codec = codec
        self.committed: Callable[[Sequence[Due]], object] = lambda _: None
        """Told after each commit what it made due; neither waits nor raises."""
        self.info = {row_digests.CODEC: codec}
        """What each of its sessions carries."""
        self._writer = GroupWriter(engine, self.info) if engine.dialect.name == "sqlite" else None
        self._turns = threading.BoundedSemaphore(WRITES_AT_ONCE)
        self._turn_seconds = turn_seconds
        self._outage = Outage(self._knock, engine.dispose)
        self._reading = self._asking = engine
        if not self.embedded:
            self._reading = engine.execution_options(postgresql_readonly=True)
            self._asking = engine.execution_options(isolation_level="AUTOCOMMIT")
            event.listen(engine, "before_cursor_execute", lambda connection, *_: direct.send(connection))

    @property
    def embedded(self) -> bool:
        """True on SQLite: one process only."""
        return self._writer is not None

    def read(self, work: Work[T], *, repeatable: bool = True) -> T:
        """Run `work` in a transaction that changes nothing: on SQLite it is rolled back, on PostgreSQL it cannot.

        `repeatable`: it may be run again when the connection was lost, because it hands nothing on before it returns.
        """
        if self.embedded or not repeatable:
            return self._look(work)
        return self._outage.through(partial(self._look, work), repeatable=True)

    def ask(self, query: Query, **given: object) -> list[Row]:
        """What one query finds, as `direct.rows` gives it; in no transaction but its own."""
        if self.embedded:
            return self._ask(query, given)
        return self._outage.through(partial(self._ask, query, given), repeatable=True)

    def write(self, work: Work[T], *, repeatable: bool = False) -> T:
        """Run `work` and commit; it is run again, whole, when it raced or lost its connection before the commit.

        Args:
            work: everything of one step; what it returns is returned.
            repeatable: it may be run again even when the connection was lost during the commit, because a second run
                finds what the first one did and returns the same (a message by its identity).

        Raises:
            Busy: it raced `TRIES` times.
            Away: the database is away; nothing was kept.
            Unsure: the connection was lost during the commit, and a second run might do it twice.
        """
        due: list[Due] = []

        def noting(session: Session) -> T:
            due.clear()
            session.info[_DUE] = due
            done = work(session)
            audit.record_rest(session)
            return done

        result = self._retried(noting, repeatable=repeatable)
        if due:
            self.committed(due)
        return result

    async def aread(self, work: Work[T]) -> T:
        """`read` in a thread, for async callers."""
        return await asyncio.to_thread(self.read, work)

    async def awrite(self, work: Work[T]) -> T:
        """`write` in a thread, for async callers."""
        return await asyncio.to_thread(self.write, work)

    def schema(self) -> str | None:
        """The migration step the database is at; None when it has no tables yet."""

        def step(session: Session) -> str | None:
            if not inspect(session.connection()).has_table("alembic_version"):
                return None
            return session.execute(text("SELECT version_num FROM alembic_version")).scalar()

        return self.read(step)

    def durability(self) -> str:
        """The settings that durability rests on, as they are in force: `fsync on, …`."""
        return self.read(lambda session: durability.in_force(session.connection().connection.driver_connection))

    def clock(self) -> datetime | None:
        """The server's own time; None where the database has this machine's."""
        if self.embedded:
            return None
        now: datetime = self.read(lambda session: session.execute(text("SELECT clock_timestamp()")).scalar_one())
        return now

    def close(self) -> None:
        """Give back all connections."""
        if self._writer is not None:
            self._writer.close()
        self._outage.close()
        self.engine.dispose()

    def _retried(self, work: Work[T], *, repeatable: bool) -> T:
        for attempt in range(TRIES):
            try:
                return self._settled(partial(self._once, work, in_turn=attempt > 0), repeatable=repeatable)
            except (Raced, IntegrityError, OperationalError) as error:
                if not _may_retry(error) or attempt == TRIES - 1:
                    raise _outcome(error) from error
                time.sleep(random.uniform(0.001, 0.01) * (attempt + 1))  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")

    def _look(self, work: Work[T]) -> T:
        with Session(self._reading, expire_on_commit=False, info=self.info) as session:
            if self.embedded:
                session.connection().exec_driver_sql("BEGIN")
                return work(session)
            try:
                found = work(session)
            except InternalError as error:
                if getattr(error.orig, "sqlstate", None) == _READ_ONLY:
                    raise RuntimeError("what only reads must not write") from error  # our fault: no database is away
                raise
            session.commit()  # a rollback makes psycopg forget what it has prepared on the connection
            return found

    def _ask(self, query: Query, given: Mapping[str, object]) -> list[Row]:
        with self._asking.connect() as connection:
            return direct.asked(connection, query, given)

    def _settled(self, once: Callable[[], T], *, repeatable: bool) -> T:
        if self.embedded:
            return once()
        with self._turn():
            return self._outage.through(once, repeatable=repeatable)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One of the few writers at a time; whoever waits behind a frozen database learns of it when a turn is free."""
        if not self._turns.acquire(timeout=self._turn_seconds):
            raise Busy("too many are writing")
        try:
            yield
        finally:
            self._turns.release()

    def _once(self, work: Work[T], *, in_turn: bool) -> T:
        if self._writer is not None:
            return self._writer.run(work)
        with Session(self.engine, expire_on_commit=False, info=self.info) as session, direct.batched(session):
            if in_turn:
                session.execute(text(f"SELECT pg_advisory_xact_lock({_TURNSTILE})"))
            result = work(session)
            session.flush()
            direct.send(session.connection())
            try:
                session.commit()
            except DBAPIError as error:
                if is_lost(error):
                    raise Unsure from error
                raise
            return result

    def _knock(self) -> None:
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))


def note(session: Session, due: Sequence[Due]) -> None:
    """Have this announced once the session's write is committed. In a session of another kind nobody listens."""
    session.info.setdefault(_DUE, []).extend(due)


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


def open_store(url: str, codec: Codec, patience: Patience = COMMANDS) -> Store:
    """A store for a database address: `sqlite:///path`, or `postgresql://…` (psycopg), where waits end as `patience` says."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Store(engines.sqlite(parsed.database or ":memory:"), codec)
    return Store(engines.pooled(parsed, patience), codec, turn_seconds=patience.answer_seconds)
