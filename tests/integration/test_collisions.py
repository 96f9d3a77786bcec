"""Two transactions that PostgreSQL cannot let both commit: whoever it turns away decides again, whole, on what the other left."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier

import pytest
from sqlalchemy import event, text
from sqlmodel import Session

from broker.storage.codec import AesCodec
from broker.storage.store import Store, open_store
from tests.conftest import SECRET
from tests.services import postgres_database

SOON = 60  # seconds in which both have come to their first statement


@pytest.fixture
def store() -> Iterator[Store]:
    """Two counts, `a` and `b`, both 0."""
    with postgres_database() as url, closing(open_store(url, AesCodec(SECRET))) as opened:
        opened.write(lambda session: session.execute(text("CREATE TABLE tally (name text PRIMARY KEY, count int)")))
        opened.write(lambda session: session.execute(text("INSERT INTO tally VALUES ('a', 0), ('b', 0)")))
        yield opened


@pytest.fixture
def refused(store: Store) -> list[str]:
    """SQLSTATE of every statement that PostgreSQL refuses."""
    states: list[str] = []
    event.listen(
        store.engine, "handle_error", lambda context: states.append(getattr(context.original_exception, "sqlstate", ""))
    )
    return states


def adds_one(session: Session, name: str) -> None:
    session.execute(text("UPDATE tally SET count = count + 1 WHERE name = :name"), {"name": name})


def counts(session: Session) -> dict[str, int]:
    return dict(session.execute(text("SELECT name, count FROM tally")).all())


def test_of_two_that_lock_crosswise_the_one_that_is_turned_away_is_run_again(store, refused):
    both_have_one = Barrier(2)
    runs: list[str] = []

    def crossing(first: str, second: str) -> Callable[[Session], str]:
        def work(session: Session) -> str:
            runs.append(first)
            adds_one(session, first)
            if runs.count(first) == 1:
                both_have_one.wait(SOON)
            adds_one(session, second)
            return first

        return work

    with ThreadPoolExecutor(2) as pool:
        done = pool.map(store.write, [crossing("a", "b"), crossing("b", "a")])
    assert list(done) == ["a", "b"]
    assert refused == ["40P01"]
    assert len(runs) == 3
    assert store.read(counts) == {"a": 2, "b": 2}


def test_a_decision_on_what_somebody_else_has_changed_since_is_taken_again(store, refused):
    store.write(
        lambda session: session.execute(
            text(f"ALTER DATABASE {store.engine.url.database} SET default_transaction_isolation = 'repeatable read'")
        )
    )
    store.engine.dispose()  # a connection has its isolation from its beginning
    seen: list[int] = []

    def decide(session: Session) -> int:
        found = counts(session)["a"]
        seen.append(found)
        if len(seen) == 1:
            store.write(lambda other: adds_one(other, "a"))
        session.execute(text("UPDATE tally SET count = :after WHERE name = 'a'"), {"after": found + 10})
        return found

    assert store.write(decide) == 1
    assert refused == ["40001"]
    assert seen == [0, 1]
    assert store.read(counts) == {"a": 11, "b": 0}
