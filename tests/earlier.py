"""The code of before the newest migration step, as the history has it: what runs beside ours while a deployment is upgraded."""

import ast
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
        before = _git("rev-list", "--max-count=20", f"{added[-1]}^").decode().split()
    except (subprocess.CalledProcessError, FileNotFoundError, IndexError):
        pytest.skip("there is no history here that has the code of before the newest step")
    for commit in before:
        archive = _git("archive", commit, "--", "broker", "adapters", "schemas", "deploy", "tests")
        with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
            if _is_whole(packed):
                packed.extractall(folder, filter="data")
                return folder
    raise AssertionError("none of the commits before the newest step can be read as Python")


def _is_whole(code: tarfile.TarFile) -> bool:
    """Whether all of the product can be read: nobody ever ran what cannot."""
    for member in code.getmembers():
        file = code.extractfile(member) if member.name.endswith(".py") else None
        if file is not None and not member.name.startswith("tests/"):
            try:
                ast.parse(file.read())
            except SyntaxError:
                return False
    return True


def _git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, timeout=60).stdout
