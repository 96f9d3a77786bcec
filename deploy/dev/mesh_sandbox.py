"""NHS England's own stand-in for MESH, for tests: in an environment of its own, because it names one exact FastAPI; run by whoever uses it."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from deploy.dev import own_environment
from deploy.dev.machine import CannotProvide

SETTING = "BATON_TEST_MESH_SANDBOX"
NAME = "mesh-sandbox"
START_UP = 30.0  # seconds until it answers, on a busy machine

SHARED_KEY = "a key that all of this MESH share"
PASSWORD = "password"  # noqa: S105 - of its mailboxes X26ABC1, X26ABC2 and X26ABC3


def find() -> str | None:
    """The path of a Python that has it, or None. Changes nothing."""
    if named := os.environ.get(SETTING):
        return named if Path(named).exists() else None
    programs = own_environment.found(NAME)
    return str(programs / "python") if programs else None


def start() -> str:
    """Install it from its hashed pins and give the path of its Python.

    Raises:
        CannotProvide: the environment cannot be made, or a package cannot be had.
    """
    return str(own_environment.made(NAME) / "python")


def stop() -> None:
    """It runs only while a test uses it."""


@contextmanager
def running(python: str) -> Iterator[str]:
    """A MESH of the caller's own, empty, for as long as the block runs; gives its address."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    command = [python, "-m", "uvicorn", "mesh_sandbox.api:app", "--port", str(port), "--log-level", "warning"]
    env = {**os.environ, "STORE_MODE": "memory", "AUTH_MODE": "full", "SHARED_KEY": SHARED_KEY}
    process = subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait(address: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_UP
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx.get(f"{address}/health", timeout=5, trust_env=False).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise CannotProvide("the MESH sandbox did not start")
