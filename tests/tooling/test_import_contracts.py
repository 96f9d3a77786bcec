"""Each import contract of pyproject.toml is seen to break when violated, and holds for the code as it is."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

# contract, module that breaks it, by this line; a module that is not there is made.
VIOLATIONS = [
    ("one-way", "broker.domain.violation", "import broker.storage"),
    ("one-way", "broker.storage.violation", "import broker.workflow"),
    ("one-way", "broker.bus.violation", "import broker.storage"),
    ("one-way", "broker.workflow.violation", "import broker.web"),
    ("one-way", "broker.web.violation", "import broker.cli"),
    ("one-way", "broker.module_without_a_layer", "import datetime"),
    ("pure-domain", "broker.domain.violation", "import sqlalchemy"),
    ("pure-domain", "broker.domain.violation", "from sqlmodel import Session"),
    ("pure-domain", "broker.domain.violation", "import broker.storage"),
    ("pure-domain", "broker.domain.violation", "import time"),
    ("pure-domain", "broker.domain.violation", "from pathlib import Path"),
    ("tables", "broker.web.violation", "from broker.storage.tables import Task"),
    ("tables", "broker.domain.violation", "import broker.storage.tables"),
    ("amqp", "broker.workflow.violation", "import aio_pika"),
    ("amqp", "broker.bus.violation", "from aio_pika import connect"),
    ("amqp", "broker.runtime", "import aiormq"),
    ("amqp", "adapters.channels.violation", "import aio_pika"),
    ("http", "broker.workflow.violation", "from fastapi import HTTPException"),
    ("http", "broker.storage.violation", "import starlette.status"),
    ("schemas", "schemas.violation", "import broker.domain"),
    ("schemas", "schemas.violation", "import adapters"),
    ("adapters", "adapters.violation", "from broker import storage"),
    ("one-file-an-agency", "adapters.gp", "import adapters.cmht"),
    ("one-file-an-agency", "adapters.probation", "import adapters.channels"),
    ("one-file-an-agency", "adapters.port", "import adapters.registry"),
    ("one-file-an-agency", "adapters.module_without_a_layer", "import datetime"),
]
NEEDED = ("broker.cli", "adapters.cmht", "adapters.registry", "adapters.channels")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the code and its contracts."""
    for package in ("broker", "adapters", "schemas"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=_all_but_code)
    (tmp_path / "deploy" / "dev").mkdir(parents=True)
    shutil.copy(ROOT / "deploy" / "dev" / "contracts.py", tmp_path / "deploy" / "dev")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _all_but_code(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not (name.endswith(".py") or (Path(folder) / name).is_dir())]


def _file_of(tree: Path, module: str) -> Path:
    path = tree.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _append(tree: Path, module: str, line: str) -> None:
    with _file_of(tree, module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")


def _lint_imports(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [program, "--no-logo", "--no-cache", *arguments],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_code_keeps_every_contract(tree):
    done = _lint_imports(tree)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(CONTRACTS)} kept, 0 broken" in done.stdout


def test_every_contract_has_a_violation_to_try():
    assert {contract for contract, _, _ in VIOLATIONS} == {contract["id"] for contract in CONTRACTS}


@pytest.mark.parametrize(("contract", "module", "line"), VIOLATIONS)
def test_a_violation_breaks_its_contract(tree, contract, module, line):
    for needed in NEEDED:
        _append(tree, needed, "")
    _append(tree, module, line)

    done = _lint_imports(tree, "--contract", contract)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "0 kept, 1 broken" in done.stdout
    assert module in done.stdout.split("Broken contracts")[1]
