"""A database that would lose what it says it has committed is refused at the first connection, in a sentence that says what to do."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from broker.errors import Misconfigured
from broker.storage import durability
from broker.storage.codec import AesCodec
from broker.storage.store import open_store
from tests.command import Command
from tests.conftest import SECRET
from tests.faults.postgres import cluster
from tests.services import postgres_database, require


def look(url: str) -> None:
    with closing(open_store(url, AesCodec(SECRET))) as store:
        store.read(lambda session: session.execute(text("SELECT 1")))


@pytest.fixture
def baton(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


def on(url: str) -> dict[str, str]:
    return {"BATON_DATABASE_URL": url, "BATON_SECRET_KEY": SECRET.decode()}


@contextmanager
def role() -> Iterator[str]:
    """A role of the test's own, which may do everything."""
    name = f"baton_test_{secrets.token_hex(6)}"
    with psycopg.connect(require("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} SUPERUSER LOGIN".encode())
        try:
            yield name
        finally:
            connection.execute(f"DROP ROLE {name}".encode())


def altered(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_a_database_that_does_not_wait_for_its_disk_is_refused_by_the_name_of_the_setting(baton):
    with postgres_database() as url:
        altered(url, f"ALTER DATABASE {make_url(url).database} SET synchronous_commit = off")
        with pytest.raises(Misconfigured, match=r"synchronous_commit off.*set it to on"):
            look(url)
        for words in (("serve", "--port", "1"), ("worker",), ("migrate",)):
            assert "synchronous_commit off" in baton(*words, code=1, **on(url)), words


def test_so_is_a_role_that_does_not_and_an_address_that_asks_for_it():
    with postgres_database() as url, role() as name:
        altered(url, f"ALTER ROLE {name} SET synchronous_commit = off")
        with pytest.raises(Misconfigured, match="synchronous_commit off"):
            look(make_url(url).set(username=name).render_as_string(hide_password=False))
        asking = make_url(url).update_query_dict({"options": "-c synchronous_commit=off"})
        with pytest.raises(Misconfigured, match="synchronous_commit off"):
            look(asking.render_as_string(hide_password=False))
        look(url)


def test_what_turns_unsafe_while_it_is_open_gets_no_new_connection():
    with postgres_database() as url, closing(open_store(url, AesCodec(SECRET))) as store:
        ask = lambda session: session.execute(text("SELECT 1")).scalar()  # noqa: E731 - asked twice
        assert store.read(ask) == 1
        altered(url, f"ALTER DATABASE {make_url(url).database} SET synchronous_commit = off")
        store.engine.dispose()
        with pytest.raises(Misconfigured, match="synchronous_commit"):
            store.read(ask)


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_so_is_a_server_that_does_not_write_through(name, baton):
    with cluster(**{name: "off"}) as server:
        with pytest.raises(Misconfigured, match=f"{name} off"):
            look(server.url())
        said = baton.run("doctor", **on(server.url()))
        assert said.code == 1
        assert f"mend: PostgreSQL has {name} off" in said.out


@pytest.mark.parametrize("value", ["local", "remote_write"])
def test_a_commit_that_is_on_this_server_s_disk_is_enough(value):
    with postgres_database() as url:
        altered(url, f"ALTER DATABASE {make_url(url).database} SET synchronous_commit = {value}")
        look(url)


def test_doctor_shows_what_is_in_force(database_url, baton):
    said = baton("doctor", **on(database_url))
    expected = (
        "synchronous 2"
        if database_url.startswith("sqlite")
        else "fsync on, full_page_writes on, synchronous_commit on, data_checksums o"
    )
    assert expected in said


def test_sqlite_is_set_and_read_back(tmp_path):
    with closing(sqlite3.connect(tmp_path / "kept.db", isolation_level=None)) as connection:
        durability.sqlite(connection)
        assert durability.in_force(connection) == "journal_mode wal, synchronous 2, foreign_keys 1, busy_timeout 10000"


def test_sqlite_on_a_file_system_without_shared_memory_is_refused(tmp_path):
    """SQLite's own locking by files stands for it: it cannot do WAL either."""
    with (
        closing(
            sqlite3.connect(f"file:{tmp_path}/kept.db?vfs=unix-dotfile", uri=True, isolation_level=None)
        ) as connection,
        pytest.raises(Misconfigured, match="journal_mode at delete where wal is needed"),
    ):
        durability.sqlite(connection)
