"""A broker over HTTP with the demonstration directory, on each database, and callers with just the scopes a test names."""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from broker.storage.codec import AesCodec
from broker.storage.store import open_store
from tests.conftest import SECRET
from tests.contract.calling import MIDWIVES, VISITORS, Broker, fill, opened, town_copy
from tests.contract.server import Server, serving
from tests.services import postgres_database, postgres_original


@pytest.fixture(scope="session")
def sqlite_town(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with the demonstration directory."""
    path = tmp_path_factory.mktemp("town") / "town.db"
    shutil.copy(sqlite_template, path)
    store = open_store(f"sqlite:///{path}", AesCodec(SECRET))
    store.write(fill)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return path


@pytest.fixture(scope="session")
def postgres_town(postgres_template: str) -> Iterator[str]:
    """The name of the same on PostgreSQL, which nothing is connected to."""
    with postgres_database(postgres_template) as url:
        with closing(open_store(url, AesCodec(SECRET))) as store:
            store.write(fill)
        with postgres_original(url) as name:
            yield name


@contextmanager
def town(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The address of a database of one's own with the demonstration directory, `sqlite` or `postgres`."""
    if kind == "sqlite":
        with town_copy(request, folder) as url:
            yield url
        return
    with postgres_database(request.getfixturevalue("postgres_town")) as url:
        yield url


@pytest.fixture
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """A broker of the test's own on SQLite."""
    with town("sqlite", request, tmp_path) as url, opened(url) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgres"])
def either_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """A broker of the test's own, once on each database."""
    with town(request.param, request, tmp_path) as url, opened(url) as made:
        yield made


@pytest.fixture(scope="module")
def shared_broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker on SQLite for all tests of a file that do not mind each other."""
    with town("sqlite", request, tmp_path_factory.mktemp("shared")) as url, opened(url) as made:
        yield made


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def standing_broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker for all tests and examples of a file, once on each database."""
    with town(request.param, request, tmp_path_factory.mktemp("standing")) as url, opened(url) as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A broker as a process of its own that listens on this machine."""
    with serving(tmp_path_factory.mktemp("server"), MIDWIVES, VISITORS) as running:
        yield running
