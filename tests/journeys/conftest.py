"""A running broker for each journey, with a clock of the test's own; the demonstration directory is there already."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import pytest
import structlog
from joserfc.jwk import ECKey
from pydantic import SecretStr

from broker.domain.clocks import ClockRule, Clocks
from broker.domain.expecting import Expectations
from broker.policy.model import Policy
from broker.settings import Settings
from schemas.examples.story import MESSAGES
from tests.conftest import Clock
from tests.default_policy import default_policy
from tests.journeys.actors import Office, System, new_key
from tests.journeys.brokers import ADMIN, SETTINGS, broker
from tests.journeys.handing_over import OLD
from tests.services import postgres_database, postgres_original, rabbitmq_virtual_host

PRODUCTION = os.environ.get("BATON_JOURNEYS") == "production"
"""Whether every journey is told as in production and on nothing else: PostgreSQL, and RabbitMQ between the processes."""


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


NO_CLOCKS = (ClockRule(name="none", clocks=Clocks(rungs=()), cites=""),)


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The default policy, read once; nothing climbs in it, nobody stands in and nothing is missed, so that a journey of years counts what was said and no reminders."""
    policy = default_policy()
    nobody = replace(policy.out_of_hours, covers=())
    return replace(policy, clocks=NO_CLOCKS, out_of_hours=nobody, expectations=Expectations(rules={}))


@pytest.fixture(scope="session")
def keys() -> dict[str, ECKey]:
    """Keys of systems by name: those that are onboarded in the template and those that a journey adds."""
    return {ADMIN: new_key(ADMIN)}


# --- databases --------------------------------------------------------------------------------------------------


@pytest.fixture
def start() -> str:
    """Where a journey begins: `town`, the directory onboarded; a module may say `template`, an empty database."""
    return "town"


OVER_RABBITMQ = {
    "test_transfers",
    "test_release",
    "test_withdraw",
    "test_webhook_journey",
    "test_f13_receipt_is_not_acknowledgement",
}
"""Journeys that are told once more as in production: PostgreSQL, and RabbitMQ between the processes."""
ON_BOTH = {
    "test_amqp_journey",
    "test_auditor",
    "test_expectations",
    "test_f18_patterns_and_flags",
    "test_f20_chronology",
    "test_households",
    "test_same_again",
    "test_transfers_at_once",
    "test_who_is_responsible",
}
"""Journeys that read by statements of their own, or at once: what PostgreSQL could answer otherwise than SQLite. What each statement of the
storage does is shown on both by tests/integration; the journeys over it are told on one."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What each journey is told on."""
    if "database_url" in metafunc.fixturenames:
        metafunc.parametrize("database_url", _engines(metafunc), indirect=True)


def _engines(journey: pytest.Metafunc) -> Sequence[str]:
    """A module may say `ENGINES`; with BATON_JOURNEYS=production none is asked."""
    if PRODUCTION:
        return ["rabbitmq"]
    name = journey.module.__name__.rpartition(".")[2]
    production = ["rabbitmq"] if name in OVER_RABBITMQ else ["postgres"] if name in ON_BOTH else []
    return getattr(journey.module, "ENGINES", ["sqlite", *production])


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path, start: str) -> Iterator[str]:
    """A database of the journey's own; `rabbitmq` is PostgreSQL with RabbitMQ."""
    engine = "sqlite" if request.param == "sqlite" else "postgres"
    origin = request.getfixturevalue(f"{engine}_{start}")
    if engine == "sqlite":
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
        with postgres_original(url) as name:
            yield name


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


@pytest.fixture(scope="session")
def virtual_host() -> Iterator[str]:
    """Of RabbitMQ: one for all journeys, which announce nothing but ids to each other."""
    with rabbitmq_virtual_host() as address:
        yield address


@pytest.fixture
def office(
    request: pytest.FixtureRequest,
    database_url: str,
    settings: Settings,
    clock: Clock,
    policy: Policy,
    keys: dict[str, ECKey],
) -> Iterator[Office]:
    """The administrator of a journey's broker, and through it every team's system."""
    if request.node.callspec.params["database_url"] == "rabbitmq" and settings.amqp_url is None:
        url = SecretStr(request.getfixturevalue("virtual_host"))
        settings = settings.model_copy(update={"amqp_url": url, "amqp_shards": 2})
    with broker(database_url, clock, policy, keys, settings=settings) as opened:
        yield opened


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait for what the worker does by itself; it looks again within a fraction of a second, and a minute is enough on any machine."""

    def wait(condition: Callable[[], bool]) -> None:
        for _ in range(1_200):
            if condition():
                return
            sleep(0.05)
        raise AssertionError("it did not come about")

    return wait


@pytest.fixture
def family(office: Office) -> Office:
    """Ava is Birmingham's, and lives with her mother."""
    office.system("swbh-midwifery").tells(MESSAGES["birth"])
    office.system(OLD).tells(MESSAGES["involvement-start"])
    return office


@pytest.fixture
def leeds(family: Office) -> System:
    """A health visiting team of another town, whose agency has no safeguarding lead in the directory."""
    family.put("/admin/agencies/leeds", {"name": "Leeds Community Healthcare"})
    family.put(
        "/admin/teams/leeds-health-visiting",
        {"agency": "leeds", "function": "health-visiting", "name": "Leeds health visiting"},
    )
    family.onboard("leeds-health-visiting")
    return family.system("leeds-health-visiting")
