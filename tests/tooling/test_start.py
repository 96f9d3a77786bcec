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
