"""What set-up leaves besides the environment itself."""

import sys
from pathlib import Path

import pytest

from deploy.dev import environment


def test_the_code_is_there_as_bytecode_where_python_writes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    for package in ("schemas", "adapters", "broker"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "one.py").write_text("ONE = 1\n")
    environment.compile_code(tmp_path, Path(sys.executable))
    assert len(list(tmp_path.rglob("*.pyc"))) == 3
