"""Several callers' works committed together on SQLite, which has one writer and pays for each commit with a wait for the disk.

Whoever comes alone is committed alone, in its own thread. What comes meanwhile waits for a thread that takes whatever waits, runs
each work behind a savepoint, and commits once. Nobody is answered before that commit. A work that fails is undone alone; a commit
that fails is undone whole, and each work of it is run again by itself. Nobody is waited for.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

T = TypeVar("T")

AT_ONCE = 32
"""Works in one transaction at most, so that the first of them does not wait long for the last."""


@dataclass(frozen=True, slots=True)
class _Job:
    """One caller's work, run with the caller's context variables."""

    work: Callable[[Session], Any]
    context: Context = field(default_factory=copy_context)
    answer: "Future[Any]" = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Failed:
    """A work that was undone, and why."""

    error: BaseException


class GroupWriter:
    """The one writer of an engine. Its thread lives from the first work that had to wait to `close`."""

    def __init__(self, engine: Engine, info: Mapping[str, object]) -> None:
        """Nothing is started yet. `info`: what each session carries."""
        self._engine = engine
        self._info = dict(info)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._writing = threading.Lock()
        """Held by the thread that has the transaction."""
        self._next = False
        """Whether a group waits for that: whoever comes after it is not let in before it."""

    def run(self, work: Callable[[Session], T]) -> T:
        """What `work` returns, once it is committed; what it raises, once it is undone.

        Here and now when nobody else writes: to wake a thread and be woken takes 0.3 ms, as long as a small work.
        """
        if self._next or not self._jobs.empty() or not self._writing.acquire(blocking=False):
            return self.submit(work).result()
        job = _Job(work)
        try:
            self._commit([job])
        finally:
            self._writing.release()
        answer: T = job.answer.result()
        return answer

    def submit(self, work: Callable[[Session], T]) -> "Future[T]":
        """What `work` will have returned once it is committed, or raised once it is undone."""
        job = _Job(work)
        self._jobs.put(job)
        self._start()
        return job.answer

    def close(self) -> None:
        """Let the thread end, after what waits already, and whoever writes in a thread of their own."""
        with self._starting:
            if self._thread is not None:
                self._jobs.put(None)
                self._thread.join()
                self._thread = None
        with self._writing:
            return

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="baton-writer", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        for group in self._groups():
            with self._writing:
                self._next = False
                self._commit(group)

    def _groups(self) -> Iterator[list[_Job]]:
        """Whatever waits, as often as something does; ends with `close`."""
        while (job := self._jobs.get()) is not None:
            group = [job]
            try:
                while len(group) < AT_ONCE and (job := self._jobs.get_nowait()) is not None:
                    group.append(job)
            except Empty:
                pass
            self._next = True
            yield group
            if job is None:
                return

    def _commit(self, group: list[_Job]) -> None:
        try:
            results = self._together(group)
        except BaseException as error:  # noqa: BLE001 - it is the callers', whatever it is: each gets its own
            if len(group) == 1:
                group[0].answer.set_exception(error)
                return
            for job in group:
                self._commit([job])
            return
        for job, result in zip(group, results, strict=True):
            if isinstance(result, _Failed):
                job.answer.set_exception(result.error)
            else:
                job.answer.set_result(result)

    def _together(self, group: list[_Job]) -> list[Any]:
        """Run and commit them; what each returned or why it failed. Raises when none of them is committed."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            if len(group) == 1:  # undone with all there is: it needs no savepoint
                results: list[Any] = [_alone(connection, group[0], self._info)]
                _commit(connection)
                return results
            results = []
            for job in group:
                with Session(
                    connection,
                    expire_on_commit=False,
                    join_transaction_mode="create_savepoint",
                    info=self._info,
                ) as session:
                    try:
                        result = job.context.run(job.work, session)
                        session.commit()
                    except BaseException as error:  # noqa: BLE001 - as above
                        session.rollback()
                        result = _Failed(error)
                results.append(result)
            _commit(connection)
        return results


def _alone(connection: Connection, job: _Job, info: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the work returns
    with Session(connection, expire_on_commit=False, join_transaction_mode="rollback_only", info=info) as session:
        result = job.context.run(job.work, session)
        session.flush()
    return result


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except DBAPIError:  # SQLite keeps open what it refused to commit; the pool does not expect that
        connection.connection.rollback()
        raise
