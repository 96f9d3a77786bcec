"""The README's journey, line by line, against the very server that `make run` starts."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
STARTING_SECONDS = 90  # a bound on waiting, not a figure: the demonstration's story is told at the first start


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder like a checkout and the address of a demonstration server in it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    log = (tmp_path / "server.log").open("w")
    settings = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
    server = subprocess.Popen(
        [".venv/bin/python", "-m", "broker.cli", "serve", "--demo", "--port", str(port)],
        cwd=tmp_path,
        env=settings | {"PYTHONPATH": str(ROOT)},
        stdout=log,
        stderr=log,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, server)
        yield tmp_path, address
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
        log.close()


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < until:
        assert server.poll() is None, "the server ended"
        try:
            if httpx.get(f"{address}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    pytest.fail("the server did not become ready")


def _steps() -> list[tuple[str, str]]:
    """(command, expected output) of every console block."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    found: list[tuple[str, str]] = []
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            found.append((command, expected))
    return found


def _pattern(expected: str) -> str:
    pieces = [re.escape(piece) for piece in re.split("…|\n", expected.strip())]
    return ".*?".join(pieces)


def test_the_journey(served: tuple[Path, str]) -> None:
    """Each command is run in one shell, in order, and its output is what the README shows."""
    folder, address = served
    steps = _steps()
    assert len(steps) > 5
    mark = "----- next -----"
    script = f"\necho; echo '{mark}'\n".join(command for command, _ in steps)
    script = script.replace("http://127.0.0.1:8000", address)
    settings = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
    done = subprocess.run(
        ["bash", "-c", script],
        check=False,  # grep without a find exits 1; the outputs are compared
        cwd=folder,
        env=settings | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    outputs = done.stdout.split(mark)
    assert len(outputs) == len(steps), done.stderr
    for (command, expected), output in zip(steps, outputs, strict=True):
        assert re.search(_pattern(expected), output, re.DOTALL), f"$ {command}\n{output}\n{done.stderr}"
