"""The webhook channel against real servers on loopback: what each way of answering, or of not answering, counts as."""

import asyncio
import base64
import socket
import ssl
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from adapters.channels.endpoint import Endpoint
from adapters.channels.webhook import WebhookChannel, retry_after
from adapters.port import Refused, Taken, Unanswered, Unreachable
from broker.clock import utc_now
from tests.unit.channels.certificates import self_signed
from tests.unit.channels.receiver import babble, dribble, hang_up, nonsense, receiving, silence, status

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
BODY = '{"resourceType":"Bundle","type":"message","note":"naïve ümlaut €"}'.encode()
ID = "5f0c4a52-6c1e-4a57-9d43-0d9d0a3a1f10"
PATIENCE = 60.0  # seconds for an answer that comes


def push(answer, *, times=1, timeout=PATIENCE, url=None, secret=SECRET, allow_private=True, **more):
    """Outcomes of pushing the body `times` times, and the receiver afterwards."""

    async def go():
        async with (
            receiving(answer) as receiver,
            WebhookChannel(timeout_seconds=timeout, allow_private=allow_private) as channel,
        ):
            endpoint = Endpoint("swbh-midwifery", url or receiver.url, secret)
            outcomes = [await channel.push(endpoint, ID, BODY, now=utc_now(), **more) for _ in range(times)]
            return outcomes, receiver

    return asyncio.run(go())


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_any_2xx_means_taken(code):
    outcomes, receiver = push(status(code))
    assert outcomes == [Taken()]
    assert receiver.got[0].body == BODY


def test_the_signature_is_verified_by_a_library_that_is_not_ours():
    _, receiver = push(status(200))
    got = receiver.got[0]
    assert got.line == "POST /hook HTTP/1.1"
    assert got.headers["webhook-id"] == ID
    assert got.headers["content-type"] == "application/fhir+json"
    assert Webhook(SECRET).verify(got.body, got.headers)["type"] == "message"


def test_a_message_in_an_agency_s_own_format_says_so():
    _, receiver = push(status(200), content_type="application/fhir+xml; charset=utf-8")
    assert receiver.got[0].headers["content-type"] == "application/fhir+xml; charset=utf-8"


def test_a_body_that_was_changed_on_the_way_is_not_verified():
    _, receiver = push(status(200))
    got = receiver.got[0]
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(SECRET).verify(got.body.replace(b"message", b"massage"), got.headers)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (status(302, "location: http://127.0.0.1:1/elsewhere"), Refused(302)),
        (status(400), Refused(400)),
        (status(401), Refused(401)),
        (status(410), Refused(410)),
        (status(429, "retry-after: 120"), Refused(429, 120.0)),
        (status(500, body=b"x" * 100_000), Refused(500)),
        (status(503, "retry-after: soon"), Refused(503)),
        (status(503, "retry-after: 60\r\nretry-after: 120"), Refused(503)),
        (hang_up, Unanswered()),
        (nonsense, Unanswered()),
    ],
)
def test_what_an_answer_counts_as(answer, outcome):
    outcomes, receiver = push(answer)
    assert outcomes == [outcome]
    assert len(receiver.got) == 1  # neither followed nor sent twice by the channel


def test_a_receiver_that_never_answers_is_left_in_bounded_time():
    outcomes, receiver = push(silence, timeout=1.0)  # in which it has read the request
    assert outcomes == [Unanswered()]
    assert len(receiver.got) == 1


@pytest.mark.parametrize("answer", [babble, dribble])
def test_a_2xx_counts_whatever_its_body_does(answer):
    outcomes, _ = push(answer)
    assert outcomes == [Taken()]


def test_connections_are_kept_between_pushes():
    outcomes, receiver = push(status(200, body=b"thank you"), times=5)
    assert outcomes == [Taken()] * 5
    assert receiver.connections == 1


def test_a_cookie_that_a_receiver_sets_is_not_sent_back():
    _, receiver = push(status(200, "set-cookie: session=1"), times=2)
    assert "cookie" not in receiver.got[1].headers


def test_an_answer_that_says_it_is_compressed_is_not_unpacked():
    outcomes, receiver = push(status(200, "content-encoding: gzip", body=b"no gzip at all"), times=2)
    assert outcomes == [Taken()] * 2
    assert receiver.connections == 1


def test_an_address_is_asked_for_as_it_was_read():
    async def go():
        async with receiving(status(200)) as receiver, WebhookChannel(timeout_seconds=5, allow_private=True) as channel:
            for path in ("a b/../c d", "?q=1&z=%2f", "ü"):
                there = Endpoint("t", f"{receiver.url}/{path}", SECRET)
                await channel.push(there, ID, BODY, now=utc_now())
            return [got.line for got in receiver.got]

    assert asyncio.run(go()) == [
        "POST /hook/c%20d HTTP/1.1",
        "POST /hook/?q=1&z=/ HTTP/1.1",
        "POST /hook/%C3%BC HTTP/1.1",
    ]


def test_a_2xx_counts_although_the_message_was_not_read_to_its_end():
    """More than sockets hold: the rest of it is still being written when the answer comes."""

    async def go():
        async def hasty(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 202 -\r\ncontent-length: 0\r\n\r\n")
            await asyncio.Event().wait()

        server = await asyncio.start_server(hasty, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        async with WebhookChannel(timeout_seconds=PATIENCE, allow_private=True) as channel:
            outcome = await channel.push(Endpoint("t", url, SECRET), ID, b"x" * 20_000_000, now=utc_now())
        server.close()
        return outcome

    assert asyncio.run(go()) == Taken()


def test_a_connection_that_ends_between_two_pushes_costs_the_second_nothing():
    async def once(writer):
        writer.write(b"HTTP/1.1 200 -\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def go():
        async with receiving(once) as receiver, WebhookChannel(timeout_seconds=5, allow_private=True) as channel:
            outcomes = []
            for _ in range(3):
                outcomes.append(await channel.push(Endpoint("t", receiver.url, SECRET), ID, BODY, now=utc_now()))
                await asyncio.sleep(0.05)
            return outcomes

    assert asyncio.run(go()) == [Taken()] * 3


def test_a_dead_port_is_unreachable():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/hook"
        outcomes, _ = push(status(200), url=url)
    assert outcomes == [Unreachable("refused")]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://127.0.0.1/hook", "address-not-usable"),
        ("http:///hook", "address-not-usable"),
        ("http://name:word@127.0.0.1/hook", "address-not-usable"),
        ("http://[::1/hook", "address-not-usable"),
        ("http://127.0.0.1:99999/hook", "address-not-usable"),
        ("http://no-such-host.invalid/hook", "name-not-found"),
        ("http://" + "a" * 70 + ".example/hook", "name-not-found"),
    ],
)
def test_an_address_that_leads_nowhere_is_unreachable(url, reason):
    outcomes, receiver = push(status(200), url=url)
    assert outcomes == [Unreachable(reason)]
    assert receiver.got == []


def test_a_secret_that_is_none_sends_nothing():
    outcomes, receiver = push(status(200), secret="whsec_short")
    assert outcomes == [Unreachable("secret-not-usable")]
    assert receiver.got == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f000001", "2130706433", "127.1"]
)
def test_inner_addresses_get_no_connection_in_whatever_spelling(host):
    async def go():
        async with receiving(status(200)) as receiver, WebhookChannel(timeout_seconds=5) as channel:
            endpoint = Endpoint("t", f"http://{host}:{receiver.port}/hook", SECRET)
            return await channel.push(endpoint, ID, BODY, now=utc_now()), receiver

    outcome, receiver = asyncio.run(go())
    assert outcome == Unreachable("address-not-allowed")
    assert receiver.connections == 0


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    async def go():
        async with (
            receiving(status(200), tls=self_signed(tmp_path)) as receiver,
            WebhookChannel(timeout_seconds=5, allow_private=True) as channel,
        ):
            outcome = await channel.push(Endpoint("t", receiver.url, SECRET), ID, BODY, now=utc_now())
            return outcome, receiver

    outcome, receiver = asyncio.run(go())
    assert outcome == Unreachable("tls")
    assert receiver.got == []


def test_a_certificate_is_checked_against_the_name_although_the_connection_goes_to_a_number(tmp_path):
    server = self_signed(tmp_path)  # for the name `localhost`
    trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))

    async def go():
        async with (
            receiving(status(200), tls=server) as receiver,
            WebhookChannel(timeout_seconds=5, allow_private=True, tls=trusting) as channel,
        ):
            right = Endpoint("t", receiver.url.replace("127.0.0.1", "localhost"), SECRET)
            wrong = Endpoint("u", receiver.url, SECRET)
            return [await channel.push(where, ID, BODY, now=utc_now()) for where in (right, wrong)]

    assert asyncio.run(go()) == [Taken(), Unreachable("tls")]


def test_one_team_that_hangs_does_not_hold_up_another():
    async def go():
        async with (
            receiving(silence) as dead,
            receiving(status(200)) as alive,
            WebhookChannel(timeout_seconds=60, allow_private=True) as channel,
        ):
            now = utc_now()
            stuck = [
                asyncio.create_task(channel.push(Endpoint("dead", dead.url, SECRET), ID, BODY, now=now))
                for _ in range(40)
            ]
            good = [await channel.push(Endpoint("alive", alive.url, SECRET), ID, BODY, now=now) for _ in range(10)]
            waiting = [task for task in stuck if not task.done()]
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)
            return good, waiting

    good, waiting = asyncio.run(go())
    assert good == [Taken()] * 10
    assert len(waiting) == 40  # none of the dead team's pushes had ended: the good ones did not wait for them


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 30 ", 30.0),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("-5", None),
        ("1e9", None),
        ("soon", None),
        ("", None),
    ],
)
def test_how_long_a_receiver_asks_us_to_wait(header, seconds):
    assert retry_after(header, NOW) == seconds
