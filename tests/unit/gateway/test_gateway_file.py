"""The file of gateways is checked whole, names each fault by its place, and never holds a secret."""

import pytest

from broker.errors import Misconfigured
from broker.gateway_file import Mesh, Secret, load

MESH = """
gateways:
  - way: mesh
    name: nems
    team: swbh-midwifery
    url: https://mesh-sync.spineservices.nhs.uk
    mailbox: X26ABC1
    password: {env: MESH_PASSWORD}
    shared_key: {file: /run/secrets/mesh}
    workflows: {BIRTHNOTIFICATION_1: midwifery}
"""


def written(tmp_path, text):
    """The file with that text."""
    path = tmp_path / "gateways.yaml"
    path.write_text(text)
    return path


def faults(tmp_path, text):
    """Where it is wrong, and why."""
    with pytest.raises(Misconfigured) as caught:
        load(written(tmp_path, text))
    return [(problem.path.replace(".mesh", ""), problem.reason) for problem in caught.value.problems]


def test_an_entry_is_read_and_without_a_file_there_is_none(tmp_path):
    [entry] = load(written(tmp_path, MESH)).gateways
    assert isinstance(entry, Mesh)
    assert entry.poll_seconds == 300
    assert load(None).gateways == ()


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        (MESH.replace("midwifery}", "astrology}"), "gateways.0.workflows", "is not a kind of adapter"),
        (MESH.replace("{env: MESH_PASSWORD}", "hunter2"), "gateways.0.password", "Secret"),
        (MESH.replace("{env: MESH_PASSWORD}", "{}"), "gateways.0.password", "names either"),
        (MESH.replace("way: mesh", "way: pigeon"), "gateways.0", "mesh"),
        (MESH.replace("https://", "https://me:hunter2@"), "gateways.0.url", "pattern"),
        (MESH.replace("https://", "http://"), "gateways.0.url", "https://"),
        (MESH + "    polls: 3\n", "gateways.0.polls", "Extra"),
        (MESH + "    team: other\n", "line", "is not YAML"),
        (MESH + MESH.partition("gateways:\n")[2], "", "a name of its own"),
    ],
    ids=[
        "kind",
        "secret in the file",
        "no secret",
        "way",
        "password in the address",
        "in the clear",
        "unknown",
        "twice",
        "same name",
    ],
)
def test_each_fault_has_its_place_and_nothing_of_what_stands_there(tmp_path, text, path, reason):
    found = faults(tmp_path, text)
    assert any(where.startswith(path) and reason in why for where, why in found), found
    assert "hunter2" not in str(found)


MLLP = """
gateways:
  - {way: mllp, name: pas, team: swbh-midwifery, port: 2575, adapter: midwifery, MORE}
"""


@pytest.mark.parametrize(
    ("more", "is_fine"),
    [
        ("host: 127.0.0.1", True),
        ("host: 0.0.0.0", False),
        ("host: pas.trust.example", False),
        ("host: 0.0.0.0, tls: {cert_file: a, key_file: b}", False),
        ("host: 0.0.0.0, tls: {cert_file: a, key_file: b, client_ca_file: c}", True),
        ("host: 0.0.0.0, any_client: true", True),
    ],
)
def test_a_listener_beyond_this_machine_knows_its_clients(tmp_path, more, is_fine):
    text = MLLP.replace("MORE", more)
    if is_fine:
        assert load(written(tmp_path, text)).gateways
    else:
        assert "client_ca_file" in str(faults(tmp_path, text))


def test_one_mailbox_at_most_sends(tmp_path):
    other = MESH.partition("gateways:\n")[2].replace("name: nems", "name: other")
    assert "at most" in str(faults(tmp_path, MESH + "    sends: true\n" + other + "    sends: true\n"))


def test_a_secret_is_read_where_it_stands_and_missed_by_name_alone(tmp_path, monkeypatch):
    file = tmp_path / "key"
    file.write_text("kept here\n")
    monkeypatch.setenv("SOME_SECRET", "told apart")
    assert Secret(file=file).read() == "kept here"
    assert Secret(env="SOME_SECRET").read() == "told apart"
    with pytest.raises(Misconfigured, match="env NOT_SET_ANYWHERE"):
        Secret(env="NOT_SET_ANYWHERE").read()
