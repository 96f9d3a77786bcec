"""Nobody makes the broker call where it should not (threat T6): a corpus of webhook addresses, and messages full of addresses that are never fetched."""

import asyncio
import json
import socket
from ipaddress import ip_address
from typing import Any

import pytest

from adapters.channels.addresses import problem
from adapters.channels.endpoint import Endpoint
from adapters.channels.webhook import WebhookChannel
from adapters.port import Unreachable
from broker.clock import utc_now
from tests.contract.calling import ADMIN_SCOPES, VISITORS, Json, as_of_yesterday, message
from tests.unit.channels.receiver import receiving, status

SECRET = "whsec_" + "c2VjcmV0IHRoYXQgaXMgbG9uZyBlbm91Z2g="
ID = "00000000-0000-4000-8000-000000000001"

SPELLED = """
127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.0.0.1 0177.0.0.1 017700000001 0x7f.1 127.000.000.001 127.0.0.1. 0 0.0.0.0 0x0
localhost LOCALHOST localhost. [::1] [0:0:0:0:0:0:0:1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:0:7f00:1] [::127.0.0.1]
[64:ff9b::7f00:1] [64:ff9b:1::7f00:1] [2002:7f00:1::] [fec0::1] [fe80::1] [fd00::1]
169.254.169.254 [::ffff:169.254.169.254] 2852039166 0xa9fea9fe 10.0.0.1 192.168.0.1 100.64.0.1 ①②⑦.⓪.⓪.① 127。0。0。1
""".split()
"""Inner addresses as numbers of every base, short and long, in other alphabets, and inside of IPv6 ones."""
NAMES = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1", "::127.0.0.1"]
UNUSUAL = [
    *("file:///etc/passwd", "gopher://trust.example/", "ftp://trust.example/", "dict://127.0.0.1:11211/", "ldap://x/"),
    *(
        "javascript:alert(1)",
        "data:text/plain,x",
        "//trust.example/",
        "http:///x",
        "http://",
        "https://trust.example:0/",
    ),
    *("https://user@trust.example/", "https://trust.example@127.0.0.1/", "https://a:b@trust.example/", "http://[::1"),
    *("https://trust.example:99999/", "https://trust.example/#x", "https://trust.example:80:80/", " ", ""),
]


@pytest.mark.parametrize("host", SPELLED)
def test_an_inner_address_gets_no_connection_however_it_is_spelled(host):
    async def go():
        async with receiving(status(200)) as receiver, WebhookChannel(timeout_seconds=5) as channel:
            endpoint = Endpoint("t", f"http://{host}:{receiver.port}/hook", SECRET)
            return await channel.push(endpoint, ID, b"{}", now=utc_now()), receiver

    outcome, receiver = asyncio.run(go())
    assert isinstance(outcome, Unreachable)
    assert outcome.reason in ("address-not-allowed", "address-not-usable", "name-not-found"), outcome
    assert receiver.connections == 0


@pytest.mark.parametrize("address", NAMES)
def test_a_name_that_leads_inside_gets_no_connection_not_even_among_others(address):
    outside = [ip_address("51.140.1.1"), ip_address("2a00:1450:4009:81f::200e")]

    async def names(_host, _port):
        return [*outside, ip_address(address)]

    async def go():
        async with WebhookChannel(timeout_seconds=5, names=names) as channel:
            return await channel.push(Endpoint("t", "https://hooks.trust.example/", SECRET), ID, b"{}", now=utc_now())

    assert asyncio.run(go()) == Unreachable("address-not-allowed")


@pytest.mark.parametrize("url", UNUSUAL)
def test_an_address_of_another_kind_is_refused_when_it_is_set_and_when_it_is_used(shared_broker, url):
    assert problem(url) is not None
    body = {"kind": "webhook", "url": url}
    answer = shared_broker.call("PUT", f"/admin/teams/{VISITORS}/channel", None, scopes=ADMIN_SCOPES, json=body)
    assert answer.status_code == 422


# --- references ---------------------------------------------------------------------------------------------------

METADATA = "169.254.169.254"
ELSEWHERE = f"http://{METADATA}/latest/meta-data"


def hostile(value: Any, name: str = "") -> Any:
    """The same with an address of somebody else's wherever one fits: in references that lead out of the Bundle, URLs and systems of what is not known."""
    if isinstance(value, dict):
        made = {inner: hostile(held, inner) for inner, held in value.items()}
        if "resourceType" in made and made["resourceType"] not in ("Bundle", "MessageHeader"):
            made["implicitRules"] = ELSEWHERE
            made["meta"] = {**made.get("meta", {}), "profile": [ELSEWHERE], "source": ELSEWHERE}
            made["extension"] = [
                *made.get("extension", []),
                {"url": ELSEWHERE, "valueUrl": ELSEWHERE},
                {"url": ELSEWHERE, "valueAttachment": {"contentType": "text/plain", "url": ELSEWHERE}},
                {"url": ELSEWHERE, "valueReference": {"reference": f"{ELSEWHERE}/Patient/1"}},
            ]
        return made
    if isinstance(value, list):
        return [hostile(held, name) for held in value]
    if name == "endpoint":
        return ELSEWHERE
    return value


@pytest.mark.parametrize("name", ["birth", "concern-bruising", "transfer", "referral", "maternity-discharge"])
def test_no_reference_is_ever_fetched(broker, monkeypatch, name):
    """Neither while it is taken nor while copies of it are made; a socket that anybody opens fails, and a name that is asked for."""
    asked: list[Any] = []

    def refuse(*where: Any, **_: Any) -> None:
        asked.append(where)
        raise OSError("nothing is fetched")

    for whose, name_ in ((socket.socket, "connect"), (socket.socket, "connect_ex"), (socket, "getaddrinfo")):
        monkeypatch.setattr(whose, name_, refuse)
    told = hostile(message(name))
    answer = broker.post(told, sender_of(told))
    assert answer.status_code == 200, answer.text
    for team in (VISITORS, "harborne-practice"):
        for entry in broker.call("GET", "/mailbox/inbox", team).json()["messages"]:
            assert broker.call("GET", f"/mailbox/inbox/{entry['id']}", team).status_code == 200
    assert not [where for where in asked if METADATA in str(where)]


def sender_of(bundle: Json) -> str:
    return str(bundle["entry"][0]["resource"]["sender"]["identifier"]["value"])


def test_the_hostile_messages_are_full_of_addresses():
    assert json.dumps(hostile(as_of_yesterday(message("birth")))).count(ELSEWHERE) > 20
