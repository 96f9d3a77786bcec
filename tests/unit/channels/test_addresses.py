"""Which addresses a push may go to: a corpus of inner addresses in every disguise, and outer ones that must pass."""

import asyncio
from ipaddress import ip_address

import pytest

from adapters.channels.addresses import CheckedNetwork, NotAllowed, problem, public

INNER = """
127.0.0.1 127.255.255.254 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 192.0.0.1
198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 fe80::1 fe80::1%eth0 fc00::1 fd12:3456::1 ff02::1
::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 2002:7f00:1:: 2002:a00:1:: 2001:db8::1
""".split()
OUTER = "1.1.1.1 8.8.8.8 51.140.1.1 2606:4700:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::".split()


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


async def answering():
    """A server on loopback that closes what connects."""
    return await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)


def connected_to(names):
    """The address that a connection to a name went to, with `names` in the name server's place."""

    async def go():
        async with await answering() as server:
            port = server.sockets[0].getsockname()[1]
            network = CheckedNetwork(allow_private=True, names=names)
            stream = await network.connect_tcp("hooks.trust.example", port, timeout=5)
            peer = stream.get_extra_info("server_addr")
            await stream.aclose()
            return peer[0]

    return asyncio.run(go())


def test_a_name_that_leads_to_one_inner_address_among_outer_ones_gets_no_connection():
    async def mixed(_host, _port):
        return [ip_address("93.184.215.14"), ip_address("127.0.0.1")]

    with pytest.raises(NotAllowed):
        asyncio.run(CheckedNetwork(allow_private=False, names=mixed).connect_tcp("hooks.trust.example", 80, timeout=1))


def test_the_connection_goes_to_the_number_that_was_checked_and_the_name_is_asked_once():
    asked = []

    async def turning(host, _port):
        """First the receiver, then (if anybody asked again) somewhere else."""
        asked.append(host)
        return [ip_address("127.0.0.1" if len(asked) == 1 else "127.0.0.9")]

    assert connected_to(turning) == "127.0.0.1"
    assert asked == ["hooks.trust.example"]


def test_the_next_address_of_a_name_is_tried_when_the_first_is_dead():
    async def two(_host, _port):
        return [ip_address("::1"), ip_address("127.0.0.1")]  # the server listens on IPv4 only

    assert connected_to(two) == "127.0.0.1"
