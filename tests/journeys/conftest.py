"""A running broker for each journey, on each database, with a clock of the test's own."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from broker.bus.embedded import EmbeddedBus
from broker.main import create_app
from broker.policy.model import load
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import clients
from broker.storage.store import Store
from tests.conftest import Clock
from tests.journeys.actors import Office, new_system


@pytest.fixture
def runtime(store: Store, clock: Clock) -> Runtime:
    """The broker's inside: the journey's database and clock."""
    settings = Settings(
        public_url="http://testserver", lease_seconds=2, poll_seconds=0.05, allow_private_addresses=True
    )
    return Runtime(settings, store, load(None), EmbeddedBus(), clock)


@pytest.fixture
def http(runtime: Runtime) -> Iterator[TestClient]:
    """The broker over HTTP, its worker running."""
    with TestClient(create_app(runtime)) as client:
        yield client


@pytest.fixture
def office(http: TestClient, runtime: Runtime, clock: Clock) -> Office:
    """An administrator; the first is registered on the machine itself, as `baton client add` does."""
    admin = new_system(http, clock, "administration")
    row = clients.Registered(name=admin.name, team=None, jwks=admin.jwks, scopes=frozenset({"baton/admin"}))
    runtime.store.write(lambda session: clients.put(session, row, clock()))
    admin.sign_in()
    return Office(admin, http, clock)


@pytest.fixture
def demo_office(office: Office) -> Office:
    """The demonstration directory, onboarded over HTTP."""
    office.onboard_directory()
    return office
