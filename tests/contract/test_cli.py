"""The `baton` command as a person types it: answers, exit codes, one-sentence errors, and documents that agree with it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from broker.settings import Settings
from schemas import examples
from tests.command import Command
from tests.conftest import SECRET

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "deploy" / "directory" / "demo.yaml"


@pytest.fixture
def baton(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command in a folder of its own."""
    return Command(tmp_path, capsys)


def test_it_starts_as_a_process_of_its_own(tmp_path: Path) -> None:
    """Its answer, its errors and its exit codes are those of the process."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}

    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "broker.cli", *words]
        environment = clean | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(
            command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )

    done = typed("policy", "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no faults" in done.stdout
    refused = typed("serve")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "BATON_SECRET_KEY is not set" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_directory_goes_in_and_comes_out_the_same(baton: Command) -> None:
    """Export of an import is a file that imports to the same."""
    assert "no faults" in baton("directory", "check", str(DIRECTORY))
    baton("directory", "import", str(DIRECTORY))
    first = baton("directory", "export")
    (baton.folder / "again.yaml").write_text(first)
    baton("directory", "import", "again.yaml")
    assert baton("directory", "export") == first
    assert "swbh-midwifery" in first


def test_a_broken_directory_is_refused_with_its_place(baton: Command) -> None:
    """One sentence names what does not fit."""
    text = DIRECTORY.read_text().replace("health-visiting: bcht-health-visiting", "health-visiting: nobody")
    (baton.folder / "broken.yaml").write_text(text)
    assert "areas.birmingham.coverage.health-visiting" in baton("directory", "check", "broken.yaml", code=1)


def test_clients_are_registered_listed_and_revoked(baton: Command) -> None:
    """A revoked client gets no token; a private key is refused."""
    baton("directory", "import", str(DIRECTORY))
    key = ECKey.generate_key("P-384", {"kid": "k", "use": "sig", "alg": "ES384"})
    keys = baton.folder / "keys.json"
    add = ("client", "add", "epr", "--team", "swbh-midwifery", "--jwks", "keys.json", "--scope", "baton/mailbox")
    keys.write_text(json.dumps({"keys": [key.as_dict(private=True)]}))
    baton(*add, code=1)
    keys.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    baton(*add)
    listed = json.loads(baton("client", "list", "--json"))
    assert listed == [{"name": "epr", "team": "swbh-midwifery", "scopes": ["baton/mailbox"], "revoked": False}]
    assert len(baton("client", "token", "epr").strip()) > 30
    baton("client", "revoke", "epr")
    assert "revoked" in baton("client", "token", "epr", code=1)


def test_the_audit_is_checked_and_handed_out(baton: Command) -> None:
    """What the export prints, the check reads, with the key it names."""
    baton("directory", "import", str(DIRECTORY))
    key = {"BATON_SECRET_KEY": SECRET.decode()}
    assert "Nothing is sealed yet." in baton("audit", "verify", **key)
    (baton.folder / "audit.jsonl").write_text(baton("audit", "export", **key))
    public = json.loads((baton.folder / "audit.jsonl").read_text())["public_key"]
    assert "as it was sealed" in baton("audit", "verify", "--export", "audit.jsonl", "--public-key", public)


def test_a_message_is_tried_without_being_sent(baton: Command) -> None:
    """Who would be told of a golden example, on a directory file alone."""
    (baton.folder / "birth.json").write_bytes(examples.raw("pregnancy-notification"))
    found = json.loads(baton("policy", "simulate", "birth.json", "--directory", str(DIRECTORY), "--json"))
    told = {row["team"] for row in found["rows"] if row["decision"] == "told"}
    assert "bcht-health-visiting" in told
    assert all(row["reason"] for row in found["rows"])


def test_policy_check_names_the_line(baton: Command) -> None:
    """The default policy has no faults; a broken one is refused with the place."""
    assert "no faults" in baton("policy", "check")
    text = (ROOT / "broker" / "policy" / "default.yaml").read_text().replace("cites:", "sites:", 1)
    (baton.folder / "broken.yaml").write_text(text)
    assert "sites" in baton("policy", "check", "broken.yaml", code=1)


def test_it_does_not_start_without_a_key_or_with_a_weak_one(baton: Command) -> None:
    """One sentence that says what to do."""
    assert "BATON_SECRET_KEY is not set" in baton("serve", code=1)
    assert "too short" in baton("serve", code=1, BATON_SECRET_KEY="short")
    demo = "demonstration-only-secret-key-not-for-production"
    assert "demonstration key" in baton("serve", code=1, BATON_SECRET_KEY=demo)


def test_sqlite_serves_one_process(baton: Command) -> None:
    """More is refused, naming PostgreSQL."""
    assert "postgresql://" in baton("serve", "--workers", "2", code=1, BATON_SECRET_KEY=SECRET.decode())
    assert "PostgreSQL" in baton("worker", code=1, BATON_SECRET_KEY=SECRET.decode())


def test_doctor_says_what_to_mend(baton: Command) -> None:
    """Exit code 1 while something is wrong, 0 when nothing is; the key is never shown."""
    key = "a secret that is certainly long enough"
    found = baton("doctor", code=1, BATON_SECRET_KEY=key)
    assert found == ""
    baton("migrate")
    shown = baton("doctor", "--json", BATON_SECRET_KEY=key)
    assert key not in shown
    assert {row["name"] for row in json.loads(shown)["settings"]} == {
        f"BATON_{n.upper()}" for n in Settings.model_fields
    }


def test_a_setting_that_is_wrong_is_named(baton: Command) -> None:
    """Without its value."""
    said = baton("doctor", code=1, BATON_LEASE_SECONDS="tomorrow")
    assert "BATON_LEASE_SECONDS" in said
    assert "tomorrow" not in said
    said = baton(
        "worker", code=1, BATON_SECRET_KEY=SECRET.decode(), BATON_LOOKUP_CLIENTS='{"pds": {"base": "ldap://pds/"}}'
    )
    assert said == "baton: BATON_LOOKUP_CLIENTS, pds: an address is not usable (docs/lookups.md).\n"


def test_the_settings_table_is_complete() -> None:
    """docs/settings.md has every setting with its meaning."""
    table = (ROOT / "docs" / "settings.md").read_text()
    for name, field in Settings.model_fields.items():
        assert f"| `BATON_{name.upper()}` |" in table
        assert str(field.description) in table
