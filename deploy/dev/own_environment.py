"""Tools that would not get on with the broker's own pins: each in .venv-NAME, from the hashes of requirements/NAME.txt; `python -m deploy.dev.own_environment NAME` makes one."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Final
from venv import EnvBuilder

from deploy.dev.machine import CannotProvide, run

ROOT: Final = Path(__file__).resolve().parents[2]
INSTALL_WITHIN: Final = 600.0  # seconds, of a slow line


def found(name: str) -> Path | None:
    """The folder of its programs, or None where it is not made or its pins have changed. Changes nothing."""
    stamp = _stamp(name)
    current = stamp.exists() and stamp.read_text(encoding="utf-8") == _digest(name)
    return _programs(name) if current else None


def made(name: str) -> Path:
    """The folder of its programs; makes it where it is not as pinned.

    Raises:
        CannotProvide: the environment cannot be made, or a package cannot be had.
    """
    return found(name) or _make(name)


def _make(name: str) -> Path:
    try:
        EnvBuilder(with_pip=True, clear=True, symlinks=True).create(ROOT / f".venv-{name}")
    except subprocess.CalledProcessError as error:
        raise CannotProvide("this Python cannot make virtual environments") from error
    pip = [
        str(_programs(name) / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
    ]
    pinned = ["--require-hashes", "--only-binary", ":all:", "--requirement", str(_pins(name))]
    run([*pip, *pinned], seconds=INSTALL_WITHIN)
    _stamp(name).write_text(_digest(name), encoding="utf-8")
    return _programs(name)


def _programs(name: str) -> Path:
    return ROOT / f".venv-{name}" / "bin"


def _pins(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


def _stamp(name: str) -> Path:
    return ROOT / f".venv-{name}" / ".baton-pins"


def _digest(name: str) -> str:
    return hashlib.sha256(f"{ROOT}\n".encode() + _pins(name).read_bytes()).hexdigest()


if __name__ == "__main__":
    try:
        made(sys.argv[1])
    except CannotProvide as reason:
        sys.exit(f"{sys.argv[1]} stopped: {reason}.")
