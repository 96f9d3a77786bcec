"""A running broker for each journey, on each database, with a clock of the test's own; the demonstration directory is there already."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import pytest
import structlog
from joserfc.jwk import ECKey
from sqlalchemy.engine import make_url

from broker.policy.model import Policy, load
from broker.settings import Settings
from tests.conftest import Clock
from tests.journeys.actors import Office, new_key
from tests.journeys.brokers import ADMIN, SETTINGS, broker
from tests.services import postgres_database


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
    """The default policy, read once; nothing climbs in it, so that a journey of years counts what was said and no reminders."""
    return replace(load(None), ladder=())


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
    """Closing the last connection leaves all of it in the file, or in a database that can be copied."""
    with broker(url, Clock(), policy, keys, worker=False) as office:
        for team in office.onboard_directory():
            office.onboard(team)


# --- a broker ---------------------------------------------------------------------------------------------------


@pytest.fixture
def settings() -> Settings:
    """How the broker of a journey is set; a module may set it otherwise."""
    return SETTINGS


@pytest.fixture
def office(
    database_url: str, settings: Settings, clock: Clock, policy: Policy, keys: dict[str, ECKey]
) -> Iterator[Office]:
    """The administrator of a journey's broker, and through it every team's system."""
    with broker(database_url, clock, policy, keys, settings=settings) as opened:
        yield opened


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait for what the worker does by itself; it looks again within a fraction of a second, and ten seconds are more than enough."""

    def wait(condition: Callable[[], bool]) -> None:
        for _ in range(200):
            if condition():
                return
            sleep(0.05)
        raise AssertionError("it did not come about")

    return wait
