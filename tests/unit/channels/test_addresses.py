"""Which addresses a push may go to: a corpus of inner addresses in every disguise, and outer ones that must pass."""

import asyncio
from ipaddress import ip_address

import pytest

from adapters.channels.addresses import problem, public
from adapters.channels.endpoint import Endpoint
from adapters.channels.webhook import WebhookChannel
from adapters.port import Taken, Unreachable
from broker.clock import utc_now

INNER = """
127.0.0.1 127.255.255.254 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 192.0.0.1
198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 fe80::1 fe80::1%eth0 fc00::1 fd12:3456::1 ff02::1
::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 2002:7f00:1:: 2002:a00:1:: 2001:db8::1
::127.0.0.1 ::7f00:1 ::10.0.0.1 ::2 ::ffff:0:127.0.0.1 64:ff9b:1::7f00:1 64:ff9b:1:7f00:1:: fec0::1 2001:0:7f00:1:: 2001:0:1:2:3:4:80ff:fffe
2001:4860:4860::5efe:7f00:1 2001:4860:4860:0:200:5efe:a00:1 fe80::5efe:10.0.0.1 100::1 5f00::1 3fff::1 2001:10::1 0.1.2.3 192.88.99.1
192.0.2.1 198.51.100.1 203.0.113.9
""".split()
OUTER = "1.1.1.1 8.8.8.8 51.140.1.1 2606:4700:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808:: 2a00:1450:4009:81f::200e".split()


@pytest.mark.parametrize("text", INNER)
def test_inner_addresses_are_not_public(text):
    assert not public(ip_address(text))


@pytest.mark.parametrize("text", OUTER)
def test_outer_addresses_are_public(text):
    assert public(ip_address(text))


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://hooks.trust.example/baton?team=1", True),
        ("http://127.0.0.1:8080/hook", True),
        ("https://trust.example:0/", False),
        ("file:///etc/passwd", False),
        ("gopher://trust.example/", False),
        ("//trust.example/", False),
        ("https://user@trust.example/", False),
        ("https://trust.example/#fragment", False),
        ("https://trust.example:port/", False),
        ("https://[::1", False),
        ("", False),
    ],
)
def test_the_form_of_a_webhook_address(url, fine):
    assert (problem(url) is None) == fine


def pushed(names, *, allow_private, host="hooks.trust.example", times=1):
    """Outcomes of pushing to a name, with `names` in the name server's place, and the addresses that were connected to."""
    connected = []

    async def note(_reader, writer):
        connected.append(writer.get_extra_info("sockname")[0])
        writer.write(b"HTTP/1.1 200 -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def go():
        server = await asyncio.start_server(note, "0.0.0.0", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, WebhookChannel(timeout_seconds=5, allow_private=allow_private, names=names) as channel:
            endpoint = Endpoint("t", f"http://{host}:{port}/hook", "whsec_" + "A" * 32)
            return [await channel.push(endpoint, "id", b"{}", now=utc_now()) for _ in range(times)]

    return asyncio.run(go()), connected


def test_a_name_that_leads_to_one_inner_address_among_outer_ones_gets_no_connection():
    async def mixed(_host, _port):
        return [ip_address("93.184.215.14"), ip_address("127.0.0.1")]

    assert pushed(mixed, allow_private=False) == ([Unreachable("address-not-allowed")], [])


def test_the_connection_goes_to_the_number_that_was_checked_and_the_name_is_not_asked_again():
    asked = []

    async def turning(host, _port):
        """First the receiver, then (if anybody asked again) somewhere else."""
        asked.append(host)
        return [ip_address("127.0.0.1" if len(asked) == 1 else "127.0.0.9")]

    assert pushed(turning, allow_private=True, times=2) == ([Taken(), Taken()], ["127.0.0.1", "127.0.0.1"])
    assert asked == ["hooks.trust.example"]


def test_numbers_in_an_address_are_checked_although_no_name_is_asked():
    async def never(_host, _port):
        raise AssertionError("a number needs no name server")

    assert pushed(never, allow_private=False, host="127.0.0.1") == ([Unreachable("address-not-allowed")], [])


def test_the_next_address_of_a_name_is_tried_when_the_first_is_dead():
    async def two(_host, _port):
        return [ip_address("::1"), ip_address("127.0.0.1")]  # the server listens on IPv4 only

    assert pushed(two, allow_private=True) == ([Taken()], ["127.0.0.1"])


def test_a_name_server_that_hangs_costs_a_push_its_time_and_nothing_else():
    async def hanging(_host, _port):
        await asyncio.Event().wait()

    async def go():
        async with WebhookChannel(timeout_seconds=0.4, names=hanging) as channel:
            endpoint = Endpoint("t", "http://hooks.trust.example/hook", "whsec_" + "A" * 32)
            return await channel.push(endpoint, "id", b"{}", now=utc_now())

    assert asyncio.run(go()) == Unreachable("connect-timeout")


def test_a_name_without_addresses_leads_nowhere():
    async def none(_host, _port):
        return []

    assert pushed(none, allow_private=True) == ([Unreachable("name-not-found")], [])
