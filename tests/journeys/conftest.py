"""A running broker for each journey, on each database, with a clock of the test's own; the demonstration directory is there already."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from fastapi.testclient import TestClient
from joserfc.jwk import ECKey
from sqlalchemy.engine import make_url

from broker.bus.embedded import EmbeddedBus
from broker.main import create_app
from broker.policy.model import Policy, load
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import clients
from broker.storage.codec import PlainCodec
from broker.storage.store import Store, open_store
from tests.conftest import SECRET, Clock
from tests.journeys.actors import Office, System, new_key
from tests.services import postgres_database

ADMIN = "administration"
SETTINGS = Settings(public_url="http://testserver", lease_seconds=2, token_seconds=3600, allow_private_addresses=True)


@pytest.fixture(scope="session", autouse=True)
def quiet() -> Iterator[None]:
    """Log lines go nowhere: a journey makes hundreds, and none says what failed."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.configure(**before)


@pytest.fixture
def clock() -> Clock:
    """A clock that begins before the story of the examples does; it moves on to each message's time, and when a test says so."""
    return Clock(datetime(2017, 7, 1, 9, tzinfo=UTC))


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The default policy, read once."""
    return load(None)


@pytest.fixture(scope="session")
def keys() -> dict[str, ECKey]:
    """Keys of systems by name: those that are onboarded in the template and those that a journey adds."""
    return {ADMIN: new_key(ADMIN)}


# --- databases --------------------------------------------------------------------------------------------------


@pytest.fixture
def start() -> str:
    """Where a journey begins: `town`, the directory onboarded; a module may say `template`, an empty database."""
    return "town"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, start: str) -> Iterator[str]:
    """A database of the journey's own, once on each engine."""
    origin = request.getfixturevalue(f"{request.param}_{start}")
    if request.param == "sqlite":
        copy = tmp_path / "baton.db"
        shutil.copy(origin, copy)
        yield f"sqlite:///{copy}"
        return
    with postgres_database(origin) as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_town(sqlite_template: Path, policy: Policy, keys: dict[str, ECKey]) -> Path:
    """An SQLite file with the directory onboarded over HTTP."""
    path = sqlite_template.with_name("town.db")
    shutil.copy(sqlite_template, path)
    _build(f"sqlite:///{path}", policy, keys)
    return path


@pytest.fixture(scope="session")
def postgres_town(postgres_template: str, policy: Policy, keys: dict[str, ECKey]) -> Iterator[str]:
    """The name of a PostgreSQL database with the directory onboarded over HTTP."""
    with postgres_database(postgres_template) as url:
        _build(url, policy, keys)
        yield str(make_url(url).database)


def _build(url: str, policy: Policy, keys: dict[str, ECKey]) -> None:
    store, clock = open_store(url, PlainCodec(SECRET)), Clock()
    with _served(Runtime(SETTINGS, store, policy, EmbeddedBus(), clock), worker=False) as http:
        office = _office(http, store, clock, keys)
        for team in office.onboard_directory():
            office.onboard(team)
        if store.embedded:  # all of it in the file that is copied
            with store.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


# --- a broker ---------------------------------------------------------------------------------------------------


@contextmanager
def _served(runtime: Runtime, *, worker: bool = True) -> Iterator[TestClient]:
    with TestClient(create_app(runtime, worker=worker)) as client:
        yield client


def _office(http: TestClient, store: Store, clock: Clock, keys: dict[str, ECKey]) -> Office:
    """An administrator; the first is registered on the machine itself, as `baton client add` does."""
    admin = System(http, clock, ADMIN, keys[ADMIN])
    row = clients.Registered(name=ADMIN, team=None, jwks=admin.jwks, scopes=frozenset({"baton/admin"}))
    store.write(lambda session: clients.put(session, row, clock()))
    return Office(admin, keys)


@pytest.fixture
def settings() -> Settings:
    """How the broker of a journey is set; a module may set it otherwise."""
    return SETTINGS


@pytest.fixture
def runtime(settings: Settings, store: Store, clock: Clock, policy: Policy) -> Runtime:
    """The broker's inside: the journey's database and clock."""
    return Runtime(settings, store, policy, EmbeddedBus(), clock)


@pytest.fixture
def http(runtime: Runtime) -> Iterator[TestClient]:
    """The broker over HTTP, its worker running."""
    with _served(runtime) as client:
        yield client


@pytest.fixture
def office(http: TestClient, store: Store, clock: Clock, keys: dict[str, ECKey]) -> Office:
    """The administrator of a journey's broker."""
    return _office(http, store, clock, keys)
