"""What the image and the compose file say of themselves: no privileges, a root that is not written to, TLS on every wire. No engine is needed."""

import re
from pathlib import Path

import pytest
import yaml

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


def test_the_database_is_spoken_to_in_tls_by_a_login_that_is_no_superuser():
    url = OURS["serve"]["environment"]["BATON_DATABASE_URL"]
    assert url.startswith("postgresql://baton:")
    assert "sslmode=verify-full" in url
    assert "sslrootcert=/run/tls/ca.pem" in url
    assert "-cssl=on" in SERVICES["postgres"]["command"]
    lines = (line.split() for line in (FOLDER / "pg_hba.conf").read_text().splitlines() if not line.startswith("#"))
    kinds = {line[0]: line for line in lines if line}
    assert kinds.keys() == {"local", "hostssl"}
    assert kinds["hostssl"] == ["hostssl", "baton", "baton", "all", "scram-sha-256"]
    assert "CREATE ROLE baton LOGIN NOSUPERUSER" in (FOLDER / "postgres-roles.sh").read_text()


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
