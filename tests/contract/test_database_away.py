"""What callers of a broker on PostgreSQL meet while the server is frozen, killed and back: a broker process, and clients who are told before it is back."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.contract.calling import FHIR, MIDWIVES, VISITORS, message
from tests.contract.server import Server, serving
from tests.faults.postgres import Cluster, cluster

PATIENCE = httpx.Timeout(30)  # seconds; who waits for the server to come back gets no answer at all
SOON = 60  # seconds in which a broker is well again


@pytest.fixture(scope="module")
def postgres() -> Iterator[Cluster]:
    with cluster() as started:
        yield started


@pytest.fixture(scope="module")
def server(postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"BATON_DATABASE_URL": postgres.url(), "BATON_DATABASE_TIMEOUT_SECONDS": "2"}
    with serving(tmp_path_factory.mktemp("away"), MIDWIVES, VISITORS, **settings) as running:
        yield running


def ask(server: Server, method: str, path: str, team: str = MIDWIVES, **more: object) -> httpx.Response:
    return httpx.request(method, server.url + path, headers=server.headers(team) | FHIR, timeout=PATIENCE, **more)


def sent(server: Server) -> httpx.Response:
    return ask(server, "POST", "/fhir/$process-message", json=message())


def well(server: Server) -> bool:
    return httpx.get(server.url + "/readyz", timeout=PATIENCE).status_code == 200


def until_well(server: Server) -> None:
    give_up = time.monotonic() + SOON
    while not well(server):
        assert time.monotonic() < give_up, "the broker does not come back"
        time.sleep(0.1)


@contextmanager
def frozen(postgres: Cluster) -> Iterator[None]:
    postgres.freeze()
    try:
        yield
    finally:
        postgres.thaw()


@contextmanager
def killed(postgres: Cluster) -> Iterator[None]:
    postgres.kill()
    try:
        yield
    finally:
        postgres.start()


@pytest.mark.parametrize("fault", [frozen, killed])
def test_every_caller_is_told_while_it_is_away_and_served_when_it_is_back(postgres, server, fault):
    until_well(server)
    with fault(postgres):
        with ThreadPoolExecutor(60) as pool:  # more than the broker has threads and connections
            asked = [pool.submit(sent, server) for _ in range(30)]
            asked += [pool.submit(ask, server, "GET", "/mailbox/inbox", VISITORS) for _ in range(30)]
            answers = [one.result() for one in asked]
        assert {answer.status_code for answer in answers} == {503}
        assert all(answer.headers["retry-after"].isdigit() for answer in answers)
        assert all(answer.json()["issue"][0]["code"] == "transient" for answer in answers)
        assert not well(server)
        assert httpx.get(server.url + "/healthz", timeout=PATIENCE).status_code == 200
    until_well(server)
    answered = sent(server)
    assert answered.status_code == 200
    assert sent(server).content == answered.content
    inbox = ask(server, "GET", "/mailbox/inbox?after=0", VISITORS).json()["messages"]
    told = [ask(server, "GET", f"/mailbox/inbox/{one['id']}", VISITORS).json()["entry"][0]["resource"] for one in inbox]
    births = [header["id"] for header in told if header["eventCoding"]["code"] == "birth"]
    assert len(births) == 1  # however often it was sent


def test_connections_that_an_administrator_ends_are_replaced_unseen(postgres, server):
    until_well(server)
    first = sent(server)
    postgres.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    assert sent(server).content == first.content
    assert ask(server, "GET", "/mailbox/inbox", VISITORS).status_code == 200


def test_nothing_that_was_sent_or_asked_stands_in_its_output(server: Server):
    said = Path(server.output).read_text(encoding="utf-8")
    assert "SELECT" not in said
    assert "999 " not in said
