"""Tokens that are bound to the certificate of the connection (RFC 8705), as a proxy in front passes it on, and nobody else."""

from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fastapi.testclient import TestClient

from broker.storage import clients
from broker.storage.tables import AccessToken
from broker.web.tokens import JWT_BEARER
from tests.authority import Authority
from tests.contract.calling import MIDWIVES, TEAM_SCOPES, Broker, opened, town_copy
from tests.security.test_tokens import EC, NAME, RSA, signed

HEADER = "Client-Cert"


def made(name: str) -> x509.Certificate:
    with TemporaryDirectory() as folder:
        return x509.load_pem_x509_certificate(Authority(Path(folder)).issue(name).read_bytes())


OURS, THEIRS = made("epr.swbh.example"), made("elsewhere.example")


def sequence(one: x509.Certificate) -> str:
    """As RFC 9440 writes it."""
    return f":{b64encode(one.public_bytes(Encoding.DER)).decode()}:"


def escaped(one: x509.Certificate) -> str:
    """As nginx does ($ssl_client_escaped_cert)."""
    return quote(one.public_bytes(Encoding.PEM).decode())


@pytest.fixture
def town(request, tmp_path):
    """A broker behind a proxy, and a client that is bound to its certificate."""
    behind: dict[str, Any] = {"trusted_proxies": [ip_network("10.0.0.0/8")], "client_certificate_header": HEADER}
    with town_copy(request, tmp_path) as url, opened(url, **behind) as broker:
        jwks = {"keys": [key.as_dict(private=False) for key in (EC, RSA)]}
        row = clients.Registered(
            name=NAME, team=MIDWIVES, jwks=jwks, scopes=frozenset(TEAM_SCOPES), certificate_bound=True
        )
        broker.runtime.store.write(lambda session: clients.put(session, row, broker.clock()))
        yield broker


def asked(town: Broker, *headers: str, peer: str = "10.0.0.1"):
    form = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "client_assertion": signed(town)}
    http = TestClient(town.app, client=(peer, 4000))
    return http.post("/oauth2/token", data=form, headers=[(HEADER, one) for one in headers])


def read(town: Broker, token: str, *headers: str, peer: str = "10.0.0.1") -> int:
    http = TestClient(town.app, client=(peer, 4000))
    sent = [("Authorization", f"Bearer {token}"), *((HEADER, one) for one in headers)]
    return http.get("/mailbox/inbox", headers=sent).status_code


@pytest.mark.parametrize("written", [sequence, escaped])
def test_a_bound_token_is_good_by_its_own_certificate_alone(town, written):
    token = asked(town, written(OURS)).json()["access_token"]
    [row] = town.rows(AccessToken, client_name=NAME)
    thumbprint = urlsafe_b64encode(sha256(OURS.public_bytes(Encoding.DER)).digest()).decode().rstrip("=")
    assert row.certificate == thumbprint
    assert read(town, token, sequence(OURS)) == read(town, token, escaped(OURS)) == 200
    assert read(town, token, written(THEIRS)) == 401
    assert read(town, token) == 401


def test_without_a_certificate_it_gets_none(town):
    assert asked(town).status_code == 401
    assert town.rows(AccessToken, client_name=NAME) == []


def test_nobody_else_passes_a_certificate_on(town):
    token = asked(town, sequence(OURS)).json()["access_token"]
    assert asked(town, sequence(OURS), peer="198.51.100.7").status_code == 400
    assert read(town, token, sequence(OURS), peer="198.51.100.7") == 400
    assert read(town, token, sequence(OURS), sequence(THEIRS)) == 400


@pytest.mark.parametrize("header", ["x", "::", ":x:", ":AAAA:", "%00", quote("-----BEGIN CERTIFICATE-----\nAAAA"), "é"])
def test_what_is_no_certificate_is_said_to_be_none(town, header):
    http = TestClient(town.app, client=("10.0.0.1", 4000))
    sent = {"Authorization": "Bearer x", HEADER: header.encode()}
    assert http.get("/mailbox/inbox", headers=sent).status_code == 400


def test_another_client_is_not_bound_and_its_tokens_are_good_with_any(town):
    token = town.headers()["Authorization"].removeprefix("Bearer ")
    assert read(town, token) == read(town, token, sequence(THEIRS)) == 200


def test_it_cannot_be_asked_for_where_no_proxy_passes_certificates_on(town):
    body: dict[str, Any] = {
        "team": MIDWIVES,
        "scopes": ["baton/mailbox"],
        "jwks": {"keys": [EC.as_dict(private=False)]},
    }
    body |= {"certificate_bound": True}
    scopes = ("baton/admin",)
    assert town.call("PUT", "/admin/clients/bound", None, json=body, scopes=scopes).status_code == 200
    changed = {"client_certificate_header": None}
    town.runtime.settings = town.runtime.settings.model_copy(update=changed)
    answer = town.call("PUT", "/admin/clients/bound", None, json=body, scopes=scopes)
    assert answer.status_code == 422
