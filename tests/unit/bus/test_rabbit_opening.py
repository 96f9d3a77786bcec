"""What BATON_AMQP_… may say; the connection itself is in tests/integration."""

import pytest

from broker.bus.rabbit import opening
from broker.bus.rabbit.names import shard_of, team_access, team_of
from broker.errors import Misconfigured
from broker.settings import Settings


def test_several_addresses_are_separated_by_commas():
    found = opening.server(Settings(amqp_url="amqp://one/, amqps://u:p@two:5671/v", publish_timeout_seconds=3))

    assert found.addresses == ["amqp://one/", "amqps://u:p@two:5671/v"]
    assert found.timeout_seconds == 3
    assert found.tls is None


@pytest.mark.parametrize(
    "url", ["", ",", "http://one/", "amqp://", "one:5672", "amqp://u:hunter2@one:x/", "amqp://a/,ftp://b/"]
)
def test_an_address_that_cannot_work_is_refused_without_being_quoted(url):
    with pytest.raises(Misconfigured) as refused:
        opening.server(Settings(amqp_url=url))

    assert "hunter2" not in str(refused.value)


def test_certificates_that_cannot_be_read_are_named_by_their_settings(tmp_path):
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")

    for setting in ({"amqp_ca_file": broken}, {"amqp_cert_file": broken}, {"amqp_ca_file": tmp_path / "none"}):
        with pytest.raises(Misconfigured, match="BATON_AMQP_C"):
            opening.server(Settings(amqp_url="amqps://one/", **setting))


@pytest.mark.parametrize(
    ("address", "host"), [("amqp://a", "/"), ("amqp://a/", "/"), ("amqp://a/v", "v"), ("amqp://a/%2f", "/")]
)
def test_the_virtual_host_is_the_path(address, host):
    assert opening.virtual_host(address) == host


def test_a_lane_has_the_same_shard_for_ever():
    assert [shard_of(lane, 8) for lane in ("", "home", "5f1c9f0e-5d0c-4c0e-9d53-0d3c5d6a7b8c")] == [2, 0, 6]


def test_a_team_s_user_reads_its_own_queue_and_writes_receipts():
    access = team_access("swbh-midwifery")

    assert (access.user, access.configure, access.write, access.read) == (
        "baton.team.swbh-midwifery",
        "^$",
        r"^baton\.receipts$",
        r"^baton\.team\.swbh-midwifery$",
    )
    assert team_of(access.user) == "swbh-midwifery"
    assert team_of("guest") is None
