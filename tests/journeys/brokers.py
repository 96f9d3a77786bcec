"""A broker served to a journey, and its first administrator; what journeys do with it is in `actors.py`."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi.testclient import TestClient
from joserfc.jwk import ECKey

from broker.main import create_app
from broker.policy.model import Policy
from broker.runtime import Runtime, wires
from broker.settings import Settings
from broker.storage import audit_search, clients
from broker.storage.audit_search import AuditQuery
from broker.storage.codec import AesCodec
from broker.storage.store import open_store
from broker.storage.task_values import EVERYTHING
from tests import balp
from tests.conftest import SECRET, Clock
from tests.journeys.actors import Office, System

ADMIN = "administration"
SETTINGS = Settings(public_url="http://testserver", lease_seconds=2, token_seconds=3600, allow_private_addresses=True)


@contextmanager
def broker(
    url: str,
    clock: Clock,
    policy: Policy,
    keys: dict[str, ECKey],
    *,
    settings: Settings = SETTINGS,
    worker: bool = True,
) -> Iterator[Office]:
    """The office of a broker on this database, for as long as the block runs."""
    store = open_store(url, AesCodec(SECRET))
    bus, queues = wires(settings, store)
    runtime = Runtime(settings, store, policy, bus, clock, queues=queues)
    # A fault of the broker is an answer to a caller here as anywhere, and no exception in the test.
    with TestClient(create_app(runtime, worker=worker), raise_server_exceptions=False) as http:
        yield _office(http, runtime, keys)
        entries = store.read(lambda session: audit_search.search(session, AuditQuery(count=1_000_000), EVERYTHING)[0])
        assert balp.wrong(entries) == {}


def _office(http: TestClient, runtime: Runtime, keys: dict[str, ECKey]) -> Office:
    """The first administrator is registered on the machine itself, as `baton client add` does."""
    clock = runtime.now
    assert isinstance(clock, Clock)
    admin = System(http, clock, ADMIN, keys[ADMIN])
    row = clients.Registered(name=ADMIN, team=None, jwks=admin.jwks, scopes=frozenset({"baton/admin"}))
    runtime.store.write(lambda session: clients.put(session, row, clock()))
    return Office(admin, keys)
