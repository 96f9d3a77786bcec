"""A connection that the server has closed: what was read is read again, what was not committed is done again."""

import pytest
from sqlalchemy import text

from broker.storage.store import Store


@pytest.fixture
def lost(store: Store) -> Store:
    """Every connection in the pools has been ended by the server."""
    if store.embedded:
        pytest.skip("SQLite has no server")
    store.read(lambda session: session.execute(text("SELECT 1")).scalar())
    store.write(lambda session: session.execute(text("SELECT 1")).scalar())
    with store.engine.connect() as other:
        ended = other.execute(
            text(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        ).scalar()
        other.rollback()
        assert ended
    return store


def test_a_read_is_done_again(lost):
    assert lost.read(lambda session: session.execute(text("SELECT 41 + 1")).scalar()) == 42


def test_a_write_that_was_not_committed_is_done_again(store):
    """The server ends the connection in the middle of the work, once."""
    if store.embedded:
        pytest.skip("SQLite has no server")
    tried = []

    def work(session):
        tried.append(1)
        if len(tried) == 1:
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        session.execute(text("CREATE TABLE once (n int)"))
        return len(tried)

    assert store.write(work) == 2
    assert store.read(lambda session: session.execute(text("SELECT count(*) FROM once")).scalar()) == 0


def test_a_reader_cannot_write(store):
    if store.embedded:
        pytest.skip("SQLite reads in a transaction that is rolled back")
    with pytest.raises(Exception, match="read-only transaction"):
        store.read(lambda session: session.execute(text("CREATE TABLE never (n int)")))
