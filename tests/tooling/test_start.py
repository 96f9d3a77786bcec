"""What every command pays for: no adapter, no client of a wire and no web framework is loaded before a command needs it."""

import subprocess
import sys

import pytest

HEAVY = ("adapters.registry", "fhir", "lxml", "hl7", "mesh_client", "aio_pika", "fastapi")


@pytest.mark.parametrize("module", ["broker.cli", "broker.gateway_file", "broker.worker.meshes"])
def test_nothing_heavy_is_loaded_with(module):
    program = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.split() == []


OF_OTHERS = (
    "fastapi",
    "starlette",
    "uvicorn",
    "httpx",
    "aiohttp",
    "aio_pika",
    "alembic",
    "mako",
    "psycopg",
)
"""What serving, delivering, migrating and PostgreSQL need, each a tenth of a second or two."""


@pytest.mark.parametrize(
    "words", [["--help"], ["replay", "nowhere.yaml"], ["replay", "deploy/scenarios/team-closes.yaml"]]
)
def test_what_other_commands_need_is_not_loaded(words):
    program = f"""
import sys
sys.argv = ["baton", *{words!r}]
from broker.cli import main
try:
    main()
except SystemExit:
    print("loaded:", *[name for name in {OF_OTHERS!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_one_command_loads_no_other():
    program = "import sys; sys.argv = ['baton', 'policy', '--help']; import broker.cli; broker.cli.app(standalone_mode=False); print(*[name for name in sys.modules if name.startswith('broker.cli.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=100)
    loaded = done.stdout.splitlines()[-1].split()
    assert "broker.cli.policy" in loaded
    assert "broker.cli.client" not in loaded
