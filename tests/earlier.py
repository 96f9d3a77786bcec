"""The code of before the newest migration step, as the history has it: what runs beside ours while a deployment is upgraded."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from broker.storage import steps

ROOT = Path(__file__).parents[1]
VERSIONS = "broker/storage/migrations/versions"


def extract(folder: Path) -> Path:
    """That code in this folder; the test skips where there is no history to take it from."""
    [newest] = (ROOT / VERSIONS).glob(f"{steps.newest()}_*.py")
    try:
        added = _git("log", "--diff-filter=A", "--format=%H", "--", f"{VERSIONS}/{newest.name}").decode().split()
        archive = _git("archive", f"{added[-1]}^", "--", "broker", "adapters", "schemas", "deploy", "tests")
    except (subprocess.CalledProcessError, FileNotFoundError, IndexError):
        pytest.skip("there is no history here that has the code of before the newest step")
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    return folder


def _git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, timeout=60).stdout
