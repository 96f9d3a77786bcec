"""Requests as bytes against the listening server: lengths that lie, bodies that end too soon or never, and what is no HTTP."""

import json
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

import pytest

from tests.contract.calling import MIDWIVES, message
from tests.contract.server import Server

BODY = json.dumps(message()).encode()
LIMIT = 1_048_576
POST = "POST /fhir/$process-message HTTP/1.1\r\nHost: baton\r\nContent-Type: application/fhir+json\r\nConnection: close\r\n"


def exchanged(server: Server, *parts: bytes, finish: bool = False) -> bytes:
    """What the server answers to these bytes; `finish` closes our side before it has answered."""
    where = urlsplit(server.url)
    with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            if finish:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has answered and hung up: what it said is read below
        return b"".join(received(connection))


def received(connection: socket.socket) -> Iterable[bytes]:
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            return
        if not part:
            return
        yield part


def head(server: Server, *lines: str) -> bytes:
    token = server.headers(MIDWIVES)["Authorization"]
    return (POST + f"Authorization: {token}\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def alive(server: Server) -> bool:
    return status(exchanged(server, b"GET /healthz HTTP/1.1\r\nHost: baton\r\nConnection: close\r\n\r\n")) == 200


def test_a_whole_message_is_taken(server):
    answer = exchanged(server, head(server, f"Content-Length: {len(BODY)}"), BODY)
    assert status(answer) == 200


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: -1"],
        ["Content-Length: abc"],
        ["Content-Length: 1e3"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: nonsense"],
        ["Transfer-Encoding: chunked, identity"],
    ],
)
def test_a_length_that_is_none_is_400(server, lines):
    answer = exchanged(server, head(server, *lines), b"5\r\n{}   \r\n0\r\n\r\n", finish=True)
    assert status(answer) == 400
    assert alive(server)


@pytest.mark.parametrize("chunk", [b"zz\r\n{}\r\n", b"-5\r\n{}\r\n", b"2\r\n{}{}{}\r\n"])
def test_a_chunk_that_is_none_is_400(server, chunk):
    assert status(exchanged(server, head(server, "Transfer-Encoding: chunked"), chunk, finish=True)) == 400
    assert alive(server)


def test_a_declared_length_beyond_the_limit_is_413_before_the_body_is_sent(server):
    answer = exchanged(server, head(server, f"Content-Length: {LIMIT + 1}"))
    assert status(answer) == 413
    assert b'"code":"too-long"' in answer


def test_chunks_beyond_the_limit_are_413_while_they_still_come(server):
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    answer = exchanged(server, head(server, "Transfer-Encoding: chunked"), *([chunk] * 40))
    assert status(answer) == 413
    assert b'"code":"too-long"' in answer
    assert alive(server)


def test_a_message_that_breaks_off_is_not_taken(server):
    """Its sender has no answer and sends it again."""
    other = BODY.replace(b"f29e4a37", b"f29e4a38")
    assert exchanged(server, head(server, f"Content-Length: {len(other)}"), other[:-100], finish=True) == b""
    answer = exchanged(server, head(server, f"Content-Length: {len(other)}"), other)
    assert status(answer) == 200
    faults = [line for line in server.output.read_text().splitlines() if "unexpected" in line or "Traceback" in line]
    assert faults == []


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"GET\r\n\r\n",
        b"\x00" * 100,
        b"GET / HTTP/9.9\r\n\r\n",
        b"A" * 100_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_http_harms_nothing(server, raw):
    answer = exchanged(server, raw, finish=True)
    assert answer == b"" or status(answer) >= 400
    assert alive(server)


def test_two_requests_in_one_connection_are_two(server):
    first = b"GET /healthz HTTP/1.1\r\nHost: baton\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: baton\r\nConnection: close\r\n\r\n"
    assert exchanged(server, first + last).count(b"HTTP/1.1 200") == 2
