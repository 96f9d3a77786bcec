"""Servers that faults hit, started once for all tests of this folder; nothing here touches a server that was there before."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import postgres, rabbit_cluster, receivers, town
from tests.faults.rabbit_cluster import Cluster
from tests.faults.receivers import Receivers
from tests.faults.size import record_run, size
from tests.faults.town import Town


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a fault test."""
    for item in items:
        if "/tests/faults/" in str(item.path):
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.timeout(size(900, 7_200), func_only=True))


@pytest.fixture(scope="session", autouse=True)
def what_it_runs_on() -> None:
    """Beside the figures, where they are kept."""
    record_run()


@pytest.fixture(scope="session")
def rabbit_nodes() -> Iterator[Cluster]:
    """Three RabbitMQ nodes for the whole run; `rabbit` gives them whole to each test."""
    with rabbit_cluster.cluster() as cluster:
        yield cluster


@pytest.fixture
def rabbit(rabbit_nodes: Cluster) -> Iterator[Cluster]:
    """The cluster, whole, however the test before left it."""
    rabbit_nodes.mend()
    yield rabbit_nodes
    rabbit_nodes.mend()


@pytest.fixture(scope="session")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receivers]:
    """The teams' servers, for the whole run."""
    with receivers.receivers(tmp_path_factory.mktemp("receivers")) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server for the whole run, with the town in the database `town`."""
    with postgres.cluster() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_town(postgres_server: postgres.Cluster, hooks: Receivers) -> Town:
    """The town in a database that nobody is connected to."""
    postgres_server.run("CREATE DATABASE town")
    return town.build(postgres_server.url("town"), hooks.url)


@pytest.fixture(scope="session")
def sqlite_town(tmp_path_factory: pytest.TempPathFactory, hooks: Receivers) -> Town:
    """The town in a file that nobody has open."""
    return town.build(f"sqlite:///{tmp_path_factory.mktemp('town')}/town.db", hooks.url)


@pytest.fixture
def on_postgres(postgres_server: postgres.Cluster, postgres_town: Town) -> Iterator[Town]:
    """The town in a database of the test's own on the server that faults hit."""
    name = f"faults_{secrets.token_hex(4)}"
    postgres_server.run(f"CREATE DATABASE {name} TEMPLATE town")
    yield postgres_town.on(postgres_server.url(name))
    postgres_server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def on_sqlite(sqlite_town: Town, tmp_path: Path) -> Town:
    """The town in a file of the test's own."""
    shutil.copy(sqlite_town.database_url.removeprefix("sqlite:///"), tmp_path / "baton.db")
    return sqlite_town.on(f"sqlite:///{tmp_path}/baton.db")
