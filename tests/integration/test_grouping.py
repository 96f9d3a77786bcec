"""Works committed together on SQLite: each caller gets its own answer after its own commit, and what fails takes nobody with it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from threading import Event, get_ident

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from broker.storage.codec import AesCodec
from broker.storage.grouping import GroupWriter
from broker.storage.store import Raced, Store, open_store
from tests.conftest import SECRET

CALLERS = 12
NAME = ContextVar("name", default="nobody")

Work = Callable[[Session], object]


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Store]:
    """A database with a table of names, each of them once, and one of remarks that must be about a name when they are committed."""
    store = open_store(f"sqlite:///{tmp_path / 'book.db'}", AesCodec(SECRET))
    with store.engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE name (name TEXT PRIMARY KEY)"))
        late = "REFERENCES name (name) DEFERRABLE INITIALLY DEFERRED"
        connection.execute(sa.text(f"CREATE TABLE remark (name TEXT {late})"))
    yield store
    store.close()


def adds(name: str) -> Work:
    def work(session: Session) -> str:
        session.execute(sa.text("INSERT INTO name VALUES (:name)"), {"name": name})
        return name

    return work


def remarks(name: str) -> Work:
    def work(session: Session) -> None:
        session.execute(sa.text("INSERT INTO remark VALUES (:name)"), {"name": name})

    return work


def names(store: Store) -> list[str]:
    return sorted(store.read(lambda session: list(session.scalars(sa.text("SELECT name FROM name")))))


def together(store: Store, *works: Work) -> tuple[list[object], int]:
    """What came of each work (its exception when it failed) when all of them waited at once, and how many commits that took."""
    commits: list[object] = []
    begun, go = Event(), Event()

    def first(_: Session) -> None:
        begun.set()
        assert go.wait(30)

    writer = GroupWriter(store.engine, store.info)
    held = writer.submit(first)
    assert begun.wait(30)
    waiting = [writer.submit(work) for work in works]
    sa.event.listen(store.engine, "commit", commits.append)
    go.set()
    held.result()
    answers = [one.exception() or one.result() for one in waiting]
    writer.close()
    return answers, len(commits) - 1


def test_callers_who_wait_together_are_committed_together_and_each_gets_its_own_answer(book):
    wanted = [f"name {number:02}" for number in range(CALLERS)]
    answers, commits = together(book, *map(adds, wanted))
    assert answers == wanted
    assert commits == 1
    assert names(book) == wanted


def test_a_work_that_comes_alone_runs_in_its_callers_thread(book):
    assert book.write(lambda _: get_ident()) == get_ident()
    with pytest.raises(ZeroDivisionError):
        book.write(lambda _: 1 / 0)
    assert book.write(adds("a")) == "a"
    assert names(book) == ["a"]


def test_while_a_caller_writes_in_its_own_thread_the_others_wait(book):
    begun, go = Event(), Event()

    def first(session: Session) -> None:
        adds("first")(session)
        begun.set()
        assert go.wait(30)

    writer = GroupWriter(book.engine, book.info)
    with ThreadPoolExecutor(2) as callers:
        writing = callers.submit(writer.run, first)
        assert begun.wait(30)
        second, third = writer.submit(adds("second")), callers.submit(writer.run, adds("third"))
        with pytest.raises(TimeoutError):
            second.result(timeout=0.1)
        assert not third.done()
        go.set()
        assert [one.result() for one in (writing, second, third)] == [None, "second", "third"]
    writer.close()
    assert names(book) == ["first", "second", "third"]


def test_a_work_that_fails_is_undone_alone(book):
    def fails(session: Session) -> None:
        adds("never")(session)
        raise ZeroDivisionError

    answers, _ = together(book, adds("a"), fails, adds("b"))
    assert [answers[0], type(answers[1]), answers[2]] == ["a", ZeroDivisionError, "b"]
    assert names(book) == ["a", "b"]


def test_a_work_for_which_the_commit_fails_is_refused_and_the_others_are_not(book):
    answers, _ = together(book, adds("a"), remarks("unheard of"), adds("b"))
    assert [answers[0], type(answers[1]), answers[2]] == ["a", IntegrityError, "b"]
    assert names(book) == ["a", "b"]
    assert book.read(lambda session: session.scalar(sa.text("SELECT count(*) FROM remark"))) == 0


def test_when_a_work_loses_the_whole_transaction_the_others_are_run_again(book):
    """As SQLite does by itself when the disk is full."""

    def breaks(session: Session) -> None:
        session.connection().exec_driver_sql("ROLLBACK")
        raise ZeroDivisionError

    answers, _ = together(book, adds("a"), breaks, adds("b"))
    assert [answers[0], isinstance(answers[1], Exception), answers[2]] == ["a", True, "b"]
    assert names(book) == ["a", "b"]


def test_callers_at_once_each_get_their_own_answer_whoever_fails_or_races(book):
    tried: list[int] = []

    def races(session: Session) -> str:
        adds("raced")(session)
        tried.append(1)
        if len(tried) == 1:
            raise Raced
        return "raced"

    def fails(session: Session) -> None:
        adds("never")(session)
        raise ZeroDivisionError

    wanted = [f"name {number:02}" for number in range(CALLERS)]
    with ThreadPoolExecutor(CALLERS + 2) as callers:
        failing, racing = callers.submit(book.write, fails), callers.submit(book.write, races)
        called = [callers.submit(book.write, adds(name)) for name in wanted]
        assert [one.result() for one in called] == wanted
        assert racing.result() == "raced"
        assert isinstance(failing.exception(), ZeroDivisionError)
    assert names(book) == [*wanted, "raced"]


def test_a_later_work_of_the_same_commit_sees_the_earlier_one(book):
    answers, commits = together(book, adds("a"), lambda s: s.scalar(sa.text("SELECT name FROM name")))
    assert answers == ["a", "a"]
    assert commits == 1


def test_a_work_has_the_context_variables_of_its_caller(book):
    token = NAME.set("a caller")
    try:
        assert book.write(lambda _: NAME.get()) == "a caller"
    finally:
        NAME.reset(token)


def test_a_store_that_was_closed_still_writes_when_asked(book):
    book.write(adds("a"))
    book.close()
    book.write(adds("b"))
    assert names(book) == ["a", "b"]


def test_a_database_in_memory_is_the_same_for_the_writer_and_for_readers():
    store = open_store("sqlite://", AesCodec(SECRET))
    store.write(lambda session: session.execute(sa.text("CREATE TABLE name (name TEXT)")))
    store.write(adds("a"))
    assert names(store) == ["a"]
    store.close()


_ANSWERING = """
import sys, threading
import sqlalchemy as sa
from broker.storage.codec import AesCodec
from broker.storage.store import open_store

store = open_store(sys.argv[1], AesCodec(b"x" * 32))
telling = threading.Lock()

def caller(who):
    for number in range(100_000):
        name = f"{who} {number}"
        store.write(lambda session: session.execute(sa.text("INSERT INTO name VALUES (:name)"), {"name": name}))
        with telling:
            print(name, flush=True)

for who in range(8):
    threading.Thread(target=caller, args=(who,)).start()
"""


def test_what_was_answered_survives_the_death_of_the_process(book):
    book.close()
    process = subprocess.Popen(
        [sys.executable, "-c", _ANSWERING, str(book.engine.url)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    answered = [process.stdout.readline().strip() for _ in range(50)]
    os.kill(process.pid, signal.SIGKILL)
    answered += process.stdout.read().split("\n")[:-1]
    process.wait()
    process.stdout.close()
    assert len(set(answered)) >= 50
    assert set(answered) <= set(names(book))
