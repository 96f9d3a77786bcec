"""What a test asks for when it needs a real service: the service or a skip, and a database or virtual host of its own.

Nothing is started here: `make test` does that first (deploy/dev/services.py), so that workers do not race to do it.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import psycopg
import pytest
from sqlalchemy.engine import make_url

from deploy.dev import browser, mesh_sandbox, postgres, rabbitmq
from deploy.dev.services import SERVICES, SETTING, required
from tests.reused import Copies, may_reuse


def require(name: str) -> str:
    """The address (or path) of `postgres`, `rabbitmq` or `browser`; else the test skips, or fails when it is required."""
    needed = required()
    found = _find(name)
    if found is None:
        reason = f"no {name}: `make services` finds or starts one, {SERVICES[name].SETTING} names one"
        if name in needed:
            pytest.fail(f"{reason} ({SETTING} says it is required)")
        pytest.skip(reason)
    return found


@cache
def _find(name: str) -> str | None:
    return SERVICES[name].find()


@contextmanager
def postgres_database(template: str | None = None) -> Iterator[str]:
    """A database of the caller's own, empty or copied from the database `template`, for as long as the block runs.

    Gives its address. A template that is connected to cannot be copied: dispose of its engine first.
    """
    server = require("postgres")
    copies = _originals.get(template or "")
    with copies.one() if copies else postgres.database(server, template) as address:
        yield address


@contextmanager
def postgres_original(address: str) -> Iterator[str]:
    """The database of this address stays as it is while the block runs, and nobody is connected to it; gives its name.

    Who asks for a copy of it may get one that somebody has had, as it was made.
    """
    server, name = require("postgres"), str(make_url(address).database)
    if may_reuse(server):
        _originals[name] = Copies(server, name)
    try:
        yield name
    finally:
        if copies := _originals.pop(name, None):
            copies.drop()


_originals: Final[dict[str, Copies]] = {}


@contextmanager
def rabbitmq_virtual_host() -> Iterator[str]:
    """An empty virtual host of the caller's own for as long as the block runs; gives its address (1-2 s to make)."""
    with rabbitmq.virtual_host(require("rabbitmq")) as address:
        yield address


def rendered(address: str) -> str:
    """The document a real browser has after loading `address`, as HTML."""
    program = require("browser")
    with tempfile.TemporaryDirectory(prefix="baton-browser-") as folder:
        done = subprocess.run(
            [program, *browser.arguments(Path(folder) / "profile"), "--dump-dom", address],
            env={"HOME": folder, "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    return done.stdout


@contextmanager
def mesh() -> Iterator[str]:
    """NHS England's own stand-in for MESH, empty, for as long as the block runs (3 s to start); gives its address."""
    with mesh_sandbox.running(require("mesh")) as address:
        yield address


def bench_databases(url: str) -> set[str]:
    """Databases that benches have left on a server."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'baton_bench_%'").fetchall()
    return {name for (name,) in found}
