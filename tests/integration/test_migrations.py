"""The schema changes under a running system: old code on the new schema, tables in use, attempts that were killed."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text

from broker.storage import engines, fresh, migrate, steps
from broker.storage.codec import AesCodec
from broker.storage.migrations import online
from broker.storage.store import open_store
from tests.conftest import SECRET
from tests.contract.calling import VISITORS, fill, message, opened
from tests.earlier import extract
from tests.services import postgres_database

ROOT = Path(__file__).parents[2]
SOON = 60  # seconds in which what is started comes to its end


@pytest.fixture(scope="session")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of before the newest step, as the history has it."""
    return extract(tmp_path_factory.mktemp("earlier"))


def test_the_code_of_before_the_newest_step_works_on_the_newest_schema_and_ours_goes_on_from_there(
    earlier: Path, database_url: str
):
    with closing(open_store(database_url, AesCodec(SECRET))) as store:
        store.write(fill)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(ROOT / "tests" / "integration" / "earlier_release.py"), database_url],
        cwd=earlier,
        env=clean | {"PYTHONPATH": str(earlier), "BATON_LOG_FORMAT": "json"},
        check=False,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    saw = json.loads(done.stdout.splitlines()[-1])
    assert saw["statuses"] == [200, 200, 200, 200]
    assert saw["task"]["status"] in ("accepted", "completed")
    with opened(database_url) as broker:
        assert broker.http.get("/readyz").json()["checks"]["migrations"]
        again = broker.post(message())
        assert again.status_code == 200
        inbox = broker.call("GET", "/mailbox/inbox?after=0", VISITORS).json()["messages"]
        assert [one["id"] for one in inbox] == saw["inbox"]
        task = broker.call("GET", f"/fhir/Task/{saw['task']['id']}", VISITORS).json()
        assert task["status"] == saw["task"]["status"]


def test_code_that_finds_a_newer_schema_is_ready_and_migrates_nothing(database_url):
    with opened(database_url) as broker:
        with broker.runtime.store.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        migrate.upgrade(broker.runtime.store.engine)
        assert broker.runtime.store.schema() == "9999"
        assert broker.http.get("/readyz").json()["checks"]["migrations"]


def test_a_database_made_in_one_go_is_what_the_steps_make(sqlite_template):
    with (
        closing(open_store("sqlite:///:memory:", AesCodec(SECRET))) as made,
        closing(open_store(f"sqlite:///{sqlite_template}", AesCodec(SECRET))) as migrated,
    ):
        fresh.build(made.engine)
        assert fresh.script(made.engine) == fresh.script(migrated.engine)
        assert steps.is_enough(made.schema())
        assert migrate.drift(made.engine) == []


# --- tables in use -------------------------------------------------------------------------------------------------


CHANGES_CHANNEL = "0003"
"""A step that needs the strongest lock on the table of channels."""


@pytest.fixture
def before() -> Iterator[str]:
    """A database at the step before that one; its address."""
    with postgres_database() as url:
        with connected(url) as connection:
            command.upgrade(migrate._config(connection), f"{int(CHANGES_CHANNEL) - 1:04d}")
            connection.commit()
        yield url


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    store = open_store(url, AesCodec(SECRET))
    with closing(store), store.engine.connect() as connection:
        yield connection


def upgrading(url: str) -> threading.Thread:
    def work() -> None:
        with closing(open_store(url, AesCodec(SECRET))) as store:
            migrate.upgrade(store.engine)

    return threading.Thread(target=work)


def test_while_a_table_is_in_use_a_step_lets_everybody_pass_and_is_done_when_it_is_free(before):
    with psycopg.connect(before) as busy, psycopg.connect(before, autocommit=True) as reader:
        busy.execute("SELECT * FROM channel")  # and its transaction stays open
        upgrade = upgrading(before)
        upgrade.start()
        until(lambda: is_waited_for(reader))
        until(lambda: not is_waited_for(reader))  # it has given up, though nothing has changed
        reader.execute("SELECT * FROM channel")
        until(lambda: is_waited_for(reader))  # it tries again
        busy.rollback()
        upgrade.join(SOON)
        assert not upgrade.is_alive()
        assert reader.execute("SELECT version_num FROM alembic_version").fetchone() == (steps.newest(),)


def is_waited_for(reader: psycopg.Connection) -> bool:
    """Whether somebody waits for the table of channels, so that everybody who comes now waits behind."""
    found = reader.execute(
        "SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation WHERE relname = 'channel' AND NOT granted"
    ).fetchone()
    return found is not None and found[0] > 0


def until(holds: Callable[[], object]) -> None:
    give_up = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < give_up, "it did not come to that"
        time.sleep(0.02)


def test_several_processes_may_migrate_at_once():
    with postgres_database() as url:
        at_once = [upgrading(url) for _ in range(3)]
        for one in at_once:
            one.start()
        for one in at_once:
            one.join(SOON)
        with connected(url) as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == steps.newest()


# --- indexes beside the writers ------------------------------------------------------------------------------------


def on_table(url: str, work: partial[None]) -> None:
    """Run `work` as a step does."""
    engine = engines.unhurried(open_store(url, AesCodec(SECRET)).engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with Operations.context(context), context.begin_transaction(_per_migration=True):
            work()


def test_an_index_is_built_while_somebody_writes_and_replaces_what_a_killed_attempt_left():
    build = partial(online.create_index, "ix_entry", "entry", ["number"], where="number > 0")
    with postgres_database() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE entry (number int)")
        connection.execute("INSERT INTO entry VALUES (1), (1)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("CREATE UNIQUE INDEX CONCURRENTLY ix_entry ON entry (number)")
        assert valid(connection) is False
        with psycopg.connect(url) as writer:
            writer.execute("INSERT INTO entry VALUES (2)")
            building = threading.Thread(target=on_table, args=[url, build])
            building.start()
            with psycopg.connect(url, autocommit=True, options="-c lock_timeout=30s") as other:
                other.execute("INSERT INTO entry VALUES (3)")  # while it is waited for the first writer
            writer.commit()
            building.join(SOON)
        assert valid(connection) is True
        on_table(url, partial(online.drop_index, "ix_entry", "entry"))
        assert valid(connection) is None


def test_columns_that_an_interrupted_attempt_has_added_are_left_as_they_are():
    number, name = sa.Column("number", sa.Integer()), sa.Column("name", sa.String())
    with postgres_database() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE entry (number int)")
        connection.execute("INSERT INTO entry VALUES (1)")
        on_table(url, partial(online.add_columns, "entry", number, name))
        assert connection.execute("SELECT number, name FROM entry").fetchall() == [(1, None)]


def valid(connection: psycopg.Connection) -> bool | None:
    row = connection.execute(
        "SELECT indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relname = 'ix_entry'"
    ).fetchone()
    return None if row is None else bool(row[0])
