"""Too much, too often, too slowly (threat T8): heads, bodies and callers are held to bounds before anything is parsed, and told when to come back."""

import asyncio
import contextlib
import gzip
import json
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

from broker.domain.caller import Caller
from broker.errors import TooMany
from broker.web import http_head
from broker.web.shares import Shares
from tests.conftest import Clock
from tests.contract.calling import FHIR, MIDWIVES, TEAM_SCOPES, VISITORS, Json, issues, message

# --- heads --------------------------------------------------------------------------------------------------------


async def answers(scope, _receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def port(monkeypatch) -> Iterator[int]:
    """A server with our bounds, of which the one of seconds is short."""
    monkeypatch.setattr(http_head, "HEAD_SECONDS", 0.2)
    config = uvicorn.Config(answers, http=http_head.BoundedHead, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        running.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        running.join()


def said(port: int, *parts: bytes) -> bytes:
    """All that comes back until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as talking:
        with contextlib.suppress(ConnectionError):  # it hung up before we had said all
            for part in parts:
                talking.sendall(part)
        got = b""
        with contextlib.suppress(ConnectionError):
            while more := talking.recv(65_536):
                got += more
        return got


LINE = b"GET / HTTP/1.1\r\nHost: x\r\n"
END = b"Connection: close\r\n\r\n"


def test_a_usual_head_is_taken(port):
    assert said(port, LINE + b"X: " + b"a" * 4000 + b"\r\n" + END).startswith(b"HTTP/1.1 204")


@pytest.mark.parametrize(
    "parts",
    [
        [LINE, b"X: " + b"a" * 10_000_000],
        [LINE + b"X: " + b"a" * 70_000 + b"\r\n" + END],
        [LINE, *[b"X: y\r\n"] * 100_000],
        [b"GET /" + b"a" * 1_000_000],
    ],
    ids=["one header without end", "one long header", "headers without end", "an address without end"],
)
def test_a_head_beyond_the_limit_is_refused_without_being_kept(port, parts):
    assert said(port, *parts)[:12] in (
        b"HTTP/1.1 400",
        b"",
    )  # nothing, where the system dropped it with what we still sent


@pytest.mark.parametrize("begun", [b"", b"GET / HT", LINE, LINE + b"X: y\r\n"])
def test_a_head_that_does_not_come_ends_the_connection(port, begun):
    assert said(port, begun) == b""


def test_the_second_request_of_a_connection_has_the_same_bounds(port):
    first = LINE + b"\r\n"
    assert said(port, first + b"GET / HT").count(b"HTTP/1.1 204") == 1
    assert b"HTTP/1.1 204" in said(port, first + LINE + END)


# --- bodies -------------------------------------------------------------------------------------------------------


def test_a_body_that_does_not_come_is_408(shared_broker, monkeypatch):
    monkeypatch.setattr(shared_broker.runtime.settings, "body_seconds", 0.05)
    parts = [{"type": "http.request", "body": b'{"resourceType"', "more_body": True}]
    sent: list[Json] = []

    async def receive():
        if not parts:
            await asyncio.Event().wait()
        return parts.pop()

    async def send(part):
        sent.append(part)

    headers = {**shared_broker.headers(MIDWIVES), **FHIR}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/fhir/$process-message",
        "raw_path": b"/fhir/$process-message",
        "query_string": b"",
        "http_version": "1.1",
        "scheme": "http",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    shared_broker.http.portal.call(shared_broker.app, scope, receive, send)
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["issue"][0]["code"] == "timeout"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip", "identity, gzip", "GZIP"])
def test_nothing_is_unpacked(shared_broker, encoding):
    bomb = gzip.compress(b" " * 10_000_000)
    answer = shared_broker.post(bomb, **{"Content-Encoding": encoding})
    assert answer.status_code == 415
    assert shared_broker.post(json.dumps(message()).encode(), **{"Content-Encoding": "identity"}).status_code == 200


NESTED = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
LISTED = b"[" * 200_000 + b"]" * 200_000
BILLION = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><Bundle xmlns="http://hl7.org/fhir">&b;</Bundle>'
)
DEEP_XML = b'<Bundle xmlns="http://hl7.org/fhir">' + b"<entry>" * 50_000
WAYS = [
    ("POST", "/fhir/$process-message", "application/fhir+json"),
    ("PUT", "/fhir/Task/1", "application/fhir+json"),
    ("POST", "/fhir/Task/1/$accept", "application/fhir+json"),
    ("PUT", "/admin/agencies/x", "application/json"),
    ("PUT", "/admin/teams/x/channel", "application/json"),
    ("PUT", "/admin/clients/x", "application/json"),
    *(
        ("POST", f"/adapters/{kind}/events", media)
        for kind in ("midwifery", "health-visiting", "gp", "cmht", "probation", "childrens-social-care")
        for media in ("application/json", "application/fhir+xml", "x-application/hl7-v2+er7")
    ),
]


@pytest.mark.parametrize("body", [NESTED, LISTED, BILLION, DEEP_XML], ids=["nested", "listed", "entities", "deep-xml"])
@pytest.mark.parametrize(("method", "path", "media"), WAYS)
def test_nesting_is_answered_by_every_way_in_and_breaks_none(shared_broker, method, path, media, body):
    scopes = (*TEAM_SCOPES, "baton/admin")
    answer = shared_broker.call(method, path, content=body, headers={"Content-Type": media}, scopes=scopes)
    assert 400 <= answer.status_code < 500, answer.text
    assert issues(answer)


# --- callers ------------------------------------------------------------------------------------------------------


def test_an_agency_has_its_share_and_no_other_is_touched():
    clock = Clock()
    shares = Shares(2, clock)
    loud, same, other = (Caller(client=n, team=n, agency=a) for n, a in (("a", "one"), ("b", "one"), ("c", "two")))
    for _ in range(39):
        shares.take(loud)
    shares.take(same)
    with pytest.raises(TooMany) as refused:
        shares.take(loud)
    assert refused.value.wait.total_seconds() == 0.5
    shares.take(other)
    shares.take(loud, "pages")
    clock.forward(seconds=0.5)
    shares.take(same)
    with pytest.raises(TooMany):
        shares.take(loud)


def test_beyond_its_share_an_agency_is_told_when_to_come_back(shared_broker, monkeypatch):
    monkeypatch.setattr(shared_broker.app.state, "shares", Shares(0.1, Clock()), raising=False)
    codes = [shared_broker.call("GET", "/mailbox/inbox", VISITORS).status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    refused = shared_broker.call("GET", "/fhir/Task", VISITORS)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "10"
    assert issues(refused)[0]["code"] == "throttled"
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert shared_broker.call("GET", "/mailbox/inbox", MIDWIVES).status_code == 200
