"""Which addresses are ever fetched, and what a service's answers come to; against a server on loopback."""

import asyncio
import base64
import json

import pytest

from adapters.channels.records import MOST_BYTES, Records, Service, address, fault
from adapters.port import Found, Lookup, NoAnswer, NotKnown, NotOurs, Several
from schemas.identifiers import CRN
from schemas.message import Identifier
from tests.unit.channels.receiver import hang_up, nonsense, receiving, silence, status

BASE = "https://records.example/v1/"
CASE = Identifier(system=CRN, value="X540660")
OF_THE_CASE = Lookup(client="c", subject=CASE)
PATIENCE = 60.0  # seconds for an answer that comes


def pointed(reference: str, base: str = BASE) -> str | None:
    return address(Service(base=base), Lookup(client="pds", reference=reference))


@pytest.mark.parametrize("reference", [BASE + "Patient/9990000018", BASE + "a?b=c", "https://RECORDS.example:443/v1/x"])
def test_what_lies_below_the_base_is_fetched(reference):
    assert pointed(reference) == reference


@pytest.mark.parametrize(
    "reference",
    [
        "https://records.example.evil.example/v1/x",
        "https://evil.example/https://records.example/v1/x",
        "https://records.example@evil.example/v1/x",
        "https://evil.example\\@records.example/v1/x",
        "http://records.example/v1/x",
        "https://records.example:8443/v1/x",
        "https://records.example/v2/x",
        "https://records.example/v1",
        "https://records.example/v1/../admin",
        "https://records.example/v1/%2e%2e/admin",
        "https://records.example/v1/..%2fadmin",
        "https://records.example/v1//evil.example",
        "https://records.example/v1/x#fragment",
        "https://records.example/v1/x y",
        "https://records.example/v1/x\r\nHost: evil.example",
        "https://records.example:x/v1/x",
        "file:///etc/passwd",
        "//records.example/v1/x",
        "",
    ],
)
def test_what_does_not_is_never_fetched(reference):
    assert pointed(reference) is None


def test_the_address_of_an_identifier_is_the_services_own_whatever_the_value():
    odd = Identifier(system=CRN, value="../x?y#z")
    assert (
        address(Service(base=BASE, path="cases/{value}"), Lookup(client="c", subject=odd))
        == BASE + "cases/..%2Fx%3Fy%23z"
    )


@pytest.mark.parametrize(
    "service",
    [
        Service(base="records.example/"),
        Service(base="https://records.example/v1"),
        Service(base="https://user:word@records.example/"),
        Service(base=BASE, token_url="https://auth.example/token"),
        Service(base=BASE + "?x=/"),
    ],
)
def test_a_service_that_is_set_wrongly_is_named(service):
    assert fault(service)
    assert fault(Service(base=BASE)) is None


def ask(answer, lookup=OF_THE_CASE, timeout=PATIENCE, times=1, **service):
    """What questions come to, and the requests that the service got."""

    async def go():
        async with receiving(answer) as server:
            base = f"http://127.0.0.1:{server.port}/v1/"
            more = {
                name: value.format(base=base) if isinstance(value, str) else value for name, value in service.items()
            }
            async with Records({"c": Service(base=base, **more)}, timeout_seconds=timeout) as records:
                found = [await records.ask(lookup) for _ in range(times)]
            return found[-1], server.got

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (status(404), NotKnown()),
        (status(410), NotKnown()),
        (status(301, "location: http://127.0.0.1:1/"), Several()),
        (status(409), Several()),
        (status(302, "location: http://127.0.0.1:1/"), NoAnswer("302")),
        (status(401), NoAnswer("401")),
        (status(503), NoAnswer("503")),
        (status(200, body=b"x" * (MOST_BYTES + 1)), NoAnswer("too-long")),
    ],
)
def test_what_an_answer_comes_to(answer, outcome):
    assert ask(answer)[0] == outcome


@pytest.mark.parametrize("answer", [hang_up, nonsense, silence])
def test_a_service_that_does_not_answer_is_no_error(answer):
    found, _ = ask(answer, timeout=0.3)
    assert isinstance(found, NoAnswer)
    assert "127.0.0.1" not in found.why


def test_a_record_comes_as_it_is_with_our_token(tmp_path):
    token = tmp_path / "token"
    token.write_text("from-a-file\n")
    found, [got] = ask(
        status(200, "content-type: application/fhir+json", body=b"{}"), path="cases/{{value}}", token_file=token
    )
    assert isinstance(found, Found)
    assert (found.record.body, found.record.content_type) == (b"{}", "application/fhir+json")
    assert got.line == "GET /v1/cases/X540660 HTTP/1.1"
    assert got.headers["authorization"] == "Bearer from-a-file"


def test_a_token_for_client_credentials_is_asked_for_once_and_again_when_it_is_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("word\n")
    granted = json.dumps({"access_token": "granted", "expires_in": 3600}).encode()
    credentials = {"token_url": "{base}token", "client_id": "baton", "client_secret_file": secret}
    _, got = ask(status(200, body=granted), times=2, **credentials)
    assert [one.line.split()[0] for one in got] == ["POST", "GET", "GET"]
    assert got[0].headers["authorization"] == "Basic " + base64.b64encode(b"baton:word").decode()
    assert got[2].headers["authorization"] == "Bearer granted"
    assert ask(status(401), **credentials)[0] == NoAnswer("NoToken")


def test_nothing_is_asked_of_who_is_not_configured_or_not_meant():
    assert ask(status(200), Lookup(client="other", subject=CASE)) == (NoAnswer("not-configured"), [])
    assert ask(status(200), Lookup(client="c", reference="http://127.0.0.1:1/v1/x")) == (NotOurs(), [])
