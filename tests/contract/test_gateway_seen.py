"""What is seen of gateways from elsewhere: by `baton doctor` and in `/metrics`, without a secret."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from broker.cli import doctor_gateways
from broker.settings import Settings
from broker.storage import pulses
from broker.web import gateway_metrics
from tests.conftest import SECRET

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FILE = """
gateways:
  - {way: mllp, name: pas, team: nobody-yet, port: 2575, adapter: midwifery}
  - way: mesh
    name: nems
    team: nobody-yet
    url: https://mesh-sync.spineservices.nhs.uk
    mailbox: X26ABC1
    password: {env: GATEWAY_TEST_PASSWORD}
    shared_key: {env: GATEWAY_TEST_PASSWORD}
    workflows: {BIRTHNOTIFICATION_1: midwifery}
"""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    file = tmp_path / "gateways.yaml"
    file.write_text(FILE)
    monkeypatch.setenv("GATEWAY_TEST_PASSWORD", "hunter2")
    return Settings(gateways=file, secret_key=SecretStr(SECRET.decode()))


def test_each_gateway_is_shown_with_where_its_secrets_stand(settings):
    rows = {row["name"]: row for row in doctor_gateways.rows(settings)}
    assert rows["pas"] == {
        "name": "pas", "way": "mllp", "where": "127.0.0.1:2575", "team": "nobody-yet", "reads": "midwifery",
    }  # fmt: skip
    assert rows["nems"]["password"] == "env GATEWAY_TEST_PASSWORD"
    assert "hunter2" not in str(rows)


def test_what_is_missing_is_named(settings, monkeypatch, tmp_path):
    assert doctor_gateways.look(settings, None, NOW) == "ok: 2, each with its secrets"
    monkeypatch.delenv("GATEWAY_TEST_PASSWORD")
    assert "env GATEWAY_TEST_PASSWORD" in doctor_gateways.look(settings, None, NOW)
    settings.gateways.write_text(FILE.replace("midwifery}", "astrology}"))
    assert "gateways.0.mllp.adapter" in doctor_gateways.look(settings, None, NOW)
    assert doctor_gateways.rows(settings) == []


def test_silence_shows(store, settings):
    assert "no such team: nobody-yet" in doctor_gateways.look(settings, store, NOW)
    store.write(lambda session: pulses.gateway_worked(session, "pas", NOW - timedelta(minutes=6)))
    store.write(lambda session: pulses.gateway_worked(session, "nems", NOW - timedelta(minutes=6)))
    assert (
        'baton_gateway_age_seconds{gateway="pas"} 360.0'
        in store.read(lambda session: gateway_metrics.figures(session, NOW)).decode()
    )
    assert doctor_gateways._silent(settings, store, NOW) == ["pas"]  # six minutes are little for what looks every five
    assert store.read(pulses.watched) is None
