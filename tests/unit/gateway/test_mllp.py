"""MLLP as it is spoken: blocks, their limits, TLS; and which answer of HL7 v2 a sender asked for."""

import asyncio
import ssl
from pathlib import Path

import pytest

from adapters.hl7v2 import answer_code
from adapters.wires.mllp import Listener, NotNow, server_tls
from tests.authority import Authority

MSH = b"MSH|^~\\&|PAS|RXK01|BATON|BATON|20260302120000||ADT^A01|MSG1|P|2.4"


async def answering(message: bytes) -> bytes | None:
    """AA and the message; without an answer for what says so."""
    if message == b"silent":
        return None
    if message == b"not now":
        raise NotNow
    return b"AA " + message


def listening(**more) -> Listener:
    """A listener on loopback."""
    chosen = {"host": "127.0.0.1", "port": 0, "tls": None, "most_bytes": 100, "idle_seconds": 30, "connections": 2}
    return Listener(answering, lambda seen, reason: b"AR " + seen[:4] + b" " + reason.encode(), **(chosen | more))


def spoken(*writes: bytes, until: bytes | None = None, client: ssl.SSLContext | None = None, **more) -> bytes:
    """What is answered to these bytes on one connection, up to a mark or its end."""

    async def talk() -> bytes:
        async with listening(**more) as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port, ssl=client)
            for each in writes:
                writer.write(each)
                await writer.drain()
            if until is not None:
                answer = await reader.readuntil(until)
            else:
                if "idle_seconds" not in more:
                    writer.write_eof()
                answer = await reader.read()
            writer.close()
            return answer

    return asyncio.run(asyncio.wait_for(talk(), 20))


def test_each_block_is_answered_in_its_turn_however_it_is_cut_and_whatever_stands_between():
    said = spoken(b"\x0bone\x1c", b"\r\r\n\x0btw", b"o\x1c\r")
    assert said == b"\x0bAA one\x1c\r\x0bAA two\x1c\r"


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"MSH|without marks\r", b"\x0bAR MSH| does not begin as MLLP frames it\x1c\r"),
        (b"\x0b" + b"x" * 200 + b"\x1c\r", b"\x0bAR xxxx is longer than is taken here\x1c\r"),
        (b"\x0bcut off", b"\x0bAR cut  ends without the mark of its end\x1c\r"),
    ],
)
def test_what_is_no_block_is_answered_and_ends_the_connection(sent, answer):
    assert spoken(sent) == answer


def test_who_wants_no_answer_gets_none_and_what_cannot_be_taken_now_is_closed_without_one():
    assert spoken(b"\x0bsilent\x1c\r\x0btwo\x1c\r") == b"\x0bAA two\x1c\r"
    assert spoken(b"\x0bnot now\x1c\r\x0btwo\x1c\r") == b""


def test_a_connection_that_says_nothing_is_closed():
    assert spoken(b"\x0bhalf", idle_seconds=0.05) == b""


def test_one_connection_more_than_is_allowed_is_closed_and_the_others_go_on():
    async def talk():
        async with listening(connections=1) as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(b"\x0bone\x1c\r")
            first = await reader.readuntil(b"\r")
            other_reader, other = await asyncio.open_connection("127.0.0.1", listener.port)
            assert await other_reader.read() == b""
            other.close()
            writer.write(b"\x0btwo\x1c\r")
            second = await reader.readuntil(b"\r")
            writer.close()
            return first, second

    assert asyncio.run(asyncio.wait_for(talk(), 20)) == (b"\x0bAA one\x1c\r", b"\x0bAA two\x1c\r")


def test_with_client_certificates_only_who_has_one_is_let_in(tmp_path):
    authority = Authority(tmp_path)
    ours, theirs = authority.issue("baton", "127.0.0.1"), authority.issue("pas")
    tls = server_tls(ours, ours, authority.ca)

    def says_one(own: Path | None) -> bytes:
        known = ssl.create_default_context(cafile=authority.ca)
        if own is not None:
            known.load_cert_chain(own)
        return spoken(b"\x0bone\x1c\r", until=b"\r", client=known, tls=tls)

    assert says_one(theirs) == b"\x0bAA one\x1c\r"
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        says_one(None)


@pytest.mark.parametrize(
    ("wanted", "outcome", "code"),
    [
        ("", "accept", "AA"),
        ("", "error", "AE"),
        ("", "reject", "AR"),
        ("|||AL|NE", "accept", "CA"),
        ("|||AL|AL", "error", "CE"),
        ("|||ER|NE", "accept", None),
        ("|||ER|AL", "accept", "AA"),
        ("|||ER|NE", "reject", "CR"),
        ("|||NE|NE", "error", None),
        ("|||SU|ER", "error", "AE"),
    ],
)
def test_the_answer_is_of_the_mode_and_in_the_cases_that_the_sender_asked_for(wanted, outcome, code):
    assert answer_code(MSH + wanted.encode() + b"\rPID|1", outcome) == code
