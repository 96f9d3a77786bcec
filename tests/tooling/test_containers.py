"""What the image and the compose file say of themselves: no privileges, a root that is not written to, TLS on every wire. No engine is needed."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from broker.storage import migrate, runtime_role
from broker.storage.codec import AesCodec
from broker.storage.store import open_store
from tests.conftest import SECRET
from tests.faults.postgres import cluster
from tests.sealed import noted, sealed, verified

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "container"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def stages():
    """Stage → (what it is made from, its instructions)."""
    found = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
    named = (re.match(r"(\S+) AS (\S+)\n", text) for text in found)
    return {match[2]: (match[1], text) for match, text in zip(named, found, strict=True) if match}


def instructions(stage):
    """Instructions that hold in a stage, those of the stage it is made from first."""
    base, text = stages()[stage]
    return (instructions(base) if base in stages() else "") + text


def test_the_image_runs_as_nobody_in_particular_and_says_whether_it_lives():
    assert list(stages())[-1] == "production"
    production = instructions("production")
    assert re.findall(r"^USER (\S+)", production, re.MULTILINE) == ["10001:10001"]
    assert re.findall(r"^VOLUME (\S+)", production, re.MULTILINE) == ["/app/var"]
    assert re.search(r"^HEALTHCHECK (?!NONE).*\\\n\s+CMD .*/healthz", production, re.MULTILINE)
    assert "chown" not in production.replace("chown baton:baton /app/var", "")  # its user owns nothing else
    assert "chmod" not in production


def test_the_demonstration_is_in_an_image_of_its_own():
    assert "deploy/" in instructions("demo")
    assert "deploy/" not in instructions("production") + instructions("build")


def test_what_is_installed_is_pinned_by_hash():
    installs = re.findall(r"pip install (.*)", DOCKERFILE)
    assert installs
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_writes_to_its_root_or_gains_privileges(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert not {"network_mode", "pid", "ipc", "devices"} & service.keys()
    mounted = [volume for volume in service["volumes"] if volume.startswith((".", "/"))]
    assert all(volume.endswith(":ro") for volume in mounted)


@pytest.mark.parametrize("name", OURS)
def test_ours_need_no_capability_and_no_root(name):
    assert set(OURS) == {"migrate", "serve", "worker"}
    assert OURS[name]["user"] == "10001:10001"
    assert "cap_add" not in OURS[name]
    assert [place.split(":")[0] for place in OURS[name]["tmpfs"]] == ["/tmp"]
    assert OURS[name]["build"]["target"] == "production"
    assert "--demo" not in OURS[name]["command"]


def test_only_this_machine_reaches_it():
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published == ["127.0.0.1:8000:8000"]


@pytest.mark.parametrize(("name", "login"), [("migrate", "baton"), ("serve", "baton_app"), ("worker", "baton_app")])
def test_the_database_is_spoken_to_in_tls_by_an_owner_who_migrates_and_a_login_that_owns_nothing(name, login):
    url = OURS[name]["environment"]["BATON_DATABASE_URL"]
    assert url.startswith(f"postgresql://{login}:")
    assert "sslmode=verify-full" in url
    assert "sslrootcert=/run/tls/ca.pem" in url
    assert f"CREATE ROLE {login} LOGIN NOSUPERUSER" in (FOLDER / "postgres-roles.sh").read_text()
    assert OURS[name]["environment"].keys() == OURS["serve"]["environment"].keys()


def test_postgresql_lets_in_these_two_logins_by_password_and_tls_and_nobody_else():
    assert "-cssl=on" in SERVICES["postgres"]["command"]
    lines = (line.split() for line in (FOLDER / "pg_hba.conf").read_text().splitlines() if not line.startswith("#"))
    assert [line for line in lines if line] == [
        ["local", "all", "postgres", "trust"],
        ["hostssl", "baton", "baton", "all", "scram-sha-256"],
        ["hostssl", "baton", "baton_app", "all", "scram-sha-256"],
    ]


def test_the_roles_are_those_of_the_docs():
    """Which a broker is run on by `tests/security/test_audit_grants.py`."""
    [said] = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "audit.md").read_text(), re.DOTALL)
    made = (FOLDER / "postgres-roles.sh").read_text()
    plain = {re.sub(r" --.*| NOCREATEDB NOCREATEROLE| PASSWORD :'\w+'", "", line).strip() for line in made.splitlines()}
    assert {re.sub(r"\s*--.*", "", line) for line in said.splitlines()} <= plain


def test_rabbitmq_is_spoken_to_in_tls_alone():
    settings = OURS["serve"]["environment"]
    assert settings["BATON_AMQP_URL"].startswith("amqps://")
    said = dict(re.findall(r"^(\S+) = (.+)$", (FOLDER / "rabbitmq.conf").read_text(), re.MULTILINE))
    assert said["listeners.tcp"] == "none"
    assert settings["BATON_AMQP_URL"].endswith(f":{said['listeners.ssl.default']}/")
    mounted = {volume.split(":")[1] for volume in SERVICES["rabbitmq"]["volumes"]}
    assert {said[f"ssl_options.{kind}"] for kind in ("cacertfile", "certfile", "keyfile")} <= mounted
    assert settings["BATON_AMQP_CA_FILE"] in {volume.split(":")[1] for volume in OURS["serve"]["volumes"]}


def test_no_secret_is_written_down():
    secret = re.compile(r"(?i)(password|secret|pass)\b")
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if secret.search(name.replace("_", " ")):
                assert re.match(r"\$\{\w+:[?-]", value), name


@pytest.mark.postgres
def test_a_broker_migrates_and_runs_on_what_the_script_makes():
    """The script itself, on a server of the test's own."""
    with cluster() as server:
        reach = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PATH": os.environ["PATH"]}
        words = {"POSTGRES_BATON_PASSWORD": "owner", "POSTGRES_BATON_APP_PASSWORD": "app"}
        subprocess.run(["sh", str(FOLDER / "postgres-roles.sh")], env=reach | words, check=True, capture_output=True)
        owner = open_store(server.url("baton", "baton"), AesCodec(SECRET))
        migrate.upgrade(owner.engine)
        owner.close()
        store = open_store(server.url("baton", "baton_app"), AesCodec(SECRET))
        noted(store, "a-task")
        sealed(store)
        assert verified(store).size == 1
        assert not runtime_role.may_change_the_audit(store.engine)
        with pytest.raises(ProgrammingError, match="permission denied"), store.engine.begin() as connection:
            connection.execute(text("DELETE FROM audit"))
        store.close()
