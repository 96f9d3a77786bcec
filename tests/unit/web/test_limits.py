"""How often somebody may ask, and where a request comes from."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from starlette.datastructures import Headers

from broker.web import limits, peers
from broker.web.limits import Limiter, per_minute

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def test_a_burst_then_one_each_interval():
    limiter, limit = Limiter(), per_minute(6)
    assert [limiter.take("one", limit, NOW) for _ in range(6)] == [None] * 6
    assert limiter.take("one", limit, NOW) == timedelta(seconds=10)
    assert limiter.take("another", limit, NOW) is None
    assert limiter.take("one", limit, NOW + timedelta(seconds=10)) is None
    assert limiter.take("one", limit, NOW + timedelta(seconds=11)) == timedelta(seconds=9)


def test_what_it_remembers_is_bounded(monkeypatch):
    monkeypatch.setattr(limits, "MOST_NAMES", 5)
    limiter, limit = Limiter(), per_minute(1)
    for number in range(50):
        limiter.take(str(number), limit, NOW)
    assert len(limiter._arrivals) <= 5


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.7", [], "198.51.100.7"),
        ("198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["192.0.2.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["192.0.2.1", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, nonsense"], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("fd00::1", ["203.0.113.9"], "203.0.113.9"),
        ("a-socket", ["203.0.113.9"], "a-socket"),
    ],
)
def test_only_our_proxies_are_believed(peer, forwarded, address):
    headers = Headers(raw=[(b"x-forwarded-for", line.encode()) for line in forwarded])
    assert peers.address_of(peer, headers, PROXIES) == address


def test_a_neighbourhood_of_ipv6_is_one_holders():
    assert peers.neighbourhood("2001:db8::1") == peers.neighbourhood("2001:db8::ffff:1") == "2001:db8::/64"
    assert peers.neighbourhood("2001:db8:0:1::1") != peers.neighbourhood("2001:db8::1")
    assert peers.neighbourhood("198.51.100.7") == "198.51.100.7"
