"""Connections lost, a server killed, started again or frozen: what nobody can have kept is done again, and no wait is without an end."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from broker.errors import Away, Unsure
from broker.storage import direct
from broker.storage.codec import AesCodec
from broker.storage.engines import AT_ONCE, Patience
from broker.storage.prepared import Query
from broker.storage.store import Busy, Store, open_store
from tests.conftest import SECRET
from tests.faults.postgres import Cluster, cluster, standby

SOON = 60  # seconds in which what is started comes to its point
NAMES = Query(sa.select(sa.table("name", sa.column("name", sa.Text)).c.name))
SHORT = Patience(answer_seconds=1, idle_seconds=1)


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as started:
        yield started


@pytest.fixture
def store(server: Cluster) -> Iterator[Store]:
    """An empty database with a table of names, each of them once."""
    name = f"loss_{uuid4().hex[:8]}"
    server.run(f"CREATE DATABASE {name}")
    server.run("CREATE TABLE name (name text PRIMARY KEY)", database=name)
    with closing(open_store(server.url(name), AesCodec(SECRET), SHORT)) as opened:
        yield opened
    server.thaw()


def database(store: Store) -> str:
    return str(store.engine.url.database)


def adds(name: str) -> Callable[[Session], str]:
    def work(session: Session) -> str:
        session.execute(text("INSERT INTO name VALUES (:name)"), {"name": name})
        return name

    return work


def names(session: Session) -> list[str]:
    return list(session.scalars(text("SELECT name FROM name ORDER BY name")))


def until(holds: Callable[[], object]) -> None:
    give_up = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < give_up, "it did not come to that"
        time.sleep(0.02)


def waiting(server: Cluster, on: str) -> bool:
    """Whether a connection of the server waits on this kind of event."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        found = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event = %s", [on]).fetchone()
    return found is not None and found[0] > 0


# --- lost before the commit ----------------------------------------------------------------------------------------


def test_connections_cut_while_nobody_used_them_are_replaced_without_a_word(server, store):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: store.write(adds(str(number))), range(4)))
    server.cut(database(store))
    assert store.read(names) == ["0", "1", "2", "3"]
    server.cut(database(store))
    assert store.write(adds("4")) == "4"


def test_a_pool_full_of_lost_connections_costs_one_try_and_no_more(server, store):
    """By whichever way a statement goes to the driver."""
    with ExitStack() as stack:
        for _ in range(AT_ONCE // 2):
            stack.enter_context(store.engine.connect()).execute(text("SELECT 1"))
    server.cut(database(store))
    tries = []

    def look(session: Session) -> list[str]:
        tries.append("try")
        return [name for (name,) in direct.rows(session, NAMES)]

    assert store.read(look) == []
    assert len(tries) == 2


def test_a_write_whose_connection_is_cut_before_its_commit_is_run_again_whole(server, store):
    runs = []

    def work(session: Session) -> None:
        adds("once")(session)
        runs.append("run")
        if len(runs) == 1:
            server.cut(database(store))
        assert names(session) == ["once"]

    store.write(work)
    assert len(runs) == 2
    assert store.read(names) == ["once"]


def test_a_read_is_run_again_too_unless_it_hands_on_what_it_finds(server, store):
    runs = []

    def look(session: Session) -> list[str]:
        runs.append("run")
        if len(runs) == 1:
            server.cut(database(store))
        return names(session)

    assert store.read(look) == []
    runs.clear()
    with pytest.raises(OperationalError):
        store.read(look, repeatable=False)
    assert len(runs) == 1


# --- lost during the commit ----------------------------------------------------------------------------------------


@contextmanager
def commits_that_are_kept_and_not_answered(server: Cluster) -> Iterator[None]:
    """The server waits for a standby that is not there, with the commit on its own disk."""
    server.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    server.run("SELECT pg_reload_conf()")
    until(lambda: shown(server, "synchronous_standby_names") == "nobody")
    try:
        yield
    finally:
        server.run("ALTER SYSTEM RESET synchronous_standby_names")
        server.run("SELECT pg_reload_conf()")


def shown(server: Cluster, name: str) -> str:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        return str(connection.execute(f"SHOW {name}".encode()).fetchone()[0])


def cut_in_commit(server: Cluster, store: Store, write: Callable[[], object]) -> object:
    """What a write comes to whose connection is cut while the server holds back the answer to its commit."""
    with ThreadPoolExecutor(1) as pool, commits_that_are_kept_and_not_answered(server):
        asked = pool.submit(write)
        until(lambda: waiting(server, "SyncRep"))
        server.run("ALTER SYSTEM RESET synchronous_standby_names")
        server.cut(database(store))
        server.run("SELECT pg_reload_conf()")
        return asked.exception(SOON) or asked.result()


def test_a_commit_whose_answer_is_lost_is_never_done_twice_by_itself(server, store):
    store.read(names)
    runs = []

    def work(session: Session) -> None:
        runs.append("run")
        adds(str(len(runs)))(session)

    assert isinstance(cut_in_commit(server, store, lambda: store.write(work)), Unsure)
    assert store.read(names) == ["1"]


def test_what_finds_its_own_first_run_is_answered_as_if_nothing_had_been(server, store):
    store.read(names)

    def work(session: Session) -> str:
        if not names(session):
            return adds("first")(session)
        return "found: " + ", ".join(names(session))

    assert cut_in_commit(server, store, lambda: store.write(work, repeatable=True)) == "found: first"
    assert store.read(names) == ["first"]


# --- the server itself ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_under_load_a_server_that_is_started_again_loses_nothing_that_was_answered(server, store, end):
    answered: list[str] = []
    failed: list[BaseException] = []
    ending = threading.Event()

    def send(sender: int) -> None:
        number = 0
        while not ending.is_set():
            name, number = f"{sender}-{number:05d}", number + 1
            try:
                answered.append(store.write(adds(name)))
            except (Away, Busy) as error:
                failed.append(error)

    with ThreadPoolExecutor(6) as pool:
        senders = [pool.submit(send, number) for number in range(6)]
        try:
            until(lambda: len(answered) > 100)
            getattr(server, end)()
            server.start()
            before = len(answered)
            until(lambda: len(answered) > before + 100)
        finally:
            ending.set()
        for sender in senders:
            sender.result(SOON)
    kept = store.read(names)
    assert set(answered) <= set(kept)
    assert len(answered) == len(set(answered))
    assert len(kept) - len(answered) <= sum(isinstance(error, Unsure) for error in failed)


def test_while_it_is_away_callers_are_told_and_when_it_is_back_they_are_served(server, store):
    store.write(adds("before"))
    server.kill()
    try:
        with pytest.raises(Away):
            store.write(adds("while away"))
        with pytest.raises(Away):
            store.read(names)
    finally:
        server.start()
    until(lambda: answers(store))
    assert store.read(names) == ["before"]


def answers(store: Store) -> bool:
    with suppress(Away):
        store.read(names)
        return True
    return False


def test_a_frozen_server_holds_up_nobody_for_ever_and_leaves_nothing_behind(server, store):
    """More callers than connections: every one of them is told."""
    store.write(adds("before"))
    server.freeze()
    try:
        with ThreadPoolExecutor(40) as pool:
            asked = [pool.submit(store.write, adds(f"frozen {number}")) for number in range(20)]
            asked += [pool.submit(store.read, names) for _ in range(20)]
            errors = [one.exception(SOON) for one in asked]
    finally:
        server.thaw()
    assert all(isinstance(error, Away | Busy) for error in errors), errors
    until(lambda: answers(store))
    assert store.engine.pool.checkedout() == 0
    until(lambda: sessions(server, database(store)) <= 1)  # its own look
    kept = store.read(names)
    assert kept[0] == "before"
    assert len(kept) == len(set(kept))


def sessions(server: Cluster, name: str) -> int:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        found = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND state <> 'idle'"
        row = connection.execute(found, [name]).fetchone()
    return int(row[0]) if row else 0


def test_who_waits_for_a_lock_is_told_and_a_holder_that_does_nothing_loses_it(server, store):
    """As when another process is frozen in the middle of a write."""
    store.write(adds("held"))
    ask = text("UPDATE name SET name = name")
    with store.engine.connect() as frozen:
        frozen.execute(ask)
        with pytest.raises(OperationalError) as told:
            store.write(lambda session: session.execute(ask))
        assert told.value.orig.sqlstate == "55P03"
        until(lambda: not waiting(server, "ClientRead") or sessions(server, database(store)) == 0)
        store.write(lambda session: session.execute(ask))
        with pytest.raises(Exception, match="idle-in-transaction"):
            frozen.execute(ask)


def test_a_statement_that_takes_too_long_is_stopped_by_the_server_and_keeps_its_connection(store):
    with pytest.raises(OperationalError) as told:
        store.read(lambda session: session.execute(text("SELECT pg_sleep(30)")))
    assert told.value.orig.sqlstate == "57014"
    assert store.read(names) == []


def test_a_batch_that_takes_longer_but_keeps_answering_is_waited_for(store):
    def work(session: Session) -> None:
        cursor = session.connection().connection.cursor()
        cursor.executemany("SELECT pg_sleep(%s), repeat('x', 9000)", [(0.4,)] * 5)

    store.read(work)


# --- failover ------------------------------------------------------------------------------------------------------


def test_another_server_that_takes_over_is_found_by_the_address_and_has_all_that_was_answered():
    """A synchronous standby, promoted when the primary is killed; the address names both."""
    with cluster() as primary, standby(primary) as second:
        primary.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.run("SELECT pg_reload_conf()")
        primary.run("CREATE TABLE name (name text PRIMARY KEY)")
        hosts = f"host=127.0.0.1:{primary.port}&host=127.0.0.1:{second.port}"
        url = f"postgresql://postgres@/postgres?{hosts}"
        with closing(open_store(url, AesCodec(SECRET), SHORT)) as store:
            until(lambda: shown(primary, "synchronous_standby_names") == "*")
            answered = [store.write(adds(f"before {number}")) for number in range(50)]
            primary.kill()
            with suppress(Away):
                answered.append(store.write(adds("between")))
            second.promote()
            until(lambda: answers(store))
            answered.append(store.write(adds("after")))
            assert set(answered) <= set(store.read(names))
