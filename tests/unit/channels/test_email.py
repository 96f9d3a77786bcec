"""The e-mail channel against a real mail server on loopback: what it says, what it never says, and what each answer counts as."""

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from adapters.channels.email import BadMailServer, EmailChannel, MailServer, problem
from adapters.port import Refused, Taken, Unanswered, Unreachable
from tests.unit.channels.certificates import self_signed
from tests.unit.channels.mailserver import mail_host

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TO = "mailto:duty.desk@surgery.example"
WHERE = "https://baton.example"
PATIENCE = 60.0  # seconds for an answer that comes


def channel(url, *, timeout=PATIENCE, tls=None):
    return EmailChannel(MailServer.at(url), sender="baton@baton.example", where=WHERE, timeout_seconds=timeout, tls=tls)


def told(to=TO, *, rcpt="250 OK", data="250 OK", timeout=PATIENCE):
    """What telling one team comes to, and the mail server afterwards."""

    async def go():
        async with mail_host() as host:
            host.rcpt, host.data = rcpt, data
            return await channel(f"smtp://127.0.0.1:{host.port}", timeout=timeout).push(to, now=NOW), host

    return asyncio.run(go())


def test_what_a_server_took_still_waits_for_the_look_into_the_mailbox():
    outcome, host = told()
    assert outcome == Unanswered(receipt_follows=True)
    assert [envelope.rcpt_tos for envelope in host.got] == [["duty.desk@surgery.example"]]
    assert host.got[0].mail_from == "baton@baton.example"


def test_an_e_mail_says_that_something_waits_and_where_and_nothing_else():
    _, host = told()
    message = host.messages[0]
    assert {name.lower() for name in message} == set(
        "from to subject date message-id auto-submitted content-type content-transfer-encoding mime-version".split()
    )
    assert message["Subject"] == "Something waits for your team in Baton"
    assert message["Date"].datetime == NOW
    assert message.get_content().splitlines()[2] == WHERE


def test_two_e_mails_differ_in_nothing_that_could_be_counted_or_joined():
    async def go():
        async with mail_host() as host:
            telling = channel(f"smtp://127.0.0.1:{host.port}")
            for _ in range(2):
                await telling.push(TO, now=NOW)
            return host.messages

    first, second = asyncio.run(go())
    assert first["Message-ID"] != second["Message-ID"]
    assert first.get_content() == second.get_content()


@pytest.mark.parametrize(
    ("rcpt", "data", "outcome"),
    [
        ("550 No such mailbox", "250 OK", Refused(550)),
        ("451 Greylisted", "250 OK", Unreachable("asked-to-try-later")),
        ("250 OK", "552 Mailbox full", Refused(552)),
        ("250 OK", "452 No space", Unreachable("asked-to-try-later")),
        ("250 OK", "close", Unanswered()),
    ],
)
def test_what_an_answer_counts_as(rcpt, data, outcome):
    found, host = told(rcpt=rcpt, data=data)
    assert found == outcome
    assert host.got == []


def test_a_server_that_falls_silent_is_left_in_bounded_time():
    assert told(data="silence", timeout=1.5)[0] == Unanswered()  # as far as the data it answers


@asynccontextmanager
async def mute(greeting=b""):
    """A server that says this and no more."""

    async def serve(_reader, writer):
        writer.write(greeting)
        await asyncio.Event().wait()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize("greeting", [b"", b"220 localhost\r\n", b"220-localhost\r\n"])
def test_a_server_that_never_begins_to_talk_had_nothing(greeting):
    async def go():
        async with mute(greeting) as port:
            return await channel(f"smtp://127.0.0.1:{port}", timeout=0.5).push(TO, now=NOW)

    assert asyncio.run(go()) == Unreachable("connect-timeout")


def test_something_that_is_no_mail_server_had_nothing():
    async def go():
        async with mute(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
            return await channel(f"smtp://127.0.0.1:{port}", timeout=PATIENCE).push(TO, now=NOW)

    assert asyncio.run(go()) == Unreachable("no-connection")


def test_a_dead_port_is_unreachable():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"smtp://127.0.0.1:{closed.getsockname()[1]}"
        assert asyncio.run(channel(url).push(TO, now=NOW)) == Unreachable("refused")


def test_starttls_is_used_where_it_is_offered_and_the_certificate_checked(tmp_path):
    server = self_signed(tmp_path)
    trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))

    async def go():
        async with mail_host(starttls=server) as host:
            url = f"smtp://localhost:{host.port}"
            outcomes = [
                await channel(url, tls=trusting).push(TO, now=NOW),
                await channel(url).push(TO, now=NOW),
                await channel(url.replace("localhost", "127.0.0.1"), tls=trusting).push(TO, now=NOW),
            ]
            return outcomes, host.encrypted

    outcomes, encrypted = asyncio.run(go())
    assert outcomes == [Unanswered(receipt_follows=True), Unreachable("tls"), Unreachable("tls")]
    assert encrypted == [True]


def test_smtps_is_encrypted_from_the_first_byte(tmp_path):
    server = self_signed(tmp_path)
    trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))

    async def go():
        async with mail_host(tls=server) as host:
            url = f"smtps://localhost:{host.port}"
            return [await channel(url, tls=tls).push(TO, now=NOW) for tls in (trusting, None)], len(host.got)

    assert asyncio.run(go()) == ([Unanswered(receipt_follows=True), Unreachable("tls")], 1)


def test_a_password_goes_over_tls_or_not_at_all(tmp_path):
    server = self_signed(tmp_path)
    trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))

    async def go():
        async with mail_host(starttls=server, auth=True) as safe, mail_host() as plain:
            outcomes = [
                await channel(f"smtp://baton:p%40ss%3Aword@localhost:{host.port}", tls=trusting).push(TO, now=NOW)
                for host in (safe, plain)
            ]
            wrong = await channel(f"smtp://baton:guess@localhost:{safe.port}", tls=trusting).push(TO, now=NOW)
            return outcomes, wrong, safe.users, plain.users

    outcomes, wrong, users, seen = asyncio.run(go())
    assert outcomes == [Unanswered(receipt_follows=True), Unreachable("no-connection")]
    assert wrong == Refused(535)
    assert set(users) == {"baton"}
    assert seen == []


def test_a_probe_asks_for_the_recipient_and_sends_nothing():
    async def go():
        async with mail_host() as host:
            asking = channel(f"smtp://127.0.0.1:{host.port}")
            good = await asking.probe(TO)
            host.rcpt = "550 No such mailbox"
            return [good, await asking.probe(TO)], host

    outcomes, host = asyncio.run(go())
    assert outcomes == [Taken(), Refused(550)]
    assert host.asked == ["duty.desk@surgery.example"] * 2
    assert host.got == []


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("mailto:duty.desk@surgery.example", True),
        ("mailto:o'neill+baton@trust.nhs.example", True),
        ("mailto:duty@localhost", True),
        ("duty@surgery.example", False),
        ("https://surgery.example/", False),
        ("mailto:", False),
        ("mailto:surgery.example", False),
        ("mailto:duty@surgery.example?cc=press@news.example", False),
        ("mailto:duty?bcc=press@news.example", False),
        ("mailto:duty@surgery.example,press@news.example", False),
        ("mailto:duty@surgery.example press@news.example", False),
        ("mailto:duty@surgery.example\r\nBcc: press@news.example", False),
        ("mailto:duty@surgery.example\n", False),
        ("mailto:duty%0aBcc@surgery.example", False),
        ("mailto:Duty <duty@surgery.example>", False),
        ('mailto:"duty desk"@surgery.example', False),
        ("mailto:dutÿ@surgery.example", False),
        ("mailto:.duty@surgery.example", False),
        ("mailto:duty@-surgery.example", False),
        ("mailto:" + "d" * 250 + "@surgery.example", False),
    ],
)
def test_the_form_of_an_e_mail_address(url, fine):
    assert (problem(url) is None) == fine
    if not fine:
        outcome, host = told(to=url)
        assert outcome == Unreachable("address-not-usable")
        assert host.asked == []


@pytest.mark.parametrize(
    "url", ["", "mail.example", "http://mail.example", "smtp://", "smtp://mail:port", "smtp://mail/x"]
)
def test_what_is_no_mail_server(url):
    with pytest.raises(BadMailServer):
        MailServer.at(url)


def test_a_mail_server_has_the_usual_ports_and_shows_no_password():
    plain, safe = MailServer.at("smtp://mail.example"), MailServer.at("smtps://baton:secret@mail.example")
    assert (plain.port, plain.tls, safe.port, safe.tls) == (25, False, 465, True)
    assert "secret" not in repr(safe)


def test_a_sender_that_is_no_address_is_refused_at_start():
    with pytest.raises(BadMailServer):
        EmailChannel(MailServer.at("smtp://mail.example"), sender="Baton", where=WHERE, timeout_seconds=1)


def test_where_tls_is_required_nothing_is_handed_in_without_it():
    async def go():
        async with mail_host() as plain:
            strict = EmailChannel(
                MailServer.at(f"smtp://localhost:{plain.port}"),
                sender="baton@baton.example",
                where=WHERE,
                timeout_seconds=5,
                must_encrypt=True,
            )
            return (
                await strict.push(TO, now=NOW),
                await channel(f"smtp://localhost:{plain.port}").push(TO, now=NOW),
                len(plain.got),
            )

    refused, taken, handed_in = asyncio.run(go())
    assert (type(refused), taken, handed_in) == (Unreachable, Unanswered(receipt_follows=True), 1)
