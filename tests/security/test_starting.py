"""What a process refuses to start with outside the demonstration, and that it starts with all of it inside."""

import secrets
from typing import Any

import pytest
from pydantic import SecretStr

from broker import unsafe
from broker.cli import opening, serving
from broker.cli.gateway import gateway
from broker.errors import Misconfigured
from broker.settings import DEMO_KEY, Settings
from broker.storage import clients
from broker.storage.codec import AesCodec
from broker.storage.store import open_store
from tests.conftest import NOON, SECRET
from tests.contract.calling import VISITORS, Broker
from tests.contract.visiting import employ
from tests.services import postgres_database

GOOD = SECRET.decode()
UNSAFE: dict[str, tuple[dict[str, Any], str]] = {
    "no key": ({"secret_key": None}, "BATON_SECRET_KEY is not set"),
    "an empty key": ({"secret_key": ""}, "too short"),
    "a short key": ({"secret_key": "Zk3_x9"}, "too short"),
    "the demonstration's key": ({"secret_key": DEMO_KEY}, "demonstration key"),
    "a guessable key": ({"secret_key": "changeme" * 5}, "can be guessed"),
    "debug": ({"debug": True}, "BATON_DEBUG"),
    "a certificate in a header from anybody": ({"client_certificate_header": "Client-Cert"}, "BATON_TRUSTED_PROXIES"),
    "people's issuer without TLS": ({"oidc_issuer": "http://sign-in.example"}, "BATON_OIDC_ISSUER"),
}


@pytest.mark.parametrize(("wrong", "said"), UNSAFE.values(), ids=UNSAFE.keys())
def test_it_does_not_start_outside_the_demonstration(wrong, said):
    with pytest.raises(Misconfigured, match=said):
        unsafe.refuse(Settings(**{"secret_key": GOOD} | wrong))


def test_it_starts_with_a_key_of_its_own():
    unsafe.refuse(Settings(secret_key=GOOD, oidc_issuer="https://sign-in.example"))
    unsafe.refuse(Settings(secret_key=GOOD, oidc_issuer="http://127.0.0.1:8080/realms/baton"))


def test_the_demonstration_needs_no_key():
    unsafe.refuse(Settings(demo=True, debug=True))


def test_python_itself_may_not_be_in_a_mode_that_logs_arguments(monkeypatch):
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    with pytest.raises(Misconfigured, match="asyncio debug"):
        unsafe.refuse(Settings(secret_key=GOOD))


@pytest.mark.parametrize(
    "key", ["k" * 40, "0123456789" * 4, "abcdefghijklmnopqrstuvwxyz0123456789", "changeme" * 4, "ab" * 20, "9" * 64]
)
def test_a_key_that_nobody_drew_shows(key):
    assert unsafe.guessable(key)


@pytest.mark.parametrize("draw", [lambda: secrets.token_hex(16), lambda: secrets.token_urlsafe(36), lambda: GOOD])
def test_a_drawn_key_is_taken(draw):
    assert not any(unsafe.guessable(draw()) for _ in range(200))


def test_a_database_that_somebody_uses_is_never_opened_as_a_demonstration(broker: Broker):
    """There whoever comes chooses who to be, its auditors and administrators among them."""
    store = broker.runtime.store
    unsafe.refuse_demonstration(store, Settings(demo=True))
    employ(broker, "ruth", VISITORS)
    with pytest.raises(Misconfigured, match="no demonstration's"):
        unsafe.refuse_demonstration(store, Settings(demo=True))


def test_nor_is_one_of_systems_alone(broker: Broker):
    broker.headers()
    with pytest.raises(Misconfigured, match="no demonstration's"):
        unsafe.refuse_demonstration(broker.runtime.store, Settings(demo=True))


def test_a_demonstrations_database_serves_nobody_else(broker: Broker):
    store = broker.runtime.store
    client = clients.Registered(name=unsafe.DEMONSTRATIONS, team=None, jwks={"keys": []}, scopes=frozenset())
    unsafe.refuse_demonstration(store, Settings(secret_key=GOOD))
    store.write(lambda session: clients.put(session, client, NOON))
    unsafe.refuse_demonstration(store, Settings(demo=True))
    with pytest.raises(Misconfigured, match="demonstration's"):
        unsafe.refuse_demonstration(store, Settings(secret_key=GOOD))


def test_nor_does_any_process_of_it(postgres_template, monkeypatch):
    client = clients.Registered(name=unsafe.DEMONSTRATIONS, team=None, jwks={"keys": []}, scopes=frozenset())
    with postgres_database(postgres_template) as url:
        store = open_store(url, AesCodec(SECRET))
        store.write(lambda session: clients.put(session, client, NOON))
        store.close()
        settings = Settings(database_url=url, secret_key=SecretStr(GOOD))
        monkeypatch.setattr(opening, "settings", lambda: settings)
        for start in (
            lambda: serving.serve(settings, "", 0, 1, deliver=False),
            lambda: serving.work(settings),
            gateway,
        ):
            with pytest.raises(Misconfigured, match="This database is a demonstration's"):
                start()
