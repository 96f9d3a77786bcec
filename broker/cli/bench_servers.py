"""The databases and the processes that benches measure: made, started as a user would, stopped, dropped."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from broker.errors import BatonError

START_UP: Final = 60.0
"""Seconds a server may take until it listens."""
STOP: Final = 15.0
"""Seconds it may take to stop."""


@contextmanager
def database(server: str | None, folder: Path, template: str | None = None) -> Iterator[str]:
    """A database of our own, empty or a copy of the one at `template`, for as long as the block runs; its address.

    On the PostgreSQL server at `server`, else a file of SQLite in the folder. Nobody may be connected to a template.
    """
    if server is None:
        file = folder / f"{secrets.token_hex(6)}.db"
        if template is not None:
            shutil.copy(template.removeprefix("sqlite:///"), file)
        yield f"sqlite:///{file}"
        return
    name = sql.Identifier(f"baton_bench_{secrets.token_hex(6)}")
    source = sql.SQL("") if template is None else sql.SQL(" TEMPLATE {}").format(_name_in(template))
    _on(server, sql.SQL("CREATE DATABASE {}{}").format(name, source))
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name.as_string().strip(chr(34))}"))
    finally:
        _on(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _name_in(address: str) -> sql.Identifier:
    return sql.Identifier(urlsplit(address).path.removeprefix("/"))


def _on(server: str, statement: sql.Composed) -> None:
    try:
        with psycopg.connect(server, autocommit=True, connect_timeout=5) as connection:
            connection.execute(statement)
    except psycopg.Error as error:
        raise BatonError("That PostgreSQL server does not let us make databases: name one that does.") from error


@contextmanager
def server(arguments: Sequence[str], settings: Mapping[str, str], log: Path) -> Iterator[int]:
    """A server process for as long as the block runs; the port of the loopback on which it listens.

    It is started with `python -m`, these arguments and `--port`; of Baton's settings it has these and no others.
    """
    port = free_port()
    with process([*arguments, "--port", str(port)], settings, log) as started:
        _wait(started, port, log)
        yield port


@contextmanager
def process(arguments: Sequence[str], settings: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours that listens nowhere, likewise."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
    with log.open("wb") as written:
        started = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-m", *arguments],
            env={**environment, **settings},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        yield started
    finally:
        _stop(started)


def free_port() -> int:
    """A port of the loopback on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    give_up = time.monotonic() + START_UP
    while time.monotonic() < give_up and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    said = log.read_text(errors="replace").strip().splitlines()
    raise BatonError(f"A server of the bench did not start: {said[-1] if said else 'it said nothing'}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
