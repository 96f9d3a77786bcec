"""Databases for tests: always real ones, migrated once, copied for each test (a rolled-back transaction leaks on SQLite)."""

import shutil
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings

from broker import collector
from broker.storage import migrate
from broker.storage.codec import AesCodec
from broker.storage.engines import SERVING
from broker.storage.store import Store, open_store
from tests.scheduling import Scheduling, turn
from tests.services import postgres_database, postgres_original, require

SECRET = b"a test key that is long enough for any purpose"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """How tests are shared out among processes."""
    return Scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays to the end, a million objects: the collector never looks through them, nor often through the rest."""
    with collector.resting():
        collected = yield
    collector.spare_what_is_there()
    collector.calm()
    return collected


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a parallel run the longest begin first."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: turn(item.nodeid))


class Clock:
    """A clock that moves when a test says so."""

    def __init__(self, now: datetime = NOON) -> None:
        """Starts on a Monday at noon."""
        self.time = now

    def __call__(self) -> datetime:
        """The time."""
        return self.time

    def forward(self, **span: float) -> datetime:
        """Let time pass: `forward(hours=2)`."""
        self.time += timedelta(**span)
        return self.time


@pytest.fixture
def clock() -> Clock:
    """A clock under the test's control."""
    return Clock()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    store = open_store(f"sqlite:///{path}", AesCodec(SECRET))
    migrate.upgrade(store.engine)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return path


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """The name of a migrated PostgreSQL database that nothing is connected to."""
    require("postgres")
    with postgres_database() as url:
        store = open_store(url, AesCodec(SECRET))
        migrate.upgrade(store.engine)
        store.close()
        with postgres_original(url) as name:
            yield name


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated empty SQLite database of the test's own."""
    copy = tmp_path / "baton.db"
    shutil.copy(sqlite_template, copy)
    return f"sqlite:///{copy}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated empty database of the test's own, once on each engine."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    with postgres_database(request.getfixturevalue("postgres_template")) as url:
        yield url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store on an empty database, once on each engine."""
    opened = open_store(database_url, AesCodec(SECRET), SERVING)
    yield opened
    opened.close()
